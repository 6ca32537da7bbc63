// Views as methods of Tensor.
#include "tasuki/ops/view.hpp"

namespace tasuki {

using At = SourceLocation;

Tensor Tensor::operator[](std::int64_t index) const { return tasuki::select(*this, 0, index, At()); }
Tensor Tensor::select(int dim, std::int64_t index, At at) const { return tasuki::select(*this, dim, index, at); }
Tensor Tensor::slice(int dim, std::int64_t begin, std::int64_t end, std::int64_t step, At at) const { return tasuki::slice(*this, dim, begin, end, step, at); }
Tensor Tensor::narrow(int dim, std::int64_t begin, std::int64_t length, At at) const { return tasuki::narrow(*this, dim, begin, length, at); }
Tensor Tensor::reshape(const Shape& shape, At at) const { return tasuki::reshape(*this, shape, at); }
Tensor Tensor::flatten(int from, int to, At at) const { return tasuki::flatten(*this, from, to, at); }
Tensor Tensor::transpose(int a, int b, At at) const { return tasuki::transpose(*this, a, b, at); }
Tensor Tensor::permute(const Dims& order, At at) const { return tasuki::permute(*this, order, at); }
Tensor Tensor::expand(const Shape& shape, At at) const { return tasuki::expand(*this, shape, at); }
Tensor Tensor::squeeze(At at) const { return tasuki::squeeze(*this, at); }
Tensor Tensor::squeeze(int dim, At at) const { return tasuki::squeeze(*this, dim, at); }
Tensor Tensor::unsqueeze(int dim, At at) const { return tasuki::unsqueeze(*this, dim, at); }
Tensor Tensor::unfold(int dim, std::int64_t size, std::int64_t step, At at) const { return tasuki::unfold(*this, dim, size, step, at); }
Tensor Tensor::diagonal(std::int64_t offset, int dim1, int dim2, At at) const { return tasuki::diagonal(*this, offset, dim1, dim2, at); }

}  // namespace tasuki
