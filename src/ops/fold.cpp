#include "tasuki/ops/fold.hpp"

#include "src/ops/composed.hpp"
#include "src/ops/embed.hpp"
#include "src/ops/spatial.hpp"
#include "tasuki/ops/pad.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {
namespace {

using At = SourceLocation;

constexpr OpInfo columns_info{"unfold", "x"}, fold_info{"fold", "columns"};

/// One of the two dimensions of an image.
struct Side {
  std::int64_t size, kernel, dilation, padding, stride;
  std::int64_t padded() const { return size + 2 * padding; }
  std::int64_t span() const { return dilation * (kernel - 1) + 1; }
  std::int64_t places() const { return (padded() - span()) / stride + 1; }
};
struct Sides {
  Side h, w;
};

Sides sides_of(std::int64_t height, std::int64_t width, const SpatialInts& kernel, const FoldOptions& o) {
  const ops::Spatial k = ops::spatial_option("kernel", kernel, 2, 1, 1), d = ops::spatial_option("dilation", o.dilation, 2, 1, 1);
  const ops::Spatial p = ops::spatial_option("padding", o.padding, 2, 0, 0), s = ops::spatial_option("stride", o.stride, 2, 1, 1);
  const Sides sides{{height, k[1], d[1], p[1], s[1]}, {width, k[2], d[2], p[2], s[2]}};
  for (const Side& side : {sides.h, sides.w})
    if (side.span() > side.padded()) TASUKI_THROW(ShapeError, "expected  images that hold a window of ", side.span(), " pixels\nactual    ", side.padded(), " with their padding");
  return sides;
}

}  // namespace

Tensor unfold(const Tensor& x, const SpatialInts& kernel, const FoldOptions& options, At at) {
  return ops::composed(columns_info, {&x}, at, [&] {
    TASUKI_CHECK_OP(ShapeError, x.ndim(), ==, 4, "x is [N, C, H, W]");
    const auto [h, w] = sides_of(x.size(2), x.size(3), kernel, options);
    const bool padded = h.padding > 0 || w.padding > 0;
    const Tensor images = padded ? pad(x, {w.padding, w.padding, h.padding, h.padding}, {}, at) : x;
    const auto windows = [&](const Tensor& t, int dim, const Side& side) {
      const Tensor all = t.unfold(dim, side.span(), side.stride, at);
      return side.dilation == 1 ? all : all.slice(-1, 0, side.span(), side.dilation, at);
    };
    const Tensor all = windows(windows(images, 2, h), 3, w);  // [N, C, rows, columns, kh, kw]
    return all.permute({0, 1, 4, 5, 2, 3}, at).reshape({x.size(0), x.size(1) * h.kernel * w.kernel, h.places() * w.places()}, at);
  });
}

Tensor fold(const Tensor& columns, const SpatialInts& output, const SpatialInts& kernel, const FoldOptions& options, At at) {
  return ops::composed(fold_info, {&columns}, at, [&] {
    TASUKI_CHECK_OP(ShapeError, columns.ndim(), ==, 3, "columns are [N, C kh kw, L]");
    const ops::Spatial sizes = ops::spatial_option("output", output, 2, 1, 1);
    const auto [h, w] = sides_of(sizes[1], sizes[2], kernel, options);
    const std::int64_t taps = h.kernel * w.kernel, places = h.places() * w.places();
    TASUKI_CHECK_OP(ShapeError, columns.size(1) % taps, ==, 0, "each channel has kh kw rows");
    TASUKI_CHECK_OP(ShapeError, columns.size(2), ==, places, "a column for each place of the window");
    const std::int64_t n = columns.size(0), channels = columns.size(1) / taps;
    const Tensor windows = columns.reshape({n, channels, h.kernel, w.kernel, h.places(), w.places()}, at).permute({0, 1, 4, 5, 2, 3}, at);
    const Shape whole{n, channels, h.padded(), w.padded()};
    const Strides s = contiguous_strides(whole);
    const Tensor images = ops::embed(windows, whole, {s[0], s[1], s[2] * h.stride, w.stride, s[2] * h.dilation, w.dilation}, at);
    return images.narrow(2, h.padding, h.size, at).narrow(3, w.padding, w.size, at);
  });
}

}  // namespace tasuki
