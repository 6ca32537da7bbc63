#include "tasuki/ops/interpolate.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/dispatch.hpp"
#include "kernels/interpolate.hpp"
#include "src/ops/operand_checks.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/tensor/layout.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki {
namespace {

using kernels::cpu::AxisTaps;

/// A table of weights along one dimension, in both types that kernels compute in.
struct Axis {
  std::vector<std::int32_t> begin{0}, index;
  std::vector<double> weight;
  std::vector<float> weight_f32;

  std::int64_t size() const { return static_cast<std::int64_t>(begin.size()) - 1; }
  void tap(std::int64_t at, double w) {
    index.push_back(static_cast<std::int32_t>(at));
    weight.push_back(w);
    weight_f32.push_back(static_cast<float>(w));
  }
  void next() { begin.push_back(static_cast<std::int32_t>(index.size())); }
  operator AxisTaps() const { return {begin.data(), index.data(), weight.data(), weight_f32.data()}; }

  Axis transposed(std::int64_t inputs) const {
    std::vector<std::vector<std::pair<std::int64_t, double>>> columns(static_cast<std::size_t>(inputs));
    for (std::int64_t i = 0; i < size(); ++i)
      for (std::int32_t t = begin[static_cast<std::size_t>(i)]; t < begin[static_cast<std::size_t>(i) + 1]; ++t)
        columns[static_cast<std::size_t>(index[static_cast<std::size_t>(t)])].emplace_back(i, weight[static_cast<std::size_t>(t)]);
    Axis result;
    for (const auto& column : columns) {
      for (const auto& [i, w] : column) result.tap(i, w);
      result.next();
    }
    return result;
  }
};

/// Position of output i in the input, in units of its elements.
struct Coordinate {
  std::int64_t in, out;
  double scale;  // 0: the ratio of the sizes
  bool align_corners;
  double step() const { return scale > 0 ? 1 / scale : static_cast<double>(in) / static_cast<double>(out); }
  double at(std::int64_t i) const {
    if (!align_corners) return step() * (static_cast<double>(i) + 0.5) - 0.5;
    return out > 1 ? static_cast<double>(i) * (static_cast<double>(in - 1) / static_cast<double>(out - 1)) : 0;
  }
  std::int64_t nearest(std::int64_t i) const {
    const std::int64_t below = scale > 0 ? static_cast<std::int64_t>(std::floor(static_cast<double>(i) / scale)) : i * in / out;
    return std::min(below, in - 1);
  }
};

/// Keys' kernel with a = -3/4, of the four elements around a position that lies `t` behind the second of them.
void cubic_weights(double t, double (&w)[4]) {
  constexpr double a = -0.75;
  const auto near = [](double x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };
  const auto far = [](double x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };
  w[0] = far(t + 1), w[1] = near(t), w[2] = near(1 - t), w[3] = far(2 - t);
}

Axis axis_of(Interpolation mode, const Coordinate& c) {
  Axis axis;
  const auto clamped = [&](std::int64_t i) { return std::clamp<std::int64_t>(i, 0, c.in - 1); };
  for (std::int64_t i = 0; i < c.out; ++i) {
    if (mode == Interpolation::nearest) {
      axis.tap(c.nearest(i), 1);
    } else if (mode == Interpolation::linear) {
      const double x = std::max(c.at(i), 0.0);
      const std::int64_t left = clamped(static_cast<std::int64_t>(x)), right = clamped(left + 1);
      const double share = x - static_cast<double>(left);
      // An element of weight zero is not read, so that its infinity does not become a NaN: the other counts twice by halves, which is
      // exact and keeps two taps for each output.
      const bool alone = share == 0 || right == left;
      axis.tap(left, alone ? 0.5 : 1 - share);
      axis.tap(alone ? left : right, alone ? 0.5 : share);
    } else {
      const double x = c.at(i), floor = std::floor(x);
      double w[4];
      cubic_weights(x - floor, w);
      for (int k = 0; k < 4; ++k)
        if (w[k] != 0) axis.tap(clamped(static_cast<std::int64_t>(floor) - 1 + k), w[k]);
    }
    axis.next();
  }
  return axis;
}

/// A view of up to three spatial dimensions as [n, c, d, h, w], the missing ones of size 1.
struct Volume {
  Shape shape{}, strides{};
  View view;
  explicit Volume(const View& v) : view(v) {
    for (int d = 0; d < 5; ++d) {
      const int own = d < 2 ? d : d - (5 - v.ndim);
      const bool there = d < 2 || own >= 2;
      shape.push_back(there ? v.size(own) : 1);
      strides.push_back(there ? v.stride(own) : 0);
    }
    view.shape = shape.data(), view.strides = strides.data(), view.ndim = 5;
  }
  Volume(const Volume&) = delete;
};

/// The linear map of three tables, with its transposed as gradient; interpolate and every derivative of it.
struct Resample : Function {
  Axis axes[3];
  Resample() = default;
  explicit Resample(Axis (&&tables)[3]) : axes{std::move(tables[0]), std::move(tables[1]), std::move(tables[2])} {}
  static constexpr OpInfo op{"interpolate_gradient", "grad"};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override { return planned(in[0]); }

