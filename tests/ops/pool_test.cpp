#include "tasuki/ops/pool.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/support/op_case.hpp"

using namespace tasuki;
using namespace tasuki::testing;

namespace {

struct Windows {
  SpatialInts kernel, stride, padding = 0, dilation = 1;
  bool ceil_mode = false;
};

std::int64_t pooled(std::int64_t size, std::int64_t k, std::int64_t s, std::int64_t p, std::int64_t d, bool ceil_mode) {
  const double exact = static_cast<double>(size + 2 * p - d * (k - 1) - 1) / static_cast<double>(s);
  auto count = static_cast<std::int64_t>(ceil_mode ? std::ceil(exact) : std::floor(exact)) + 1;
  if (ceil_mode && (count - 1) * s >= size + p) --count;
  return count;
}

/// Calls f(position) for all positions of a grid in row-major order.
template <class F>
void for_each_position(const Shape& grid, F f) {
  Shape at = Shape::filled(grid.ndim(), 0);
  for (std::int64_t i = 0, n = grid.numel(); i < n; ++i) {
    f(at);
    for (int d = grid.ndim() - 1; d >= 0 && ++at[d] == grid[d]; --d) at[d] = 0;
  }
}

/// f(values of the window that lie in the image, number of pixels of the window that lie in the padded image) for each output.
template <class F>
HostArray over_windows(const HostArray& x, const Windows& o, F f) {
  const int dims = x.shape.ndim() - 2;
  Shape shape{x.shape[0], x.shape[1]}, kernel, area;
  for (int d = 0; d < dims; ++d) {
    kernel.push_back(o.kernel[d]);
    area.push_back(x.shape[2 + d]);
    shape.push_back(pooled(area[d], kernel[d], o.stride[d], o.padding[d], o.dilation[d], o.ceil_mode));
  }
  HostArray y(shape);
  std::int64_t next = 0;
  for_each_position(shape, [&](const Shape& out) {
    std::vector<double> inside;
    int padded = 0;
    for_each_position(kernel, [&](const Shape& tap) {
      bool in_padded = true, in_image = true;
      std::int64_t at = out[0] * x.shape[1] + out[1];
      for (int d = 0; d < dims; ++d) {
        const std::int64_t pixel = out[2 + d] * o.stride[d] - o.padding[d] + tap[d] * o.dilation[d];
        in_padded = in_padded && pixel < area[d] + o.padding[d];
        in_image = in_image && pixel >= 0 && pixel < area[d];
        at = at * area[d] + pixel;
      }
      padded += in_padded;
      if (in_image) inside.push_back(x[at]);
    });
    y[next++] = f(inside, padded);
  });
  return y;
}

double largest(const std::vector<double>& values, int) {
  double best = -std::numeric_limits<double>::infinity();
  for (double v : values)
    if (std::isnan(v)) return v;
    else best = std::max(best, v);
  return best;
}
double total_of(const std::vector<double>& values) {
  double sum = 0;
  for (double v : values) sum += v;
  return sum;
}

OpCase max_case(std::string variant, const Shape& x, const Windows& o) {
  const int dims = x.ndim() - 2;
  OpCase c{.op = "max_pool" + std::to_string(dims) + "d", .variant = std::move(variant), .inputs = {distinct(x)}, .flags = special_values | no_expand};
  c.forward = [=](const Inputs& in) -> Outputs {
    const MaxPoolOptions options{.stride = o.stride, .padding = o.padding, .dilation = o.dilation, .ceil_mode = o.ceil_mode};
    return dims == 1 ? max_pool1d(in[0], o.kernel, options) : dims == 2 ? max_pool2d(in[0], o.kernel, options) : max_pool3d(in[0], o.kernel, options);
  };
  c.reference = [=](const HostArrays& in) -> HostArrays { return over_windows(in[0], o, largest); };
  return c;
}

OpCase avg_case(std::string variant, const Shape& x, const Windows& o, bool count_include_pad) {
  const int dims = x.ndim() - 2;
  OpCase c{.op = "avg_pool" + std::to_string(dims) + "d", .variant = std::move(variant), .inputs = {real(x)}};
  c.forward = [=](const Inputs& in) -> Outputs {
    const AvgPoolOptions options{.stride = o.stride, .padding = o.padding, .ceil_mode = o.ceil_mode, .count_include_pad = count_include_pad};
    return dims == 1 ? avg_pool1d(in[0], o.kernel, options) : dims == 2 ? avg_pool2d(in[0], o.kernel, options) : avg_pool3d(in[0], o.kernel, options);
  };
  c.reference = [=](const HostArrays& in) -> HostArrays {
    return over_windows(in[0], o, [=](const std::vector<double>& v, int padded) { return total_of(v) / (count_include_pad ? padded : static_cast<double>(v.size())); });
  };
  return c;
}

OpCase adaptive_case(std::string variant, const Shape& x, SpatialInts output) {
  const int dims = x.ndim() - 2;
  OpCase c{.op = "adaptive_avg_pool" + std::to_string(dims) + "d", .variant = std::move(variant), .inputs = {real(x)}};
  c.forward = [=](const Inputs& in) -> Outputs {
    return dims == 1 ? adaptive_avg_pool1d(in[0], output) : dims == 2 ? adaptive_avg_pool2d(in[0], output) : adaptive_avg_pool3d(in[0], output);
  };
  c.reference = [=](const HostArrays& in) -> HostArrays {
    const HostArray& a = in[0];
    Shape shape{a.shape[0], a.shape[1]};
    for (int d = 0; d < dims; ++d) shape.push_back(output[d]);
    HostArray y(shape);
    std::int64_t next = 0;
    for_each_position(shape, [&](const Shape& out) {
      Shape begin, size;
      for (int d = 0; d < dims; ++d) {
        const double step = static_cast<double>(a.shape[2 + d]) / static_cast<double>(output[d]), i = static_cast<double>(out[2 + d]);
        begin.push_back(static_cast<std::int64_t>(std::floor(i * step + 1e-9)));
        size.push_back(static_cast<std::int64_t>(std::ceil((i + 1) * step - 1e-9)) - begin[d]);
      }
      double sum = 0;
      for_each_position(size, [&](const Shape& tap) {
        std::int64_t at = out[0] * a.shape[1] + out[1];
        for (int d = 0; d < dims; ++d) at = at * a.shape[2 + d] + begin[d] + tap[d];
        sum += a[at];
      });
      y[next++] = sum / static_cast<double>(size.numel());
    });
    return y;
  };
  return c;
}

}  // namespace

