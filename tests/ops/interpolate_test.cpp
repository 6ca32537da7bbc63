#include "tasuki/ops/interpolate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tasuki/ops/reduce.hpp"
#include "tasuki/runtime/threads.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Interpolation;
using ts::Shape;

namespace {

/// Keys' cubic kernel at distance x.
double cubic(double x) {
  x = std::fabs(x);
  const double a = -0.75;
  if (x <= 1) return (a + 2) * x * x * x - (a + 3) * x * x + 1;
  return x < 2 ? a * (x * x * x - 5 * x * x + 8 * x - 4) : 0;
}

/// How much element j of `in` counts for output i of `out`: written as a matrix, from the definitions.
double share(const ts::InterpolateOptions& o, std::int64_t in, std::int64_t out, double scale, std::int64_t i, std::int64_t j) {
  const double ratio = scale > 0 ? 1 / scale : double(in) / double(out);
  if (o.mode == Interpolation::nearest) return std::min<std::int64_t>(static_cast<std::int64_t>(std::floor(double(i) * ratio + 1e-9)), in - 1) == j;
  double x = o.align_corners ? (out > 1 ? double(i) * double(in - 1) / double(out - 1) : 0) : ratio * (double(i) + 0.5) - 0.5;
  if (o.mode == Interpolation::linear) {
    x = std::clamp(x, 0.0, double(in - 1));
    return std::max(0.0, 1 - std::fabs(x - double(j)));
  }
  double sum = 0;  // elements beyond the edge are copies of the one at the edge
  for (std::int64_t k = static_cast<std::int64_t>(std::floor(x)) - 1; k <= static_cast<std::int64_t>(std::floor(x)) + 2; ++k)
    if (std::clamp<std::int64_t>(k, 0, in - 1) == j) sum += cubic(x - double(k));
  return sum;
}

/// One dimension after the other.
HostArray resized(HostArray x, const ts::InterpolateOptions& o) {
  for (int d = 2; d < x.shape.ndim(); ++d) {
    const double scale = o.scale.count() ? o.scale[d - 2] : 0;
    const std::int64_t in = x.shape[d], out = scale > 0 ? static_cast<std::int64_t>(std::floor(double(in) * scale)) : o.size[d - 2];
    Shape shape = x.shape;
    shape[d] = out;
    HostArray y(shape);
    std::int64_t inner = 1;
    for (int k = d + 1; k < shape.ndim(); ++k) inner *= shape[k];
    for (std::int64_t p = 0; p < y.numel(); ++p) {
      const std::int64_t i = p / inner % out, base = p / inner / out * in * inner + p % inner;
      for (std::int64_t j = 0; j < in; ++j)
        if (const double w = share(o, in, out, scale, i, j); w != 0) y[p] += w * x[base + j * inner];
    }
    x = y;
  }
  return x;
}

OpCase resize(std::string variant, const Shape& x, const ts::InterpolateOptions& o) {
  return {.op = "interpolate",
          .variant = std::move(variant),
          .inputs = {real(x)},
          .forward = [=](const Inputs& in) { return ts::interpolate(in[0], o); },
          .reference = [=](const HostArrays& in) -> HostArrays { return resized(in[0], o); },
          .slack = 2};
}

}  // namespace

