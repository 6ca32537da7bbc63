#pragma once
#include <cstdint>

#include "tasuki/tensor/tensor_impl.hpp"
#include "tasuki/tensor/tensor.hpp"

namespace tasuki::optim {

/// `count` elements of a dense tensor from `begin` on, in the order of memory: a view of one dimension that is no differentiable one.
inline Tensor flat_part(const Tensor& dense, std::int64_t begin, std::int64_t count) {
  const TensorImpl& t = *dense.impl();
  t.storage->retain();
  t.storage->retain_bytes();
  return Tensor::adopt(TensorImpl::create(t.storage, t.offset + begin, t.dtype, Shape({count}), Strides({1})));
}

}  // namespace tasuki::optim
