#include "tasuki/ops/conv.hpp"

#include <array>
#include <limits>
#include <string>

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/ops/compare.hpp"
#include "tasuki/ops/copy.hpp"
#include "tasuki/ops/random.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tasuki/tensor/layout.hpp"
#include "tests/support/op_case.hpp"

using namespace tasuki;
using namespace tasuki::testing;

namespace {

/// A convolution's options as numbers for depth, height and width.
struct Numbers {
  using Three = std::array<std::int64_t, 3>;
  Three x{1, 1, 1}, kernel{1, 1, 1}, y{1, 1, 1}, stride{1, 1, 1}, padding{}, dilation{1, 1, 1};
  std::int64_t groups;

  template <class Options>
  Numbers(int dims, const HostArray& x_array, const HostArray& weight, const Options& o) : groups(o.groups) {
    for (int d = 0; d < dims; ++d) {
      const auto at = static_cast<std::size_t>(3 - dims + d);
      x[at] = x_array.shape[2 + d];
      kernel[at] = weight.shape[2 + d];
      stride[at] = o.stride[d];
      dilation[at] = o.dilation[d];
      padding[at] = o.padding == same_padding ? dilation[at] * (kernel[at] - 1) / 2 : o.padding[d];
      const std::int64_t both = o.padding == same_padding ? dilation[at] * (kernel[at] - 1) : 2 * padding[at];
      y[at] = (x[at] + both - dilation[at] * (kernel[at] - 1) - 1) / stride[at] + 1;
    }
  }
  /// Calls f(x, tap, y), each a row-major number, for all taps of windows `y` that touch the image.
  template <class F>
  void for_each_tap(F&& f) const {
    Three o, t;
    for (o[0] = 0; o[0] < y[0]; ++o[0])
      for (o[1] = 0; o[1] < y[1]; ++o[1])
        for (o[2] = 0; o[2] < y[2]; ++o[2])
          for (t[0] = 0; t[0] < kernel[0]; ++t[0])
            for (t[1] = 0; t[1] < kernel[1]; ++t[1])
              for (t[2] = 0; t[2] < kernel[2]; ++t[2]) {
                Three at;
                bool inside = true;
                for (std::size_t d = 0; d < 3; ++d) {
                  at[d] = o[d] * stride[d] - padding[d] + t[d] * dilation[d];
                  inside = inside && at[d] >= 0 && at[d] < x[d];
                }
                if (inside) f(number(at, x), number(t, kernel), number(o, y));
              }
  }