OP_CASES(interpolate) {
  OpCase twice = resize("nearest, twice as large", {2, 3, 3, 2}, {.scale = 2});
  twice.more_shapes = {{{0, 2, 4, 4}}, {{1, 0, 2, 2}}, {{1, 1, 1, 1}}, {{1, 19, 2, 3}}};
  OpCase linear = resize("bilinear", {2, 3, 4, 3}, {.size = {7, 5}, .mode = Interpolation::bilinear});
  linear.more_shapes = {{{1, 1, 1, 1}}, {{1, 2, 9, 11}}, {{2, 20, 2, 3}}};
  OpCase wide = resize("a row of more than one vector", {1, 2, 3, 37}, {.size = {4, 41}, .mode = Interpolation::bilinear});
  return {
      twice,
      resize("nearest, to a smaller grid", {1, 2, 7, 5}, {.size = {3, 4}}),
      resize("nearest, by a factor that divides nothing", {1, 2, 5}, {.scale = 1.7}),
      resize("nearest in three dimensions", {1, 2, 2, 3, 2}, {.scale = {1, 2, 3}}),
      linear,
      wide,
      resize("bilinear, corners aligned", {1, 2, 4, 3}, {.size = {7, 5}, .mode = Interpolation::bilinear, .align_corners = true}),
      resize("bilinear, corners aligned, to one pixel", {1, 2, 4, 3}, {.size = {1, 1}, .mode = Interpolation::bilinear, .align_corners = true}),
      resize("bilinear, smaller", {1, 2, 6, 7}, {.size = {4, 2}, .mode = Interpolation::bilinear}),
      resize("bilinear, by factors", {1, 2, 4, 3}, {.scale = {1.5, 2.3}, .mode = Interpolation::bilinear}),
      resize("linear", {2, 2, 5}, {.scale = 2, .mode = Interpolation::linear}),
      resize("trilinear", {1, 2, 2, 3, 2}, {.scale = 2, .mode = Interpolation::trilinear}),
      resize("trilinear, corners aligned", {1, 2, 2, 3, 2}, {.size = {3, 2, 4}, .mode = Interpolation::trilinear, .align_corners = true}),
      resize("bicubic", {1, 2, 4, 3}, {.size = {7, 5}, .mode = Interpolation::bicubic}),
      resize("bicubic, corners aligned", {1, 2, 4, 5}, {.size = {6, 9}, .mode = Interpolation::bicubic, .align_corners = true}),
  };
}

TEST_CASE("interpolate keeps channels last, with the same values") {
  HostArray a(Shape{2, 5, 6, 7});
  for (std::int64_t i = 0; i < a.numel(); ++i) a[i] = std::sin(static_cast<double>(i));
  const ts::Tensor x = to_tensor(a, ts::f32);
  const ts::InterpolateOptions o{.size = {11, 9}, .mode = Interpolation::bilinear};
  const ts::Tensor y = ts::interpolate(x.contiguous(ts::MemoryFormat::channels_last), o);
  CHECK(y.is_contiguous(ts::MemoryFormat::channels_last));
  CHECK(difference(to_host(y), to_host(ts::interpolate(x, o)), tolerance_of(ts::f32)) == "");
}

TEST_CASE("a constant image stays constant, and an infinite pixel does not spread to those that do not read it") {
  const ts::Tensor x = to_tensor(HostArray(Shape{1, 1, 3, 3}, 1.25), ts::f32);
  for (const Interpolation mode : {Interpolation::nearest, Interpolation::linear, Interpolation::cubic})
    for (const float v : ts::interpolate(x, {.size = {5, 7}, .mode = mode}).to_vector<float>()) CHECK(v == Approx(1.25f));
  const ts::Tensor row = to_tensor({1, 1, 3}, {1, 2, infinity});
  CHECK(ts::interpolate(row, {.size = 5, .mode = Interpolation::linear, .align_corners = true}).to_vector<float>() ==
        std::vector<float>{1, 1.5f, 2, static_cast<float>(infinity), static_cast<float>(infinity)});
}

TEST_CASE("interpolate has the same bits for any number of threads") {
  HostArray values(Shape{2, 3, 80, 70});
  for (std::int64_t i = 0; i < values.numel(); ++i) values[i] = std::sin(static_cast<double>(i * 7919 % 10007));
  const int threads = ts::num_threads();
  for (const ts::MemoryFormat format : {ts::MemoryFormat::contiguous, ts::MemoryFormat::channels_last}) {
    std::string bits[2];
    for (const int n : {1, 3}) {
      ts::set_num_threads(n);
      const ts::Tensor x = to_tensor(values, ts::f32).contiguous(format).detach().requires_grad_();
      const ts::Tensor y = ts::interpolate(x, {.scale = 1.6, .mode = Interpolation::bilinear});
      (y * y).sum().backward();
      bits[n == 3] = bytes_of(y) + bytes_of(x.grad());
    }
    CHECK(bits[0] == bits[1]);
  }
  ts::set_num_threads(threads);
}
