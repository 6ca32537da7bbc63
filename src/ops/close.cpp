// Of ops/compare.hpp: nearness.
#include "src/ops/composed.hpp"
#include "src/ops/operand_checks.hpp"
#include "tasuki/ops/aggregate.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/compare.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {
namespace {

using At = SourceLocation;

constexpr OpInfo isclose_info{"isclose", "a, b"}, allclose_info{"allclose", "a, b"}, equal_info{"equal", "a, b"};

}  // namespace

Tensor isclose(const Tensor& given_a, const Tensor& given_b, const CloseOptions& o, At at) {
  return ops::composed(isclose_info, {&given_a, &given_b}, at, [&] {
    ops::check_floating(given_a, "a");
    ops::check_dtype(given_b, "b", given_a.dtype());
    broadcast_shapes(given_a.shape(), given_b.shape());  // throws
    TASUKI_CHECK(ValueError, o.rtol >= 0 && o.atol >= 0, "rtol is ", o.rtol, ", atol ", o.atol);
    const Tensor a = given_a.detach(), b = given_b.detach();
    const Tensor allowed = b.abs(at).mul({o.rtol, at}).add({o.atol, at}), distance = a.sub({b, at}).abs(at);
    Tensor close = logical_or(logical_and(isfinite(distance, at), {distance.le({allowed, at}), at}), {a.eq({b, at}), at});
    if (o.equal_nan) close = logical_or(close, {logical_and(isnan(a, at), {isnan(b, at), at}), at});
    return close;
  });
}

bool allclose(const Tensor& a, const Tensor& b, const CloseOptions& o, At at) {
  return ops::composed(allclose_info, {&a, &b}, at, [&] { return all(isclose(a, b, o, at), {}, false, at).item<bool>(at); });
}

bool equal(const Tensor& a, const Tensor& b, At at) {
  return ops::composed(equal_info, {&a, &b}, at, [&] {
    ops::check_dtype(b, "b", a.dtype());
    return a.shape() == b.shape() && all(a.detach().eq({b.detach(), at}), {}, false, at).item<bool>(at);
  });
}

}  // namespace tasuki
