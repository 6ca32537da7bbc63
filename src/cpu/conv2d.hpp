#pragma once
#include <cstddef>
#include <cstdint>

#include "src/cpu/plan_cache.hpp"
#include "tasuki/core/dtype.hpp"
#include "tasuki/core/shape.hpp"

namespace tasuki::cpu {

/// One convolution as numbers: y [n, o, oh, ow] of x [n, c, h, w] with weight [o, c / groups, kh, kw]. Strides count elements; the
/// layouts are dense, in any order of the dimensions. Bias is [o] without gaps.
struct ConvShape {
  DType dtype = f32;
  std::int64_t n = 0, c = 0, h = 0, w = 0, o = 0, kh = 0, kw = 0, oh = 0, ow = 0;
  std::int64_t stride_h = 1, stride_w = 1, padding_h = 0, padding_w = 0, dilation_h = 1, dilation_w = 1, groups = 1;
  bool has_bias = false;
  Strides x_strides, weight_strides, y_strides;

  Shape x_shape() const { return {n, c, h, w}; }
  Shape weight_shape() const { return {o, c / groups, kh, kw}; }
  Shape y_shape() const { return {n, o, oh, ow}; }
  /// Of one pass; all three have the same.
  double flops() const;
};

enum class ConvPass : std::uint8_t {
  forward,      ///< y from x, weight, bias
  input_grad,   ///< x from y and weight: the gradient of forward in x, that is, a transposed convolution
  weight_grad,  ///< weight (and bias) from x and y
};

/// Operands and results of a pass, by their role in the forward pass: input_grad reads `y` and writes `x`.
struct ConvBuffers {
  void* x = nullptr;
  void* weight = nullptr;
  void* bias = nullptr;
  void* y = nullptr;
};

class ConvPlan : public Plan {
 public:
  virtual std::size_t workspace_bytes() const = 0;
  virtual void run(const ConvBuffers& buffers, void* workspace) const = 0;
  /// What computes it, for tests and for those who wonder: "jit:avx512_core", "direct:images", ...
  virtual const char* implementation() const = 0;
};

PlanPtr<ConvPlan> conv2d_plan(ConvPass pass, const ConvShape& shape);

}  // namespace tasuki::cpu
