#include "tasuki/ops/histogram.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/dispatch.hpp"
#include "kernels/histogram.hpp"
#include "src/ops/composed.hpp"
#include "src/ops/operand_checks.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/compare.hpp"
#include "tasuki/ops/copy.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/scatter.hpp"
#include "tasuki/ops/sort.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/creation.hpp"

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

/// How often each of 0, 1, ... is in x.
struct Bincount final : Function {
  std::int64_t length;
  explicit Bincount(std::int64_t n) : length(n) {}
  static constexpr OpInfo op{"bincount", "x", op_not_differentiable};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override { return "length=" + std::to_string(length); }
  Spec infer(const Operands& in) override {
    Spec spec({length}, i64);
    spec.workspace = kernels::cpu::histogram_workspace(in[0].numel(), length);
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::count_values(l.in(0), l.out(0), l.workspace());
      default: kernels::not_on(l.device(), op.name);
    }
  }
};

/// The smallest and the largest of whole numbers.
struct RangeOfIntegers final : Function {
  static constexpr OpInfo op{"bincount", "x", op_not_differentiable};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands&) override { return Spec({2}, i64); }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: {
        const kernels::cpu::IntegerRange range = kernels::cpu::integer_range(l.in(0));
        l.out(0).as<std::int64_t>()[0] = range.low;
        l.out(0).as<std::int64_t>()[1] = range.high;
        return;
      }
      default: kernels::not_on(l.device(), op.name);
    }
  }
};

/// Where equal limits ask for them, those of the data; a unit around a single value.
void find_range(const Tensor& x, double& low, double& high, SourceLocation at, double around) {
  if (low == high && x.numel() > 0) {
    low = min(x, at).to(f64, at).item<double>();
    high = max(x, at).to(f64, at).item<double>();
  }
  if (low == high) {
    low -= around;
    high += around;
  }
  if (!(low <= high) || !std::isfinite(low) || !std::isfinite(high))
    TASUKI_THROW(ValueError, "expected  finite low <= high\nactual    low = ", low, ", high = ", high);
}

constexpr OpInfo histogram_info{"histogram", "x"}, bincount_info{"bincount", "x, weight"};

/// Sums of weights by the place that each belongs to; those whose place is `count` belong nowhere. In f64, in the order of the elements.
Tensor gathered(const Tensor& places, const Tensor& weight, std::int64_t count, SourceLocation at) {
  const Tensor index = places.reshape({-1}, at), none = zeros({count + 1}, {.dtype = f64, .device = places.device()}, at);
  const Tensor added = weight.defined() ? weight.detach().reshape({-1}, at).to(f64, at) : ones(index.shape(), {.dtype = f64, .device = places.device()}, at);
  return scatter_add(none, 0, index, added, at).slice(0, 0, count, 1, at);
}

}  // namespace

Tensor histc(const Tensor& given, std::int64_t bins, double low, double high, SourceLocation at) {
  return ops::composed(Histogram::op, {&given}, at, [&] {
    ops::check_floating(given, "x");
    TASUKI_CHECK_OP(ValueError, bins, >=, 1);
    const Tensor x = ops::row_major(given.detach(), at);
    find_range(x, low, high, at, 1);
    return apply(Histogram(bins, low, high), {&x}, at).to(x.dtype() == f64 ? f64 : f32, at);
  });
}

HistogramResult histogram(const Tensor& x, std::int64_t bins, const HistogramOptions& o, SourceLocation at) {
  return ops::composed(histogram_info, {&x}, at, [&] {
    ops::check_floating(x, "x");
    TASUKI_CHECK_OP(ValueError, bins, >=, 1);
    double low = o.low, high = o.high;
    find_range(x.detach(), low, high, at, 0.5);
    return histogram(x, linspace(low, high, bins + 1, {.dtype = x.dtype(), .device = x.device()}, at), o, at);
  });
}

HistogramResult histogram(const Tensor& given, const Tensor& edges, const HistogramOptions& o, SourceLocation at) {
  return ops::composed(histogram_info, {&given}, at, [&] {
    ops::check_floating(given, "x");
    ops::check_dtype(edges, "edges", given.dtype());
    TASUKI_CHECK_OP(ShapeError, edges.ndim(), ==, 1);
    TASUKI_CHECK_OP(ShapeError, edges.numel(), >=, 2);
    if (o.weight.defined()) {
      ops::check_dtype(o.weight, "weight", given.dtype());
      ops::check_shape(o.weight, "weight", given.shape());
    }
    const Tensor x = given.detach();
    const std::int64_t bins = edges.numel() - 1;
    const Tensor last = edges.select(0, bins, at), interval = searchsorted(edges, x, true, at).sub({1, at});
    const Tensor inside = logical_and(x.ge({edges.select(0, 0, at), at}), {x.le({last, at}), at});
    const Tensor places = masked_fill(clamp_max(interval, static_cast<double>(bins - 1), at), logical_not(inside, at), static_cast<double>(bins), at);
    Tensor hist = gathered(places, o.weight, bins, at);
    if (o.density) {
      const Tensor wide = edges.detach().to(f64, at);
      hist = hist / (wide.slice(0, 1, bins + 1, 1, at) - wide.slice(0, 0, bins, 1, at)) / sum(hist, at);
    }
    return HistogramResult{hist.to(given.dtype(), at), edges};
  });
}

Tensor bincount(const Tensor& x, const Tensor& weight, std::int64_t min_length, SourceLocation at) {
  return ops::composed(bincount_info, {&x, &weight}, at, [&] {
    ops::check_index_dtype(x, "x");
    TASUKI_CHECK_OP(ShapeError, x.ndim(), ==, 1);
    TASUKI_CHECK_OP(ValueError, min_length, >=, 0);
    if (weight.defined()) {
      ops::check_floating(weight, "weight");
      ops::check_shape(weight, "weight", x.shape());
    }
    const Tensor values = ops::row_major(x, at);
    std::int64_t largest = -1;
    if (x.numel() > 0) {
      const Tensor range = apply(RangeOfIntegers(), {&values}, at);
      if (range[0].item<std::int64_t>(at) < 0) TASUKI_THROW(IndexError, "expected  x of at least 0\nactual    a negative one");
      largest = range[1].item<std::int64_t>(at);
    }
    const std::int64_t length = std::max(largest + 1, min_length);
    if (weight.defined()) return gathered(x, weight, length, at).to(weight.dtype(), at);
    if (length == 0) return zeros({0}, {.dtype = i64, .device = x.device()}, at);
    return apply(Bincount(length), {&values}, at);
  });
}

}  // namespace tasuki