 private:
  static std::int64_t number(const Three& at, const Three& sizes) { return (at[0] * sizes[1] + at[1]) * sizes[2] + at[2]; }
};

std::int64_t count(const Numbers::Three& sizes) { return sizes[0] * sizes[1] * sizes[2]; }

Shape result_shape(std::int64_t n, std::int64_t channels, const Numbers::Three& sizes, int dims) {
  Shape shape{n, channels};
  for (int d = 3 - dims; d < 3; ++d) shape.push_back(sizes[static_cast<std::size_t>(d)]);
  return shape;
}

/// The convolution by definition.
HostArray convolution(const HostArray& x, const HostArray& weight, const HostArray* bias, const ConvOptions& o) {
  const int dims = x.shape.ndim() - 2;
  const Numbers k(dims, x, weight, o);
  const std::int64_t inputs = weight.shape[1], outputs = weight.shape[0] / o.groups, pixels = count(k.y), taps = count(k.kernel), area = count(k.x);
  HostArray y(result_shape(x.shape[0], weight.shape[0], k.y, dims));
  for (std::int64_t n = 0; n < y.shape[0]; ++n)
    for (std::int64_t c = 0; c < y.shape[1]; ++c) {
      const std::int64_t to = (n * y.shape[1] + c) * pixels;
      for (std::int64_t p = 0; p < pixels; ++p) y[to + p] = bias ? (*bias)[c] : 0;
      for (std::int64_t l = 0; l < inputs; ++l)
        k.for_each_tap([&](std::int64_t at, std::int64_t tap, std::int64_t p) {
          y[to + p] += x[(n * x.shape[1] + c / outputs * inputs + l) * area + at] * weight[(c * inputs + l) * taps + tap];
        });
    }
  return y;
}

/// The transposed convolution by definition: each element of x places the kernel into y.
HostArray transposed(const HostArray& x, const HostArray& weight, const HostArray* bias, const ConvTransposeOptions& o) {
  const int dims = x.shape.ndim() - 2;
  Shape spatial;
  for (int d = 0; d < dims; ++d)
    spatial.push_back((x.shape[2 + d] - 1) * o.stride[d] - 2 * o.padding[d] + o.dilation[d] * (weight.shape[2 + d] - 1) + o.output_padding[d] + 1);
  const std::int64_t outputs = weight.shape[1], inputs = weight.shape[0] / o.groups;
  Shape shape{x.shape[0], outputs * o.groups};
  for (const std::int64_t size : spatial) shape.push_back(size);
  HostArray y(shape);
  Numbers k(dims, y, weight, o);
  for (int d = 0; d < dims; ++d) k.y[static_cast<std::size_t>(3 - dims + d)] = x.shape[2 + d];
  const std::int64_t pixels = count(k.y), taps = count(k.kernel), area = spatial.numel();
  for (std::int64_t n = 0; n < y.shape[0]; ++n)
    for (std::int64_t c = 0; c < y.shape[1]; ++c) {
      const std::int64_t to = (n * y.shape[1] + c) * area, first = c / outputs * inputs;
      for (std::int64_t p = 0; p < area; ++p) y[to + p] = bias ? (*bias)[c] : 0;
      for (std::int64_t l = first; l < first + inputs; ++l)
        k.for_each_tap([&](std::int64_t at, std::int64_t tap, std::int64_t p) {
          y[to + at] += x[(n * x.shape[1] + l) * pixels + p] * weight[(l * outputs + c % outputs) * taps + tap];
        });
    }
  return y;
}

Tensor convolve(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvOptions& o) {
  return x.ndim() == 3 ? conv1d(x, weight, bias, o) : x.ndim() == 4 ? conv2d(x, weight, bias, o) : conv3d(x, weight, bias, o);
}
Tensor convolve_transposed(const Tensor& x, const Tensor& weight, const Tensor& bias, const ConvTransposeOptions& o) {
  return x.ndim() == 3 ? conv_transpose1d(x, weight, bias, o) : x.ndim() == 4 ? conv_transpose2d(x, weight, bias, o) : conv_transpose3d(x, weight, bias, o);
}

OpCase conv_case(std::string variant, const Shape& x, const Shape& weight, bool bias, ConvOptions options) {
  OpCase c{.op = "conv" + std::to_string(x.ndim() - 2) + "d", .variant = std::move(variant), .inputs = {real(x), real(weight)}, .slack = 8};
  if (bias) c.inputs.push_back(real({weight[0]}));
  c.forward = [=](const Inputs& in) -> Outputs { return convolve(in[0], in[1], bias ? in[2] : Tensor(), options); };
  c.reference = [=](const HostArrays& in) -> HostArrays { return convolution(in[0], in[1], bias ? &in[2] : nullptr, options); };
  return c;
}

OpCase transposed_case(std::string variant, const Shape& x, const Shape& weight, bool bias, ConvTransposeOptions options) {
  OpCase c{.op = "conv_transpose" + std::to_string(x.ndim() - 2) + "d", .variant = std::move(variant), .inputs = {real(x), real(weight)}, .slack = 8};
  if (bias) c.inputs.push_back(real({weight[1] * options.groups}));
  c.forward = [=](const Inputs& in) -> Outputs { return convolve_transposed(in[0], in[1], bias ? in[2] : Tensor(), options); };
  c.reference = [=](const HostArrays& in) -> HostArrays { return transposed(in[0], in[1], bias ? &in[2] : nullptr, options); };
  return c;
}

HostArray pattern(const Shape& shape, int salt) {
  HostArray a(shape);
  std::uint64_t state = 0x9e3779b97f4a7c15u * static_cast<std::uint64_t>(salt + 1);
  for (double& v : a.values) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    v = static_cast<double>(state >> 40) / double(1 << 23) - 1;
  }
  return a;
}

/// y and all gradients of `x, weight, bias` in `dtype`, for the gradient `g` of y.
std::vector<HostArray> values_and_gradients(const HostArray& x, const HostArray& w, const HostArray& b, const HostArray& g, const ConvOptions& o,
                                            DType dtype, MemoryFormat format) {
  const Tensor image = to_tensor(x, dtype).contiguous(format), weight = to_tensor(w, dtype), bias = to_tensor(b, dtype);
  for (const Tensor& t : {image, weight, bias}) t.requires_grad_();
  const Tensor y = convolve(image, weight, bias, o);
  y.backward(to_tensor(g, dtype));
  return {to_host(y), to_host(image.grad()), to_host(weight.grad()), to_host(bias.grad())};
}

}  // namespace

