#include "tests/support/operands.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tasuki::testing {
namespace {

/// splitmix64: small, and the same numbers on every platform.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t bits() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  double uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }

 private:
  std::uint64_t state_;
};

double off_the_kinks(double value, const std::vector<double>& kinks) {
  constexpr double distance = 0.05;
  for (double kink : kinks)
    if (std::fabs(value - kink) < distance) return kink + (value < kink ? -distance : distance);
  return value;
}

std::vector<double> values_of(const Input& input, std::int64_t count, Random& random) {
  std::vector<double> values(static_cast<std::size_t>(count));
  switch (input.fill) {
    case Fill::uniform:
      for (double& v : values) v = off_the_kinks(input.lo + (input.hi - input.lo) * random.uniform(), input.avoid);
      break;
    case Fill::integers:
      for (double& v : values) v = std::floor(input.lo + (input.hi - input.lo + 1) * random.uniform());
      break;
    case Fill::distinct: {
      for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = input.lo + (input.hi - input.lo) * (static_cast<double>(i) + 0.5) / static_cast<double>(values.size());
      for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[random.bits() % i]);
      break;
    }
  }
  return values;
}

DType dtype_for(const Input& input, DType dtype) { return input.dtype.value_or(dtype); }

double poison_for(DType dtype) {
  if (is_floating(dtype)) return std::numeric_limits<double>::quiet_NaN();
  return dtype == DType::u8 || dtype == DType::boolean ? 1 : 1 << 30;
}

Dims channels_last_order(int ndim) {  // N, spatial..., C
  Dims order{0};
  for (int d = 2; d < ndim; ++d) order.push_back(d);
  order.push_back(1);
  return order;
}

Dims back_to_channels_first(int ndim) {
  Dims order{0, ndim - 1};
  for (int d = 1; d < ndim - 1; ++d) order.push_back(d);
  return order;
}

bool affects(Layout layout, const Shape& shape) {
  const int n = shape.ndim();
  switch (layout) {
    case Layout::contiguous: return false;
    case Layout::transposed: return n >= 2;
    case Layout::sliced: return n >= 1;
    case Layout::expanded: return n >= 1 && shape[0] > 1;
    case Layout::channels_last: return n >= 4;
  }
  return false;
}

Shape base_shape(const Shape& shape, Layout layout) {
  const int n = shape.ndim();
  if (!affects(layout, shape)) return shape;
  Shape base;
  switch (layout) {
    case Layout::transposed:
      for (int d = n - 1; d >= 0; --d) base.push_back(shape[d]);
      return base;
    case Layout::sliced:  // a row before, an element before each and in between
      base = shape;
      if (n >= 2) base[0] += 1;
      base[n - 1] = 2 * base[n - 1] + 1;
      return base;
    case Layout::expanded:
      base = shape;
      base[0] = 1;
      return base;
    case Layout::channels_last:
      for (std::int64_t d : channels_last_order(n)) base.push_back(shape[static_cast<int>(d)]);
      return base;
    case Layout::contiguous: break;
  }
  return shape;
}

Tensor view_of(const Tensor& base, const Shape& shape, Layout layout) {
  const int n = shape.ndim();
  if (!affects(layout, shape)) return base;
  switch (layout) {
    case Layout::transposed: {
      Dims order;
      for (int d = n - 1; d >= 0; --d) order.push_back(d);
      return base.permute(order);
    }
    case Layout::sliced: {
      const Tensor rows = n >= 2 ? base.slice(0, 1, shape[0] + 1) : base;
      return rows.slice(n - 1, 1, 2 * shape[n - 1] + 1, 2);
    }
    case Layout::expanded: return base.expand(shape);
    case Layout::channels_last: return base.permute(back_to_channels_first(n));
    case Layout::contiguous: break;
  }
  return base;
}

/// Which entries of a base the operand sees, as whole-number positions of the operand's elements.
HostArray poisoned(const Shape& base, const Shape& shape, Layout layout, DType dtype, const std::vector<double>& values) {
  HostArray out(base, poison_for(dtype));
  if (layout != Layout::sliced || !affects(layout, shape)) {
    out.values = values;
    return out;
  }
  const std::int64_t width = shape[shape.ndim() - 1], base_width = 2 * width + 1;
  // the leading row of dimension 0 is skipped; everything in between keeps its order
  std::int64_t skipped = 0;
  if (shape.ndim() >= 2) {
    skipped = 1;
    for (int d = 1; d < shape.ndim() - 1; ++d) skipped *= shape[d];
  }
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(values.size()); ++i)
    out[(i / width + skipped) * base_width + 2 * (i % width) + 1] = values[static_cast<std::size_t>(i)];
  return out;
}

}  // namespace

const char* name_of(Layout layout) {
  constexpr const char* names[] = {"contiguous", "transposed", "sliced", "expanded", "channels last"};
  return names[static_cast<int>(layout)];
}

bool applies(Layout layout, const std::vector<Input>& inputs) {
  return std::any_of(inputs.begin(), inputs.end(), [&](const Input& i) { return affects(layout, i.shape); });
}

bool wants_gradient(const Input& input, DType dtype) { return input.differentiable && is_floating(dtype_for(input, dtype)); }

std::vector<Tensor> make_bases(const std::vector<Input>& inputs, Layout layout, DType dtype) {
  std::vector<Tensor> bases;
  std::uint64_t seed = 1;
  for (const Input& input : inputs) {
    Random random(seed++);
    const DType own = dtype_for(input, dtype);
    const Shape shape = base_shape(input.shape, layout);
    const bool gaps = layout == Layout::sliced;
    const std::int64_t visible = gaps ? input.shape.numel() : shape.numel();
    bases.push_back(to_tensor(poisoned(shape, input.shape, layout, own, values_of(input, visible, random)), own));
  }
  return bases;
}

Inputs arrange(const std::vector<Tensor>& bases, const std::vector<Input>& inputs, Layout layout) {
  Inputs operands;
  for (std::size_t i = 0; i < bases.size(); ++i) operands.push_back(view_of(bases[i], inputs[i].shape, layout));
  return operands;
}

Input real(const Shape& shape, double lo, double hi) { return {.shape = shape, .lo = lo, .hi = hi}; }
Input real_avoiding(const Shape& shape, std::vector<double> kinks, double lo, double hi) {
  return {.shape = shape, .lo = lo, .hi = hi, .avoid = std::move(kinks)};
}
Input distinct(const Shape& shape, double lo, double hi) { return {.shape = shape, .lo = lo, .hi = hi, .fill = Fill::distinct}; }
Input indices(const Shape& shape, std::int64_t lo, std::int64_t hi, DType dtype) {
  return {.shape = shape, .lo = static_cast<double>(lo), .hi = static_cast<double>(hi), .fill = Fill::integers, .dtype = dtype};
}
Input booleans(const Shape& shape) { return {.shape = shape, .lo = 0, .hi = 1, .fill = Fill::integers, .dtype = bool_}; }
Input constant(const Shape& shape, double lo, double hi) {
  return {.shape = shape, .lo = lo, .hi = hi, .differentiable = false};
}

}  // namespace tasuki::testing
