#include "tasuki/ops/feature_dropout.hpp"

#include <cmath>

#include "src/ops/composed.hpp"
#include "src/ops/operand_checks.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/dropout.hpp"
#include "tasuki/tensor/creation.hpp"

namespace tasuki {
namespace {

using At = SourceLocation;

constexpr OpInfo feature_info{"feature_dropout", "x"}, path_info{"drop_path", "x"}, alpha_info{"alpha_dropout", "x"};

void check(const Tensor& x, double p) {
  ops::check_floating(x, "x");
  TASUKI_CHECK(ValueError, p >= 0 && p <= 1, "p is ", p);
}

/// Dropout of ones in the first `kept` dimensions, to be broadcast over the others.
Tensor drawn(const Tensor& x, int kept, double p, At at) {
  Shape shape = Shape::filled(x.ndim(), 1);
  for (int d = 0; d < kept; ++d) shape[d] = x.size(d);
  return dropout(ones(shape, {.dtype = x.dtype(), .device = x.device()}), p, true, at);
}

Tensor dropped(const OpInfo& info, const Tensor& x, int kept, double p, bool training, At at) {
  return ops::composed(info, {&x}, at, [&] {
    check(x, p);
    if (x.ndim() < kept) TASUKI_THROW(ShapeError, "expected  x of at least ", kept, " dimensions\nactual    ", x.shape());
    return training && p > 0 ? x.mul({drawn(x, kept, p, at), at}) : x;
  });
}

}  // namespace

Tensor feature_dropout(const Tensor& x, double p, bool training, At at) { return dropped(feature_info, x, 2, p, training, at); }
Tensor drop_path(const Tensor& x, double p, bool training, At at) { return dropped(path_info, x, 1, p, training, at); }

Tensor alpha_dropout(const Tensor& x, double p, bool training, At at) {
  return ops::composed(alpha_info, {&x}, at, [&] {
    check(x, p);
    if (!training || p == 0) return x;
    if (p == 1) return x.mul({0, at});
    constexpr double saturated = -1.7580993408473766;  // what SELU tends to
    const double scale = 1 / std::sqrt((1 - p) * (1 + p * saturated * saturated)), shift = -scale * saturated * p;
    // scale x where kept and scale saturated elsewhere, plus shift: seen from `saturated`, a product with one factor for both directions.
    const Tensor factor = drawn(x, x.ndim(), p, at).mul({(1 - p) * scale, at});
    return x.sub({saturated, at}).mul({factor, at}).add({scale * saturated + shift, at});
  });
}

}  // namespace tasuki
