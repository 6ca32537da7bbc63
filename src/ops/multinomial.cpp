// Of ops/random.hpp: draws of indices by weight.
#include "src/ops/composed.hpp"
#include "src/ops/operand_checks.hpp"
#include "tasuki/ops/aggregate.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/compare.hpp"
#include "tasuki/ops/copy.hpp"
#include "tasuki/ops/random.hpp"
#include "tasuki/ops/scan.hpp"
#include "tasuki/ops/sort.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/ops/view.hpp"

namespace tasuki {
namespace {

using At = SourceLocation;

constexpr OpInfo multinomial_info{"multinomial", "probabilities", op_random};

bool all_of(const Tensor& flags, At at) { return all(flags, {}, false, at).item<bool>(at); }

void check(const Tensor& p, std::int64_t samples, bool replacement, At at) {
  ops::check_floating(p, "probabilities");
  if (p.ndim() < 1 || p.ndim() > 2) TASUKI_THROW(ShapeError, "expected  probabilities [n] or [m, n]\nactual    ", p.shape());
  TASUKI_CHECK_OP(ValueError, samples, >=, 1);
  if (!all_of(logical_and(p.ge({0, at}), {isfinite(p, at), at}), at)) TASUKI_THROW(ValueError, "expected  probabilities that are finite and not negative\nactual    others");
  const std::int64_t fewest = replacement ? 1 : samples;
  if (!all_of(count_nonzero(p, -1, at).ge({fewest, at}), at))
    TASUKI_THROW(ValueError, "expected  at least ", fewest, fewest == 1 ? " probability" : " probabilities", " above 0 to draw from\nactual    fewer");
}

}  // namespace

Tensor multinomial(const Tensor& probabilities, std::int64_t samples, const MultinomialOptions& options, Generator* generator, At at) {
  return ops::composed(multinomial_info, {&probabilities}, at, [&] {
    const Tensor given = probabilities.detach();
    check(given, samples, options.replacement, at);
    const Tensor p = given.to(f64, at);
    if (options.replacement) {
      Shape shape = p.shape();
      shape[shape.ndim() - 1] = samples;
      const Tensor ends = cumsum(p, -1, at), whole = ends.narrow(-1, p.size(-1) - 1, 1, at);
      const Tensor drawn = rand(shape, {.dtype = f64, .device = p.device()}, generator, at).mul({whole, at});
      return searchsorted(ends, drawn, true, at);  // drawn < whole: an index whose weight is above 0
    }
    // The first arrivals of Poisson processes: exponential times divided by the rates (Efraimidis and Spirakis, 2006).
    const Tensor times = -log1p(-rand(p.shape(), {.dtype = f64, .device = p.device()}, generator, at), at);
    return topk(times.div({p, at}), samples, -1, {.largest = false}, at).indices;
  });
}

}  // namespace tasuki
