#include "tasuki/ops/fold.hpp"

#include "tasuki/ops/conv.hpp"
#include "tasuki/ops/matmul.hpp"
#include "tasuki/ops/view.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;

namespace {

struct FoldWindows {
  std::int64_t height, width, kh, kw, stride_h, stride_w, padding, dilation;
  std::int64_t rows() const { return (height + 2 * padding - dilation * (kh - 1) - 1) / stride_h + 1; }
  std::int64_t columns() const { return (width + 2 * padding - dilation * (kw - 1) - 1) / stride_w + 1; }
  ts::FoldOptions options() const { return {.dilation = dilation, .padding = padding, .stride = {stride_h, stride_w}}; }
};

/// Calls f(n, channel, row, column, position in the columns) for every tap of every window that lies inside the image.
template <class F>
void each_tap(const FoldWindows& w, std::int64_t n, std::int64_t channels, F f) {
  std::int64_t at = 0;
  for (std::int64_t b = 0; b < n; ++b)
    for (std::int64_t c = 0; c < channels; ++c)
      for (std::int64_t i = 0; i < w.kh; ++i)
        for (std::int64_t j = 0; j < w.kw; ++j)
          for (std::int64_t r = 0; r < w.rows(); ++r)
            for (std::int64_t s = 0; s < w.columns(); ++s, ++at) {
              const std::int64_t y = r * w.stride_h + i * w.dilation - w.padding, x = s * w.stride_w + j * w.dilation - w.padding;
              if (y >= 0 && y < w.height && x >= 0 && x < w.width) f(b, c, y, x, at);
            }
}

OpCase unfolding(std::string variant, const FoldWindows& w, std::int64_t n, std::int64_t channels) {
  return {.op = "unfold", .variant = std::move(variant), .inputs = {real({n, channels, w.height, w.width})},
          .forward = [=](const Inputs& in) { return ts::unfold(in[0], {w.kh, w.kw}, w.options()); },
          .reference = [=](const HostArrays& in) -> HostArrays {
            HostArray y(ts::Shape{n, channels * w.kh * w.kw, w.rows() * w.columns()});
            each_tap(w, n, channels, [&](std::int64_t b, std::int64_t c, std::int64_t r, std::int64_t s, std::int64_t at) { y[at] = in[0].at({b, c, r, s}); });
            return y;
          }};
}

OpCase folding(std::string variant, const FoldWindows& w, std::int64_t n, std::int64_t channels) {
  return {.op = "fold", .variant = std::move(variant), .inputs = {real({n, channels * w.kh * w.kw, w.rows() * w.columns()})},
          .forward = [=](const Inputs& in) { return ts::fold(in[0], {w.height, w.width}, {w.kh, w.kw}, w.options()); },
          .reference = [=](const HostArrays& in) -> HostArrays {
            HostArray y(ts::Shape{n, channels, w.height, w.width});
            each_tap(w, n, channels, [&](std::int64_t b, std::int64_t c, std::int64_t r, std::int64_t s, std::int64_t at) { y.at({b, c, r, s}) += in[0][at]; });
            return y;
          },
          .flags = no_nan,
          .slack = 2};
}

const FoldWindows plain{4, 5, 2, 3, 1, 1, 0, 1}, all_options{5, 6, 2, 3, 2, 1, 1, 2};

}  // namespace

OP_CASES(fold) {
  return {unfolding("of images", plain, 2, 2), unfolding("of images, with all options", all_options, 1, 2), unfolding("of no images", plain, 0, 2),
          folding("", plain, 2, 2), folding("with all options", all_options, 1, 2), folding("of no images", plain, 0, 2)};
}

TEST_CASE("A convolution is a product with the columns") {
  HostArray image(ts::Shape{1, 2, 5, 6}), kernel(ts::Shape{3, 2, 3, 2});
  for (std::int64_t i = 0; i < image.numel(); ++i) image[i] = static_cast<double>(i * 7 % 11) - 5;
  for (std::int64_t i = 0; i < kernel.numel(); ++i) kernel[i] = static_cast<double>(i * 5 % 7) - 3;
  const ts::Tensor x = to_tensor(image, ts::f32), weight = to_tensor(kernel, ts::f32);
  const ts::Tensor y = ts::matmul(weight.flatten(1), ts::unfold(x, {3, 2}, {.padding = 1, .stride = 2}));
  CHECK(to_host(y).values == to_host(ts::conv2d(x, weight, {}, {.stride = 2, .padding = 1})).values);
}

TEST_CASE("Misuse of fold and unfold is explained") {
  const ts::Tensor x = to_tensor(HostArray(ts::Shape{1, 2, 3, 3}), ts::f32), columns = to_tensor(HostArray(ts::Shape{1, 8, 4}), ts::f32);
  expect_error([&] { ts::unfold(x[0], 2); }, "ShapeError: unfold\n  expected  x.ndim() == 4\n  actual    3 != 4\n  x is [N, C, H, W]\n  x: f32[2, 3, 3] cpu\n  called at <here>");
  expect_error([&] { ts::unfold(x, 4); },
               "ShapeError: unfold\n  expected  images that hold a window of 4 pixels\n  actual    3 with their padding\n  x: f32[1, 2, 3, 3] cpu\n  called at <here>");
  expect_error([&] { ts::fold(columns, 4, 2); },
               "ShapeError: fold\n  expected  columns.size(2) == places\n  actual    4 != 9\n  a column for each place of the window\n  columns: f32[1, 8, 4] cpu\n  called at <here>");
  expect_error([&] { ts::fold(columns, 4, 3); },
               "ShapeError: fold\n  expected  columns.size(1) % taps == 0\n  actual    8 != 0\n  each channel has kh kw rows\n  columns: f32[1, 8, 4] cpu\n  called at <here>");
}