OP_CASES(conv) {
  OpCase channelless = conv_case("no input channels", {2, 0, 4, 4}, {3, 0, 3, 3}, true, {});
  channelless.flags = no_nan;
  return {
      channelless,
      conv_case("", {2, 3, 5, 6}, {4, 3, 3, 2}, true, {}),
      conv_case("padding and stride", {2, 2, 6, 5}, {3, 2, 3, 3}, false, {.stride = {2, 1}, .padding = {1, 2}}),
      conv_case("dilation", {1, 2, 7, 6}, {2, 2, 2, 3}, true, {.padding = 1, .dilation = {3, 2}}),
      conv_case("groups", {2, 4, 4, 4}, {6, 2, 3, 3}, true, {.padding = 1, .groups = 2}),
      conv_case("depthwise", {1, 3, 5, 4}, {6, 1, 3, 2}, false, {.stride = 2, .padding = 1, .groups = 3}),
      conv_case("a row of pixels that the stride leaves out", {1, 1, 6, 6}, {1, 1, 3, 3}, false, {.stride = 2}),
      conv_case("empty batch", {0, 2, 4, 4}, {3, 2, 3, 3}, true, {}),
      conv_case("1x1", {2, 5, 3, 3}, {4, 5, 1, 1}, true, {}),
      conv_case("padding that keeps the size", {2, 2, 4, 5}, {3, 2, 2, 3}, true, {.padding = same_padding, .dilation = {1, 2}}),
      conv_case("", {2, 3, 7}, {4, 3, 3}, true, {}),
      conv_case("every option", {1, 4, 9}, {6, 2, 2}, false, {.stride = 2, .padding = 1, .dilation = 3, .groups = 2}),
      conv_case("padding that keeps the size", {2, 2, 5}, {2, 2, 4}, true, {.padding = same_padding}),
      conv_case("", {2, 2, 3, 4, 3}, {3, 2, 2, 2, 3}, true, {}),
      conv_case("every option", {1, 2, 4, 5, 3}, {2, 1, 2, 3, 2}, true, {.stride = {2, 1, 2}, .padding = {1, 0, 2}, .dilation = {1, 2, 3}, .groups = 2}),
      conv_case("empty batch", {0, 2, 3, 3, 3}, {3, 2, 2, 2, 2}, true, {.padding = same_padding}),
      transposed_case("", {2, 3, 5}, {3, 2, 3}, true, {}),
      transposed_case("every option", {1, 4, 5}, {4, 3, 2}, true, {.stride = 3, .padding = 2, .output_padding = 1, .dilation = 2, .groups = 2}),
      transposed_case("", {2, 3, 3, 4}, {3, 2, 3, 2}, true, {}),
      transposed_case("twice the size", {2, 2, 3, 3}, {2, 3, 2, 2}, true, {.stride = 2}),
      transposed_case("every option", {1, 4, 3, 4}, {4, 1, 3, 2}, false, {.stride = {2, 1}, .padding = {1, 2}, .output_padding = {1, 0}, .dilation = {1, 3}, .groups = 2}),
      transposed_case("more at the end than the stride", {1, 2, 3, 3}, {2, 2, 2, 2}, true, {.stride = {1, 2}, .output_padding = {2, 1}, .dilation = {3, 1}}),
      transposed_case("empty batch", {0, 2, 3, 3}, {2, 2, 2, 2}, true, {.stride = 2}),
      transposed_case("twice the size", {1, 2, 2, 3, 2}, {2, 3, 2, 2, 2}, true, {.stride = 2}),
      transposed_case("every option", {1, 2, 2, 3, 2}, {2, 2, 3, 2, 1}, false, {.stride = {2, 1, 2}, .padding = {1, 0, 0}, .output_padding = {1, 0, 1}, .dilation = {1, 2, 1}, .groups = 2}),
  };
}

