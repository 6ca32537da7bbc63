#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "src/cpu/plan_cache.hpp"
#include "tasuki/core/dtype.hpp"
#include "tasuki/core/shape.hpp"

namespace tasuki::cpu {

/// The three operands of a convolution y = x * weight, and the pass that computes it from the other two: `y` is the convolution,
/// `x` its gradient in the image (a transposed convolution), `weight` its gradient in the weight.
enum class ConvOperand : std::uint8_t { x, weight, y };

/// One convolution as numbers: y [n, o, sizes...] of x [n, c, sizes...] with weight [o, c / groups, kernel...], of `dims` spatial
/// dimensions. Sizes and options are those of depth, height, width; dimensions that are not there have size 1 and stride 1.
/// Strides of operands count elements; layouts are dense, in any order of the dimensions. Bias is [o] without gaps.
struct ConvShape {
  using Sizes = std::array<std::int64_t, 3>;
  DType dtype = f32;
  bool has_bias = false;  // y takes one, or the gradient of weight comes with the gradient of one
  int dims = 2;
  std::int64_t n = 0, c = 0, o = 0, groups = 1;
  Sizes x_size{1, 1, 1}, kernel{1, 1, 1}, y_size{1, 1, 1};
  Sizes stride{1, 1, 1}, padding{}, padding_end{}, dilation{1, 1, 1};
  Strides strides[3];  // by operand

  Shape shape(ConvOperand operand) const;
  const Strides& strides_of(ConvOperand operand) const { return strides[static_cast<int>(operand)]; }
  Strides& strides_of(ConvOperand operand) { return strides[static_cast<int>(operand)]; }
  /// Of one pass; all three have the same.
  double flops() const;
};

/// Operands and result of a pass.
struct ConvBuffers {
  void* operand[3] = {};  // x, weight, y
  void* bias = nullptr;

  void*& of(ConvOperand o) { return operand[static_cast<int>(o)]; }
  void* of(ConvOperand o) const { return operand[static_cast<int>(o)]; }
};

class ConvPlan : public Plan {
 public:
  virtual std::size_t workspace_bytes() const = 0;
  virtual void run(const ConvBuffers& buffers, void* workspace) const = 0;
  /// What computes it, for tests and for those who wonder: "jit:avx512_core", "direct:images", ...
  virtual const char* implementation() const = 0;
};

/// The plan of the pass that computes `result`.
PlanPtr<ConvPlan> conv_plan(ConvOperand result, const ConvShape& shape);

}  // namespace tasuki::cpu