  void forward(Launch& l) override { run(l.device(), l.in(0), l.out(0), axes, false, l.workspace()); }
  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    const GradSlot x = b.grad(0);
    const Volume shape(x.view);
    const Axis tables[3] = {axes[0].transposed(shape.shape[2]), axes[1].transposed(shape.shape[3]), axes[2].transposed(shape.shape[4])};
    run(b.device(), b.grad_out(0), x.view, tables, x.accumulate, b.workspace());
  }
  TensorList backward_graph(const GradContext& c) override {
    const Shape& x = c.in_shape(0);
    Axis tables[3];
    for (int d = 0; d < 3; ++d) tables[d] = axes[d].transposed(d + x.ndim() < 5 ? 1 : x[d + x.ndim() - 3]);
    return {apply(Resample(std::move(tables)), {&c.grad(0)}, {})};
  }

 protected:
  Spec planned(const Tensor& x) const {
    Shape y{x.size(0), x.size(1)};
    double taps = 1;
    for (int d = 5 - x.ndim() ; d < 3; ++d) {
      y.push_back(axes[d].size());
      taps *= static_cast<double>(axes[d].index.size()) / static_cast<double>(std::max<std::int64_t>(axes[d].size(), 1));
    }
    const bool channels_last = !x.is_contiguous() && x.is_contiguous(MemoryFormat::channels_last);
    Spec spec;
    spec.outputs.emplace_back(y, x.dtype(), strides_of(y, channels_last ? MemoryFormat::channels_last : MemoryFormat::contiguous));
    spec.workspace = spec.backward_workspace = kernels::cpu::resample_workspace(x.size(-1), y.back(), x.dtype());
    spec.flops = spec.backward_flops = 2 * taps * static_cast<double>(y.numel());
    return spec;
  }
  void run(Device device, const View& x, const View& y, const Axis (&tables)[3], bool accumulate, void* workspace) const {
    switch (device.kind()) {
      case DeviceKind::cpu: return kernels::cpu::resample(Volume(x).view, Volume(y).view, {tables[0], tables[1], tables[2]}, accumulate, workspace);
      default: kernels::not_on(device, info().name);
    }
  }
};

struct Interpolate final : Resample {
  InterpolateOptions options;
  explicit Interpolate(const InterpolateOptions& o) : options(o) {}
  static constexpr OpInfo op{"interpolate", "x"};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override {
    static constexpr const char* names[] = {"nearest", "linear", "cubic"};
    return detail::concat({"size=(", axes[0].size(), ", ", axes[1].size(), ", ", axes[2].size(), "), mode=", names[static_cast<int>(options.mode)],
                           ", align_corners=", options.align_corners});
  }

  Spec infer(const Operands& in) override {
    const Tensor& x = in[0];
    ops::check_floating(x, "x");
    if (x.ndim() < 3 || x.ndim() > 5)
      TASUKI_THROW(ShapeError, "expected  x [N, C, W], [N, C, H, W] or [N, C, D, H, W]\nactual    ", x.shape());
    const int spatial = x.ndim() - 2;
    const bool sized = !options.size.empty();
    if (sized == (options.scale.count() > 0))
      TASUKI_THROW(ValueError, "expected  either size or scale\nactual    ", sized ? "both" : "neither", " given");
    if (sized ? options.size.ndim() != spatial : options.scale.count() != 1 && options.scale.count() != spatial)
      TASUKI_THROW(ValueError, "expected  ", sized ? "a size" : "one scale, or one", " for each of the ", spatial, " spatial dimensions\nactual    ",
                   sized ? options.size.ndim() : options.scale.count());
    TASUKI_CHECK(ValueError, !(options.align_corners && options.mode == Interpolation::nearest), "nearest elements have no corners to align");
    for (int d = 0; d < 3; ++d) axes[d] = axis_of(Interpolation::nearest, {1, 1, 0, false});
    for (int d = 0; d < spatial; ++d) {
      const std::int64_t size = x.size(2 + d);
      const double scale = sized ? 0 : options.scale[d];
      const double exact = sized ? static_cast<double>(options.size[d]) : std::floor(static_cast<double>(size) * scale);
      TASUKI_CHECK_OP(ShapeError, size, >=, 1, "there is nothing to interpolate in an empty image");
      if (!(exact >= 1 && exact <= 0x1p28 && size <= std::int64_t{1} << 28))
        TASUKI_THROW(ValueError, "expected  an image and a result of 1 to 2^28 elements along dimension ", 2 + d, "\nactual    ", exact);
      axes[3 - spatial + d] = axis_of(options.mode, {size, static_cast<std::int64_t>(exact), scale, options.align_corners});
    }
    return planned(x);
  }
};

}  // namespace

Tensor interpolate(const Tensor& x, const InterpolateOptions& options, SourceLocation at) { return apply(Interpolate(options), {&x}, at); }

}  // namespace tasuki
