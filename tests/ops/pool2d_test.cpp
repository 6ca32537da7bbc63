#include "tasuki/ops/pool2d.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/view.hpp"
#include "tests/support/op_case.hpp"

using namespace tasuki;
using namespace tasuki::testing;

namespace {

struct Windows {
  IntPair kernel, stride, padding = 0, dilation = 1;
  bool ceil_mode = false;
};

std::int64_t pooled(std::int64_t size, std::int64_t k, std::int64_t s, std::int64_t p, std::int64_t d, bool ceil_mode) {
  const double exact = static_cast<double>(size + 2 * p - d * (k - 1) - 1) / static_cast<double>(s);
  auto count = static_cast<std::int64_t>(ceil_mode ? std::ceil(exact) : std::floor(exact)) + 1;
  if (ceil_mode && (count - 1) * s >= size + p) --count;
  return count;
}

/// f(values of the window that lie in the image, number of pixels of the window that lie in the padded image) for each output.
template <class F>
HostArray over_windows(const HostArray& x, const Windows& o, F f) {
  HostArray y({x.shape[0], x.shape[1], pooled(x.shape[2], o.kernel.h, o.stride.h, o.padding.h, o.dilation.h, o.ceil_mode),
               pooled(x.shape[3], o.kernel.w, o.stride.w, o.padding.w, o.dilation.w, o.ceil_mode)});
  std::int64_t next = 0;
  for (std::int64_t n = 0; n < y.shape[0]; ++n)
    for (std::int64_t c = 0; c < y.shape[1]; ++c)
      for (std::int64_t i = 0; i < y.shape[2]; ++i)
        for (std::int64_t j = 0; j < y.shape[3]; ++j) {
          std::vector<double> inside;
          int padded = 0;
          for (std::int64_t a = 0; a < o.kernel.h; ++a)
            for (std::int64_t b = 0; b < o.kernel.w; ++b) {
              const std::int64_t h = i * o.stride.h - o.padding.h + a * o.dilation.h, w = j * o.stride.w - o.padding.w + b * o.dilation.w;
              if (h < x.shape[2] + o.padding.h && w < x.shape[3] + o.padding.w) ++padded;
              if (h >= 0 && h < x.shape[2] && w >= 0 && w < x.shape[3]) inside.push_back(x.at({n, c, h, w}));
            }
          y[next++] = f(inside, padded);
        }
  return y;
}

double largest(const std::vector<double>& values, int) {
  double best = -std::numeric_limits<double>::infinity();
  for (double v : values)
    if (std::isnan(v)) return v;
    else best = std::max(best, v);
  return best;
}
double total(const std::vector<double>& values) {
  double sum = 0;
  for (double v : values) sum += v;
  return sum;
}

OpCase max_case(std::string variant, const Shape& x, const Windows& o) {
  OpCase c{.op = "max_pool2d", .variant = std::move(variant), .inputs = {distinct(x)}, .flags = special_values | no_expand};
  c.forward = [=](const Inputs& in) -> Outputs {
    return max_pool2d(in[0], o.kernel, {.stride = o.stride, .padding = o.padding, .dilation = o.dilation, .ceil_mode = o.ceil_mode});
  };
  c.reference = [=](const HostArrays& in) -> HostArrays { return over_windows(in[0], o, largest); };
  return c;
}

OpCase avg_case(std::string variant, const Shape& x, const Windows& o, bool count_include_pad) {
  OpCase c{.op = "avg_pool2d", .variant = std::move(variant), .inputs = {real(x)}};
  c.forward = [=](const Inputs& in) -> Outputs {
    return avg_pool2d(in[0], o.kernel, {.stride = o.stride, .padding = o.padding, .ceil_mode = o.ceil_mode, .count_include_pad = count_include_pad});
  };
  c.reference = [=](const HostArrays& in) -> HostArrays {
    return over_windows(in[0], o, [=](const std::vector<double>& v, int padded) { return total(v) / (count_include_pad ? padded : static_cast<double>(v.size())); });
  };
  return c;
}

OpCase adaptive_case(std::string variant, const Shape& x, IntPair output) {
  OpCase c{.op = "adaptive_avg_pool2d", .variant = std::move(variant), .inputs = {real(x)}};
  c.forward = [=](const Inputs& in) -> Outputs { return adaptive_avg_pool2d(in[0], output); };
  c.reference = [=](const HostArrays& in) -> HostArrays {
    const HostArray& a = in[0];
    HostArray y({a.shape[0], a.shape[1], output.h, output.w});
    const auto from = [](std::int64_t i, std::int64_t size, std::int64_t count) { return static_cast<std::int64_t>(std::floor(double(i * size) / double(count))); };
    const auto to = [](std::int64_t i, std::int64_t size, std::int64_t count) { return static_cast<std::int64_t>(std::ceil(double((i + 1) * size) / double(count))); };
    std::int64_t next = 0;
    for (std::int64_t p = 0; p < a.shape[0] * a.shape[1]; ++p)
      for (std::int64_t i = 0; i < output.h; ++i)
        for (std::int64_t j = 0; j < output.w; ++j) {
          std::vector<double> values;
          for (std::int64_t h = from(i, a.shape[2], output.h); h < to(i, a.shape[2], output.h); ++h)
            for (std::int64_t w = from(j, a.shape[3], output.w); w < to(j, a.shape[3], output.w); ++w)
              values.push_back(a[(p * a.shape[2] + h) * a.shape[3] + w]);
          y[next++] = total(values) / static_cast<double>(values.size());
        }
    return y;
  };
  return c;
}

}  // namespace

