#include "tasuki/tensor/tensor_impl.hpp"

#include <new>

#include "src/core/pool.hpp"

namespace tasuki {

namespace {
bool is_row_major(const Shape& shape, const Strides& strides) {
  if (shape.numel() == 0) return true;
  std::int64_t expected = 1;
  for (int i = shape.ndim() - 1; i >= 0; --i) {
    if (shape[i] != 1) {
      if (strides[i] != expected) return false;
      expected *= shape[i];
    }
  }
  return true;
}
}  // namespace

TensorImpl* TensorImpl::create(Storage* storage, std::int64_t offset, DType dtype, const Shape& shape, const Strides& strides) {
  auto* t = new (pool_allocate(sizeof(TensorImpl))) TensorImpl;
  t->storage = storage;
  t->offset = offset;
  t->dtype = dtype;
  t->shape = shape;
  t->strides = strides;
  t->numel = shape.numel();
  t->contiguous = is_row_major(shape, strides);
  return t;
}

void TensorImpl::reseat(Storage* adopted, std::int64_t new_offset, DType new_dtype, const Shape& new_shape, const Strides& new_strides) {
  if (storage->producer() == grad_node) storage->set_producer(nullptr, 0);
  storage->release_bytes();
  storage->release();
  storage = adopted;
  offset = new_offset;
  dtype = new_dtype;
  shape = new_shape;
  strides = new_strides;
  numel = shape.numel();
  contiguous = is_row_major(shape, strides);
}

void TensorImpl::destroy() noexcept {
  storage->release();
  this->~TensorImpl();
  pool_free(this, sizeof(TensorImpl));
}

}  // namespace tasuki