OP_CASES(pool) {
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
      max_case("side by side", {2, 3, 8}, {.kernel = 2, .stride = 2}),
      max_case("overlapping, padded", {1, 2, 9}, {.kernel = 3, .stride = 2, .padding = 1}),
      max_case("side by side", {1, 2, 4, 2, 4}, {.kernel = 2, .stride = 2}),
      max_case("every option", {1, 2, 5, 4, 6}, {.kernel = {3, 2, 2}, .stride = {1, 2, 3}, .padding = {1, 0, 1}, .dilation = {1, 2, 1}, .ceil_mode = true}),
      avg_case("padding counted", {2, 2, 7}, {.kernel = 3, .stride = 2, .padding = 1}, true),
      avg_case("side by side", {1, 2, 4, 2, 4}, {.kernel = 2, .stride = 2}, true),
      avg_case("padding not counted", {1, 2, 3, 4, 5}, {.kernel = {3, 2, 3}, .stride = {2, 1, 2}, .padding = {1, 1, 0}, .ceil_mode = true}, false),
      adaptive_case("windows that overlap", {2, 2, 7}, 3),
      adaptive_case("global", {2, 3, 2, 3, 2}, 1),
      adaptive_case("windows that overlap", {1, 2, 4, 3, 5}, {3, 2, 4}),
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

TEST_CASE("max_pool3d: row-major and channels-last volumes agree") {
  HostArray a(Shape{2, 37, 5, 6, 7});
  for (std::int64_t i = 0; i < a.numel(); ++i) a[i] = static_cast<double>((i * 7919) % 10007 % 50);
  const auto run = [&](MemoryFormat format) {
    const Tensor x = to_tensor(a, f32).contiguous(format).requires_grad_();
    const Tensor y = max_pool3d(x, 3, {.stride = 2, .padding = 1});
    CHECK(y.is_contiguous(format));
    HostArray g(y.shape());
    for (std::int64_t i = 0; i < g.numel(); ++i) g[i] = static_cast<double>(i % 13);
    y.backward(to_tensor(g, f32));
    return std::vector<HostArray>{to_host(y), to_host(x.grad())};
  };
  const auto rows = run(MemoryFormat::contiguous), channels = run(MemoryFormat::channels_last);
  CHECK(difference(channels[0], rows[0], {}) == "");
  CHECK(difference(channels[1], rows[1], {}) == "");
}

TEST_CASE("pooling: the stride is the kernel unless it is given") {
  const Tensor x = to_tensor(HostArray(Shape{1, 1, 6, 9}, 1), f32);
  CHECK(max_pool2d(x, {2, 3}).shape() == Shape{1, 1, 3, 3});
  CHECK(avg_pool2d(x, {2, 3}, {.stride = 1}).shape() == Shape{1, 1, 5, 7});
}

TEST_CASE("pooling: gradients of halves from overlapping windows are summed in f32") {
  const auto gradient = [](const Tensor& x, auto pool) {
    const Tensor leaf = x.detach();
    leaf.requires_grad_();
    sum(pool(leaf)).backward();
    return leaf.grad().to(f32).select(-1, 600).select(1, 0).select(0, 0).item<float>();
  };
  for (const DType dtype : {bf16, f16})
    for (const std::int64_t channels : {1, 3}) {
      INFO(name_of(dtype) << ", " << channels << " channels");
      Tensor x = zeros({1, channels, 1200}, {.dtype = dtype});
      x.select(-1, 600).fill_(1);
      if (channels > 1) x = x.contiguous(MemoryFormat::channels_last);
      CHECK(gradient(x, [](const Tensor& t) { return max_pool1d(t, 400, {.stride = 1}); }) == 400);  // adding ones in bf16 ends at 256
      CHECK(gradient(x, [](const Tensor& t) { return avg_pool1d(t, 400, {.stride = 1}); }) == 1);
    }
}
