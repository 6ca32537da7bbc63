#pragma once
#include "tasuki/tensor/tensor.hpp"

/// For ops made of ops: halves are computed in f32 and rounded once, at the end.
namespace tasuki::ops {

inline bool is_half(const Tensor& x) { return x.element_size() == 2; }
/// x, in f32 where it is of halves.
inline Tensor widened(const Tensor& x, SourceLocation at) { return x.defined() && is_half(x) ? x.to(f32, at) : x; }

/// f(x), for halves in f32: what f rounds on the way is rounded finely.
template <class F>
Tensor in_single_precision(const Tensor& x, SourceLocation at, F&& f) {
  return is_half(x) ? f(x.to(f32, at)).to(x.dtype(), at) : f(x);
}

}  // namespace tasuki::ops
