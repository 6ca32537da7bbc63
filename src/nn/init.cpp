#include "tasuki/nn/init.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/compare.hpp"
#include "tasuki/ops/copy.hpp"
#include "tasuki/ops/linalg.hpp"
#include "tasuki/ops/sort.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/creation.hpp"

namespace tasuki::nn::init {

const Tensor& orthogonal_(const Tensor& x, double gain) {
  const NoGrad off;
  TASUKI_CHECK_OP(ShapeError, x.ndim(), >=, 2, "a matrix has orthonormal rows or columns, not ", x.describe());
  if (x.numel() == 0) return x;
  const std::int64_t rows = x.size(0), columns = x.numel() / rows;
  const Tensor values = randn({std::max(rows, columns), std::min(rows, columns)}, {.dtype = x.dtype() == f64 ? f64 : f32, .device = x.device()});
  const Tensor q = qr(values).q * gain;
  return x.copy_((rows < columns ? q.transpose(0, 1) : q).reshape(x.shape()).to(x.dtype()));
}

const Tensor& sparse_(const Tensor& x, double sparsity, double std) {
  const NoGrad off;
  TASUKI_CHECK_OP(ShapeError, x.ndim(), ==, 2, "sparse_ fills matrices, not ", x.describe());
  TASUKI_CHECK(ValueError, sparsity >= 0 && sparsity <= 1, "sparsity is ", sparsity);
  init::normal_(x, 0, std);
  const Tensor ranks = argsort(argsort(rand(x.shape(), {.device = x.device()}), 0), 0);
  return x.copy_(masked_fill(x, lt(ranks, std::ceil(sparsity * static_cast<double>(x.size(0)))), 0));
}

const Tensor& dirac_(const Tensor& x, std::int64_t groups) {
  const NoGrad off;
  if (x.ndim() < 3 || x.ndim() > 5) TASUKI_THROW(ShapeError, "expected  a weight [out, in, kernel...] of 3 to 5 dimensions\nactual    ", x.describe());
  TASUKI_CHECK(ValueError, groups >= 1 && x.size(0) % groups == 0, x.size(0), " output channels do not divide into ", groups, " groups");
  std::vector<float> values(static_cast<std::size_t>(x.numel()));
  std::int64_t taps = 1, centre = 0;
  for (int d = 2; d < x.ndim(); ++d) {
    taps *= x.size(d);
    centre = centre * x.size(d) + x.size(d) / 2;
  }
  const std::int64_t per_group = x.size(0) / groups, in = x.size(1);
  for (std::int64_t g = 0; g < groups; ++g)
    for (std::int64_t i = 0; i < std::min(per_group, in) && taps > 0; ++i) values[static_cast<std::size_t>(((g * per_group + i) * in + i) * taps + centre)] = 1;
  return x.copy_(from(values, x.shape()).to(x.dtype()).to(x.device()));
}

const Tensor& eye_(const Tensor& x) {
  const NoGrad off;
  TASUKI_CHECK_OP(ShapeError, x.ndim(), ==, 2, "eye_ fills matrices, not ", x.describe());
  return x.copy_(eye(x.size(0), x.size(1), {.dtype = x.dtype(), .device = x.device()}));
}

}  // namespace tasuki::nn::init