TEST_CASE("convolution: f32 in both layouts agrees with f64 on the shapes of real networks") {
  struct Layer {
    Shape x, weight;
    ConvOptions options;
  };
  const Layer layers[] = {
      {{33, 1, 28, 28}, {6, 1, 5, 5}, {.padding = 2}},
      {{17, 6, 14, 14}, {16, 6, 5, 5}, {}},
      {{45, 6, 14, 14}, {16, 6, 5, 5}, {}},
      {{32, 3, 9, 11}, {7, 3, 3, 4}, {.padding = {2, 3}}},
      {{40, 5, 7, 6}, {11, 5, 6, 7}, {.padding = {1, 4}}},
      {{16, 1, 28, 28}, {32, 1, 3, 3}, {}},
      {{19, 3, 9, 8}, {5, 3, 3, 4}, {.padding = {2, 1}}},
      {{16, 7, 6, 6}, {9, 7, 6, 6}, {}},
      {{2, 16, 9, 9}, {32, 16, 3, 3}, {.padding = 1}},
      {{2, 32, 8, 7}, {48, 32, 3, 3}, {.stride = 2, .padding = 1}},
      {{1, 24, 10, 10}, {24, 1, 3, 3}, {.padding = 2, .dilation = 2, .groups = 24}},
      {{2, 3, 20, 20}, {16, 3, 7, 7}, {.stride = 2, .padding = 3}},
      {{1, 16, 6, 6}, {32, 4, 1, 1}, {.stride = 3, .groups = 4}},
      {{2, 16, 6, 6}, {16, 16, 4, 3}, {.padding = same_padding}},
      {{3, 8, 40}, {16, 8, 5}, {.stride = 2, .padding = 2}},
      {{2, 16, 21}, {16, 1, 3}, {.padding = 1, .groups = 16}},
      {{1, 1, 8, 9, 8}, {16, 1, 3, 3, 3}, {.padding = 1}},
      {{2, 16, 6, 5, 6}, {32, 16, 3, 3, 3}, {.padding = same_padding}},
      {{1, 32, 4, 6, 4}, {16, 32, 2, 2, 2}, {.stride = 2}},
  };
  for (const Layer& layer : layers) {
    const HostArray x = pattern(layer.x, 1), w = pattern(layer.weight, 2), b = pattern({layer.weight[0]}, 3);
    const HostArray g = pattern(convolution(x, w, &b, layer.options).shape, 4);
    const auto expected = values_and_gradients(x, w, b, g, layer.options, f64, MemoryFormat::contiguous);
    CHECK(difference(expected[0], convolution(x, w, &b, layer.options), {1e-12, 1e-12}) == "");
    for (const MemoryFormat format : {MemoryFormat::contiguous, MemoryFormat::channels_last}) {
      const auto actual = values_and_gradients(x, w, b, g, layer.options, f32, format);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        INFO(layer.x.to_string() << " by " << layer.weight.to_string() << ", result " << i << ", format " << static_cast<int>(format));
        CHECK(difference(actual[i], expected[i], {1e-4, 2e-4}, f32) == "");
      }
    }
  }
}

TEST_CASE("transposed convolution: f32 in both layouts agrees with f64 on the shapes of real networks") {
  struct Layer {
    Shape x, weight;
    ConvTransposeOptions options;
  };
  const Layer layers[] = {
      {{2, 32, 5, 6}, {32, 16, 2, 2}, {.stride = 2}},
      {{2, 16, 7, 7}, {16, 8, 4, 4}, {.stride = 2, .padding = 1}},
      {{1, 32, 3, 4, 3}, {32, 16, 2, 2, 2}, {.stride = 2}},
      {{1, 16, 4, 3, 4}, {16, 16, 3, 3, 3}, {.stride = 2, .padding = 1, .output_padding = 1}},
      {{2, 16, 9}, {16, 4, 4}, {.stride = 2, .padding = 1, .groups = 4}},
  };
  for (const Layer& layer : layers) {
    const HostArray x = pattern(layer.x, 1), w = pattern(layer.weight, 2), b = pattern({layer.weight[1] * layer.options.groups}, 3);
    const HostArray reference = transposed(x, w, &b, layer.options), g = pattern(reference.shape, 4);
    const auto run = [&](DType dtype, MemoryFormat format) {
      const Tensor image = to_tensor(x, dtype).contiguous(format), weight = to_tensor(w, dtype), bias = to_tensor(b, dtype);
      for (const Tensor& t : {image, weight, bias}) t.requires_grad_();
      const Tensor y = convolve_transposed(image, weight, bias, layer.options);
      CHECK(y.is_contiguous(format));
      y.backward(to_tensor(g, dtype));
      return std::vector<HostArray>{to_host(y), to_host(image.grad()), to_host(weight.grad()), to_host(bias.grad())};
    };
    const auto expected = run(f64, MemoryFormat::contiguous);
    CHECK(difference(expected[0], reference, {1e-12, 1e-12}) == "");
    for (const MemoryFormat format : {MemoryFormat::contiguous, MemoryFormat::channels_last}) {
      const auto actual = run(f32, format);
      for (std::size_t i = 0; i < expected.size(); ++i) {
        INFO(layer.x.to_string() << " by " << layer.weight.to_string() << ", result " << i << ", format " << static_cast<int>(format));
        CHECK(difference(actual[i], expected[i], {1e-4, 2e-4}, f32) == "");
      }
    }
  }
}

