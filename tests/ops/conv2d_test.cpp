#include "tasuki/ops/conv2d.hpp"

#include <string>

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/tensor/layout.hpp"
#include "tests/support/op_case.hpp"

using namespace tasuki;
using namespace tasuki::testing;

namespace {

/// The convolution by definition.
HostArray convolution(const HostArray& x, const HostArray& weight, const HostArray* bias, const Conv2dOptions& o) {
  const std::int64_t inputs = weight.shape[1], outputs = weight.shape[0] / o.groups;
  const auto size = [](std::int64_t in, std::int64_t k, std::int64_t p, std::int64_t d, std::int64_t s) { return (in + 2 * p - d * (k - 1) - 1) / s + 1; };
  HostArray y({x.shape[0], weight.shape[0], size(x.shape[2], weight.shape[2], o.padding.h, o.dilation.h, o.stride.h),
               size(x.shape[3], weight.shape[3], o.padding.w, o.dilation.w, o.stride.w)});
  for (std::int64_t n = 0; n < y.shape[0]; ++n)
    for (std::int64_t c = 0; c < y.shape[1]; ++c)
      for (std::int64_t i = 0; i < y.shape[2]; ++i)
        for (std::int64_t j = 0; j < y.shape[3]; ++j) {
          double sum = bias ? (*bias)[c] : 0;
          for (std::int64_t l = 0; l < inputs; ++l)
            for (std::int64_t a = 0; a < weight.shape[2]; ++a)
              for (std::int64_t b = 0; b < weight.shape[3]; ++b) {
                const std::int64_t h = i * o.stride.h - o.padding.h + a * o.dilation.h, w = j * o.stride.w - o.padding.w + b * o.dilation.w;
                if (h < 0 || h >= x.shape[2] || w < 0 || w >= x.shape[3]) continue;
                sum += x.at({n, c / outputs * inputs + l, h, w}) * weight.at({c, l, a, b});
              }
          y.at({n, c, i, j}) = sum;
        }
  return y;
}

OpCase conv_case(std::string variant, const Shape& x, const Shape& weight, bool bias, Conv2dOptions options) {
  OpCase c{.op = "conv2d", .variant = std::move(variant), .inputs = {real(x), real(weight)}, .slack = 8};
  if (bias) c.inputs.push_back(real({weight[0]}));
  c.forward = [=](const Inputs& in) -> Outputs { return conv2d(in[0], in[1], bias ? in[2] : Tensor(), options); };
  c.reference = [=](const HostArrays& in) -> HostArrays { return convolution(in[0], in[1], bias ? &in[2] : nullptr, options); };
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
std::vector<HostArray> values_and_gradients(const HostArray& x, const HostArray& w, const HostArray& b, const HostArray& g, const Conv2dOptions& o,
                                            DType dtype, MemoryFormat format) {
  const Tensor image = to_tensor(x, dtype).contiguous(format), weight = to_tensor(w, dtype), bias = to_tensor(b, dtype);
  for (const Tensor& t : {image, weight, bias}) t.requires_grad_();
  const Tensor y = conv2d(image, weight, bias, o);
  y.backward(to_tensor(g, dtype));
  return {to_host(y), to_host(image.grad()), to_host(weight.grad()), to_host(bias.grad())};
}

}  // namespace

OP_CASES(conv2d) {
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
  };
}

TEST_CASE("conv2d: f32 in both layouts agrees with f64 on the shapes of real networks") {
  struct Layer {
    Shape x, weight;
    Conv2dOptions options;
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

TEST_CASE("conv2d: the layout of the image decides the layout of the result") {
  const Tensor x = to_tensor(pattern({2, 8, 5, 5}, 1), f32), w = to_tensor(pattern({6, 8, 3, 3}, 2), f32);
  CHECK(conv2d(x, w).is_contiguous());
  CHECK(conv2d(x.contiguous(MemoryFormat::channels_last), w).is_contiguous(MemoryFormat::channels_last));
  const Tensor gray = to_tensor(pattern({2, 1, 5, 5}, 1), f32), v = to_tensor(pattern({6, 1, 3, 3}, 2), f32);
  CHECK(conv2d(gray.contiguous(MemoryFormat::channels_last), v).is_contiguous());
}
