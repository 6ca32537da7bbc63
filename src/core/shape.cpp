#include "tasuki/core/shape.hpp"

#include "tasuki/core/error.hpp"

namespace tasuki {

void Shape::too_many(std::size_t count) { TASUKI_THROW(ShapeError, "a tensor has at most ", max_dims, " dimensions, not ", count); }

void Shape::insert(int at, std::int64_t v) {
  push_back(v);
  for (int i = ndim_ - 1; i > at; --i) d_[i] = d_[i - 1];
  d_[at] = v;
}

void Shape::erase(int at) {
  for (int i = at; i + 1 < ndim_; ++i) d_[i] = d_[i + 1];
  d_[--ndim_] = 0;
}

std::string Shape::to_string() const {
  std::string text = "[";
  for (int i = 0; i < ndim_; ++i) text += (i ? ", " : "") + std::to_string(d_[i]);
  return text + "]";
}

Strides contiguous_strides(const Shape& shape) {
  Strides strides = Shape::filled(shape.ndim(), 1);
  for (int i = shape.ndim() - 2; i >= 0; --i) strides[i] = strides[i + 1] * (shape[i + 1] > 1 ? shape[i + 1] : 1);
  return strides;
}

}  // namespace tasuki