TEST_CASE("convolution: gradients of bf16 weights depend on nothing but the operands, however small the image") {
  struct Small {
    std::int64_t groups, in, out, depth, height, width;
    SpatialInts kernel, stride, padding;
  };
  for (const Small& c : {Small{1, 5, 8, 1, 1, 2, {1, 1, 3}, {1, 1, 3}, {0, 0, 1}}, Small{2, 2, 9, 1, 1, 2, {1, 1, 3}, {1, 1, 3}, {0, 0, 1}},
                         Small{3, 2, 2, 1, 1, 2, {1, 1, 3}, {1, 1, 3}, {0, 0, 2}}, Small{2, 8, 7, 3, 8, 3, {3, 3, 3}, {2, 2, 3}, {1, 0, 0}},
                         Small{4, 9, 7, 3, 5, 8, {3, 2, 3}, {3, 3, 3}, {2, 1, 2}}, Small{2, 5, 5, 3, 7, 3, {3, 2, 2}, {3, 3, 1}, {2, 0, 2}}}) {
    INFO(c.groups << " groups of " << c.in << " and " << c.out << " channels, " << c.depth << " x " << c.height << " x " << c.width);
    const Tensor x = contiguous(randn({3, c.groups * c.in, c.depth, c.height, c.width}).to(bf16), MemoryFormat::channels_last);
    const Tensor weight = randn({c.groups * c.out, c.in, c.kernel[0], c.kernel[1], c.kernel[2]}).to(bf16);
    Tensor seed;
    const auto gradient = [&](DType dtype) {
      const Tensor w = weight.to(dtype).detach().requires_grad_();
      const Tensor y = conv3d(x.to(dtype), w, {}, {.stride = c.stride, .padding = c.padding, .groups = c.groups});
      if (!seed.defined()) seed = randn(y.shape()).to(bf16);
      y.backward(seed.to(dtype));
      return w.grad().to(f64);
    };
    const Tensor expected = gradient(f64);
    for (const double left_behind : {0.0, 1e30, std::numeric_limits<double>::quiet_NaN()}) {
      for (const std::int64_t n : {1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18}) full({n}, left_behind);  // what a workspace may find
      CHECK(allclose(gradient(bf16), expected, {.rtol = 0.02, .atol = 0.05}));
    }
  }
}

TEST_CASE("convolution: the layout of the image decides the layout of the result") {
  const auto of = [](const Shape& shape) { return to_tensor(pattern(shape, 1), f32); };
  const auto last = [](const Tensor& x) { return x.contiguous(MemoryFormat::channels_last); };
  const Tensor x = of({2, 8, 5, 5}), w = of({6, 8, 3, 3});
  CHECK(conv2d(x, w).is_contiguous());
  CHECK(conv2d(last(x), w).is_contiguous(MemoryFormat::channels_last));
  CHECK(conv2d(last(x), of({3, 8, 3, 3})).is_contiguous());  // few channels
  CHECK(conv2d(last(of({2, 3, 5, 5})), of({8, 3, 3, 3})).is_contiguous(MemoryFormat::channels_last));
  CHECK(conv2d(last(of({2, 1, 5, 5})), of({6, 1, 3, 3})).is_contiguous());
  CHECK(conv3d(of({1, 1, 4, 4, 4}), of({6, 1, 3, 3, 3})).is_contiguous(MemoryFormat::channels_last));  // one channel lies both ways
  CHECK(conv3d(of({1, 2, 4, 4, 4}), of({6, 2, 3, 3, 3})).is_contiguous());
}