OP_CASES(pool2d) {
  OpCase side_by_side = max_case("2x2", {2, 3, 4, 6}, {.kernel = 2, .stride = 2});
  side_by_side.more_shapes = {{{0, 2, 4, 4}}, {{1, 1, 2, 2}}, {{2, 0, 4, 4}}};
  return {
      side_by_side,
      max_case("2x2 with a row left over", {1, 2, 5, 4}, {.kernel = 2, .stride = 2}),
      max_case("2x2 with a column left over", {1, 2, 4, 5}, {.kernel = 2, .stride = 2}),
      max_case("overlapping, padded", {1, 2, 7, 6}, {.kernel = 3, .stride = 2, .padding = 1}),
      max_case("dilated", {1, 1, 7, 8}, {.kernel = {2, 3}, .stride = {1, 2}, .padding = {1, 0}, .dilation = {3, 2}}),
      max_case("ceil mode", {1, 2, 6, 5}, {.kernel = {3, 2}, .stride = 2, .padding = {1, 1}, .ceil_mode = true}),
      max_case("a window of more than a byte's taps", {1, 1, 17, 18}, {.kernel = 17, .stride = 1}),
      avg_case("2x2", {2, 3, 4, 6}, {.kernel = 2, .stride = 2}, true),
      avg_case("padding counted", {1, 2, 7, 6}, {.kernel = 3, .stride = 2, .padding = 1}, true),
      avg_case("padding not counted", {1, 2, 7, 6}, {.kernel = 3, .stride = 2, .padding = 1}, false),
      avg_case("ceil mode", {1, 2, 6, 5}, {.kernel = {3, 2}, .stride = 2, .padding = 1, .ceil_mode = true}, true),
      avg_case("empty batch", {0, 2, 4, 4}, {.kernel = 2, .stride = 2}, true),
      adaptive_case("global", {2, 3, 5, 4}, 1),
      adaptive_case("windows that overlap", {1, 2, 7, 5}, {3, 2}),
      adaptive_case("more outputs than pixels", {1, 1, 2, 3}, {5, 4}),
  };
}

TEST_CASE("max_pool2d: the gradient of equal values goes to the first, row by row") {
  const Tensor x = to_tensor({1, 1, 2, 4}, {7, 7, 1, 2, 7, 7, 2, 2});
  x.requires_grad_();
  sum(max_pool2d(x, 2)).backward();
  CHECK(x.grad().to_vector<float>() == std::vector<float>{1, 0, 0, 1, 0, 0, 0, 0});
}

TEST_CASE("max_pool2d: wide row-major images and channels-last ones agree, NaN included") {
  HostArray a(Shape{3, 5, 28, 30});
  for (std::int64_t i = 0; i < a.numel(); ++i) a[i] = i % 97 == 5 ? std::nan("") : static_cast<double>((i * 7919) % 10007 % 50);
  const Tensor x = to_tensor(a, f32), last = x.contiguous(MemoryFormat::channels_last);
  const Tensor y = max_pool2d(x.requires_grad_(), 2), z = max_pool2d(last.detach().requires_grad_(), 2);
  CHECK(z.is_contiguous(MemoryFormat::channels_last));
  CHECK(difference(to_host(z), to_host(y), {}) == "");
  CHECK(difference(to_host(y), over_windows(a, {.kernel = 2, .stride = 2}, largest), {}) == "");
  const Tensor leaf = last.detach();
  leaf.requires_grad_();
  HostArray g(y.shape());
  for (std::int64_t i = 0; i < g.numel(); ++i) g[i] = static_cast<double>(i % 13);
  y.backward(to_tensor(g, f32));
  max_pool2d(leaf, 2).backward(to_tensor(g, f32));
  CHECK(difference(to_host(leaf.grad()), to_host(x.grad()), {}) == "");
}

TEST_CASE("pooling: the stride is the kernel unless it is given") {
  const Tensor x = to_tensor(HostArray(Shape{1, 1, 6, 9}, 1), f32);
  CHECK(max_pool2d(x, {2, 3}).shape() == Shape{1, 1, 3, 3});
  CHECK(avg_pool2d(x, {2, 3}, {.stride = 1}).shape() == Shape{1, 1, 5, 7});
}
