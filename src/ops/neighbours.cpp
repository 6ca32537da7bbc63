// Of ops/rearrange.hpp: what is made of flips, views and selections.
#include <cstdlib>

#include "src/ops/composed.hpp"
#include "src/ops/operand_checks.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/copy.hpp"
#include "tasuki/ops/index_select.hpp"
#include "tasuki/ops/rearrange.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/scan.hpp"
#include "tasuki/ops/sort.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {
namespace {

using At = SourceLocation;

constexpr OpInfo interleave_info{"repeat_interleave", "x, repeats"}, rot90_info{"rot90", "x"}, fliplr_info{"fliplr", "x"}, flipud_info{"flipud", "x"}, diff_info{"diff", "x"};

int dim_of(const Tensor& x, int dim) {
  TASUKI_CHECK_OP(ShapeError, x.ndim(), >=, 1);
  return normalize_dim(dim, x.ndim());
}

}  // namespace

Tensor repeat_interleave(const Tensor& x, std::int64_t repeats, int dim, At at) {
  return ops::composed(interleave_info, {&x}, at, [&] {
    const int d = dim_of(x, dim);
    TASUKI_CHECK_OP(ValueError, repeats, >=, 0);
    std::int64_t leading = 1, trailing = 1;
    for (int i = 0; i < d; ++i) leading *= x.size(i);
    for (int i = d + 1; i < x.ndim(); ++i) trailing *= x.size(i);
    Shape shape = x.shape();
    shape[d] *= repeats;
    const Tensor y = x.reshape({leading, x.size(d), 1, trailing}, at).expand({leading, x.size(d), repeats, trailing}, at).reshape(shape, at);
    return y.shares_storage(x) ? y.clone(at) : y;
  });
}

Tensor repeat_interleave(const Tensor& x, const Tensor& repeats, int dim, At at) {
  return ops::composed(interleave_info, {&x, &repeats}, at, [&] {
    const int d = dim_of(x, dim);
    ops::check_index_dtype(repeats, "repeats");
    ops::check_shape(repeats, "repeats", {x.size(d)});
    if (repeats.numel() > 0 && min(repeats.to(i64, at).to(f64, at), at).item<double>() < 0) TASUKI_THROW(ValueError, "expected  repeats of at least 0\nactual    a negative one");
    const Tensor ends = cumsum(repeats.to(i64, at), 0, at);
    const std::int64_t total = repeats.numel() > 0 ? ends[-1].item<std::int64_t>() : 0;
    return index_select(x, d, searchsorted(ends, arange(0, total, 1, {.device = x.device()}, at), true, at), at);
  });
}

Tensor rot90(const Tensor& x, int k, const Dims& dims, At at) {
  return ops::composed(rot90_info, {&x}, at, [&] {
    TASUKI_CHECK_OP(ShapeError, dims.ndim(), ==, 2, "a plane has two dimensions");
    const Dims plane = normalize_dims(dims, x.ndim());
    const int a = static_cast<int>(plane[0]), b = static_cast<int>(plane[1]);
    switch ((k % 4 + 4) % 4) {
      case 1: return flip(x, b, at).transpose(a, b, at);
      case 2: return flip(x, plane, at);
      case 3: return flip(x, a, at).transpose(a, b, at);
      default: return x.clone(at);
    }
  });
}

Tensor fliplr(const Tensor& x, At at) {
  return ops::composed(fliplr_info, {&x}, at, [&] {
    TASUKI_CHECK_OP(ShapeError, x.ndim(), >=, 2);
    return flip(x, 1, at);
  });
}
Tensor flipud(const Tensor& x, At at) {
  return ops::composed(flipud_info, {&x}, at, [&] {
    TASUKI_CHECK_OP(ShapeError, x.ndim(), >=, 1);
    return flip(x, 0, at);
  });
}

Tensor diff(const Tensor& x, std::int64_t n, int dim, At at) {
  return ops::composed(diff_info, {&x}, at, [&] {
    const int d = dim_of(x, dim);
    TASUKI_CHECK_OP(ValueError, n, >=, 0);
    if (n == 0) return x.clone(at);
    Tensor y = x;
    for (; n > 0 && y.size(d) > 0; --n) y = y.narrow(d, 1, y.size(d) - 1, at).sub({y.narrow(d, 0, y.size(d) - 1, at), at});
    return y;
  });
}

}  // namespace tasuki
