#include "tasuki/nn/parametrize.hpp"

#include <string>

#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/ops/aggregate.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/copy.hpp"
#include "tasuki/ops/matmul.hpp"
#include "tasuki/ops/random.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki::nn {

// ---- weight norm

/// Lengths along all dimensions but `dim`, which keep size 1.
static Tensor lengths(const Tensor& v, int dim) {
  const int kept = normalize_dim(dim, v.ndim());
  Dims others;
  for (int d = 0; d < v.ndim(); ++d)
    if (d != kept) others.push_back(d);
  return others.empty() ? v.abs() : norm(v, 2, others, true);
}

/// Throws for a dimension that the parameter does not have.
static void check_dim(const char* name, const Tensor& value, int dim) {
  if (dim < -value.ndim() || dim >= value.ndim())
    TASUKI_THROW(IndexError, name, " was asked for dimension ", dim, " of a parameter ", value.describe(), "\nit is the dimension of the outputs: 0, or 1 for transposed convolutions");
}

std::vector<Tensor> WeightNorm::raw(const Tensor& value) {
  check_dim("WeightNorm", value, dim_);
  return {lengths(value, dim_), value.clone()};
}
Tensor WeightNorm::compute(const std::vector<Tensor>& raw) const { return raw[1] * (raw[0] / lengths(raw[1], dim_)); }

// ---- spectral norm

static Tensor as_matrix(const Tensor& weight, int dim) {
  return weight.transpose(normalize_dim(dim, weight.ndim()), 0).flatten(1);
}
static Tensor of_length_1(const Tensor& x, double eps) { return x / maximum(norm(x), eps); }

std::vector<Tensor> SpectralNorm::raw(const Tensor& value) {
  if (value.ndim() < 2) TASUKI_THROW(ShapeError, "SpectralNorm was asked for the singular values of ", value.describe(), "\na parameter of two dimensions or more has some");
  check_dim("SpectralNorm", value, options_.dim);
  const Tensor matrix = as_matrix(value, options_.dim);
  const TensorOptions options{.dtype = value.dtype(), .device = value.device()};
  u_ = of_length_1(randn({matrix.size(0)}, options), options_.eps);
  v_ = of_length_1(randn({matrix.size(1)}, options), options_.eps);
  iterate(matrix, 15);
  return {value.clone()};
}

void SpectralNorm::iterate(const Tensor& matrix, std::int64_t times) const {
  const NoGrad off;
  for (std::int64_t i = 0; i < times; ++i) {
    u_.copy_(of_length_1(matmul(matrix, v_), options_.eps));
    v_.copy_(of_length_1(matmul(matrix.transpose(0, 1), u_), options_.eps));
  }
}

Tensor SpectralNorm::compute(const std::vector<Tensor>& raw) const {
  const Tensor matrix = as_matrix(raw[0], options_.dim);
  if (is_training()) iterate(matrix.detach(), options_.n_power_iterations);
  // Copies: the next forward changes the vectors, and backward may still be to come.
  const Tensor u = u_.clone(), v = v_.clone();
  return raw[0] / sum(u * matmul(matrix, v));
}

}  // namespace tasuki::nn
