#pragma once
#include <algorithm>

#include "src/cpu/gemm.hpp"
#include "src/cpu/scratch.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/core/view.hpp"
#include "tasuki/tensor/layout.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

/// How matmul and linear hand their operands to the matrix product.
namespace tasuki {

/// What infer asks of an operand. Tensor's own accessors are calls, and a product of 4x4 matrices is over in ten of them.
class MatrixSizes {
 public:
  explicit MatrixSizes(const Tensor& x) : dtype_(x.dtype()), shape_(x.impl()->shape) {}
  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  int ndim() const { return shape_.ndim(); }
  /// Negative `dim` counts from the back; it must exist.
  std::int64_t size(int dim) const { return shape_[dim < 0 ? dim + shape_.ndim() : dim]; }

 private:
  DType dtype_;
  const Shape& shape_;
};

/// A view of vectors or matrices with a dimension of size 1 put in at `at`, which counts from the back (-1: last).
class MatrixOperand {
 public:
  MatrixOperand(const View& x) : view_(x) {}
  MatrixOperand& insert(int at) {
    Shape shape(view_.shape, view_.ndim), strides(view_.strides, view_.ndim);
    const int position = view_.ndim + 1 + at;
    shape.insert(position, 1);
    strides.insert(position, 1);
    shape_ = shape;
    strides_ = strides;
    view_.shape = shape_.data();
    view_.strides = strides_.data();
    ++view_.ndim;
    return *this;
  }
  MatrixOperand(const MatrixOperand&) = delete;
  operator const View&() const { return view_; }

 private:
  View view_;
  Shape shape_;
  Strides strides_;
};

/// What a tensor's gradient will look like: its view with the strides of strides_like.
class GradientLayout {
 public:
  explicit GradientLayout(const Tensor& x) : strides_(strides_like(x)), view_(x.impl()->view()) { view_.strides = strides_.data(); }
  GradientLayout(const GradientLayout&) = delete;
  const View& view() const { return view_; }

 private:
  Strides strides_;
  View view_;
};

/// The row-major result that infer announces, before it has memory.
class OutputLayout {
 public:
  explicit OutputLayout(const OutputSpec& o)
      : shape_(o.shape), strides_(contiguous_strides(o.shape)),
        view_{nullptr, shape_.data(), strides_.data(), shape_.numel(), o.dtype, static_cast<std::uint8_t>(shape_.ndim()), true, true} {}
  OutputLayout(const OutputLayout&) = delete;
  const View& view() const { return view_; }

 private:
  Shape shape_;
  Strides strides_;
  View view_;
};

/// Makes the plans of the wanted gradients of the two operands; problem_of(i, gradient) tells how gradient i is computed. Answers the
/// scratch bytes that the largest of them needs.
template <class ProblemOf>
std::size_t plan_gradients(const Operands& in, Spec& spec, ProblemOf problem_of) {
  for (std::size_t i = 0; i < 2; ++i) {
    if (!in.needs_grad(i)) continue;
    const GradientLayout grad(in[i]);
    const auto plan = cpu::gemm_plan(problem_of(i, grad.view()));
    spec.backward_workspace = std::max({spec.backward_workspace, plan->workspace_bytes(false), plan->workspace_bytes(true)});
    spec.backward_flops += spec.flops;
  }
  return spec.backward_workspace;
}

/// True, at little cost, for the usual case that readable_matrices would change nothing.
inline bool are_readable(const Tensor& a, const Tensor& b) { return a.defined() && b.defined() && a.is_contiguous() && b.is_contiguous(); }

/// The tensor itself where its matrices can be read at full speed, else a row-major copy.
inline Tensor readable_matrices(const Tensor& x, SourceLocation at) {
  if (!x.defined() || x.ndim() < 2 || x.is_contiguous() ||
      cpu::is_gemm_layout(x.size(-2), x.size(-1), x.stride(-2), x.stride(-1)))
    return x;
  return x.contiguous(MemoryFormat::contiguous, at);
}

inline void multiply(const cpu::GemmProblem& problem, const View& a, const View& b, const GradSlot& c, void* workspace, std::size_t planned) {
  const auto plan = cpu::gemm_plan(problem);
  const cpu::Scratch scratch(workspace, planned, plan->workspace_bytes(c.accumulate));
  plan->run(a.data, b.data, nullptr, c.view.data, c.accumulate, scratch.data());
}

}  // namespace tasuki
