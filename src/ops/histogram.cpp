#include "tasuki/ops/histogram.hpp"

#include <cmath>

#include "kernels/dispatch.hpp"
#include "kernels/histogram.hpp"
#include "src/ops/composed.hpp"
#include "src/ops/operand_checks.hpp"
#include "tasuki/ops/copy.hpp"
#include "tasuki/ops/reduce.hpp"

namespace tasuki {
namespace {

struct Histogram final : Function {
  std::int64_t bins;
  double low, high;
  Histogram(std::int64_t b, double l, double h) : bins(b), low(l), high(h) {}
  static constexpr OpInfo op{"histc", "x", op_not_differentiable};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override { return detail::concat({"bins=", bins, ", low=", low, ", high=", high}); }
  Spec infer(const Operands& in) override {
    Spec spec({bins}, i64);
    spec.workspace = kernels::cpu::histogram_workspace(in[0].numel(), bins);
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::histogram(l.in(0), low, high, l.out(0), l.workspace());
      default: kernels::not_on(l.device(), op.name);
    }
  }
};

}  // namespace

Tensor histc(const Tensor& given, std::int64_t bins, double low, double high, SourceLocation at) {
  return ops::composed(Histogram::op, {&given}, at, [&] {
    ops::check_floating(given, "x");
    TASUKI_CHECK_OP(ValueError, bins, >=, 1);
    const Tensor x = ops::row_major(given.detach(), at);
    if (low == high && x.numel() > 0) {
      low = min(x, at).to(f64, at).item<double>();
      high = max(x, at).to(f64, at).item<double>();
    }
    if (low == high) {
      low -= 1;
      high += 1;
    }
    if (!(low <= high) || !std::isfinite(low) || !std::isfinite(high))
      TASUKI_THROW(ValueError, "expected  finite low <= high\nactual    low = ", low, ", high = ", high);
    return apply(Histogram(bins, low, high), {&x}, at).to(x.dtype() == f64 ? f64 : f32, at);
  });
}

}  // namespace tasuki
