#include "tasuki/ops/grid_sample.hpp"

#include "kernels/dispatch.hpp"
#include "kernels/grid_sample.hpp"
#include "src/ops/composed.hpp"
#include "src/ops/grid_sample_graph.hpp"
#include "src/ops/operand_checks.hpp"
#include "src/ops/single_precision.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/cat.hpp"
#include "tasuki/ops/copy.hpp"
#include "tasuki/ops/matmul.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/creation.hpp"

namespace tasuki {
namespace {

using At = SourceLocation;
using kernels::cpu::GridMode;
using kernels::cpu::GridPadding;

constexpr OpInfo affine_info{"affine_grid", "theta"};

/// Both operands are row-major.
struct Sample final : Function {
  enum Operand { x_, grid_ };
  kernels::cpu::GridSample sample;
  explicit Sample(const GridSampleOptions& o) {
    sample.mode = static_cast<GridMode>(o.mode);
    sample.padding = static_cast<GridPadding>(o.padding);
    sample.align_corners = o.align_corners;
  }
  static constexpr OpInfo op{"grid_sample", "x, grid"};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override {
    static constexpr const char* paddings[] = {"zeros", "border", "reflection"};
    static constexpr const char* modes[] = {"linear", "nearest", "cubic"};
    return detail::concat({modes[static_cast<int>(sample.mode)], ", padding=", paddings[static_cast<int>(sample.padding)],
                           sample.align_corners ? ", align_corners" : ""});
  }
  Spec infer(const Operands& in) override {
    const Tensor &x = in[x_], &grid = in[grid_];
    sample.dims = x.ndim() - 2;
    sample.n = x.size(0);
    sample.channels = x.size(1);
    sample.places = 1;
    Shape y{sample.n, sample.channels};
    for (int d = 0; d < sample.dims; ++d) {
      sample.size[3 - sample.dims + d] = x.size(2 + d);
      y.push_back(grid.size(1 + d));
      sample.places *= grid.size(1 + d);
    }
    Spec spec(y, x.dtype());
    if (in.needs_grad(x_) || in.needs_grad(grid_)) spec.save_inputs |= 1u << grid_;
    if (in.needs_grad(grid_)) spec.save_inputs |= 1u << x_;
    spec.flops = spec.backward_flops = static_cast<double>(y.numel()) * (sample.dims == 2 ? 8 : 16);
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::grid_sample(sample, l.in(x_), l.in(grid_), l.out(0));
      default: kernels::not_on(l.device(), op.name);
    }
  }
  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    switch (b.device().kind()) {
      case DeviceKind::cpu:
        return kernels::cpu::grid_sample_backward(sample, b.grad_out(0), b.in(x_), b.in(grid_), b.grad(x_).view, b.grad(grid_).view, b.grad(x_).accumulate,
                                                  b.grad(grid_).accumulate);
      default: kernels::not_on(b.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    const bool for_grid = c.needs(grid_);
    const auto g = ops::grid_sample_gradients(sample, c.grad(0), for_grid ? c.in(x_) : Tensor(), c.in(grid_), c.in_shape(x_), c.needs(x_), for_grid);
    return {g.x, g.grid};
  }
};

void check(const Tensor& x, const Tensor& grid) {
  ops::check_floating(x, "x");
  ops::check_dtype(grid, "grid", x.dtype());
  if (x.ndim() != 4 && x.ndim() != 5) TASUKI_THROW(ShapeError, "expected  x of [N, C, H, W] or [N, C, D, H, W]\nactual    ", x.shape());
  TASUKI_CHECK_OP(ShapeError, grid.ndim(), ==, x.ndim());
  TASUKI_CHECK_OP(ShapeError, grid.size(0), ==, x.size(0), "a grid for each image");
  TASUKI_CHECK_OP(ShapeError, grid.size(-1), ==, x.ndim() - 2, "the coordinates of a place");
  std::int64_t pixels = 1;
  for (int d = 2; d < x.ndim(); ++d) pixels *= x.size(d);
  TASUKI_CHECK(ShapeError, pixels >= 1 && pixels < std::int64_t{1} << 31, "a plane of x has ", pixels, " pixels");
}

/// The coordinates of `count` pixels from -1 to 1, between their centres or their outer edges.
Tensor coordinates(std::int64_t count, bool align_corners, DType dtype, Device device) {
  const Tensor i = arange(0, count, 1, {.dtype = i64, .device = device}).to(f64);
  const double n = static_cast<double>(count);
  const Tensor at = align_corners ? (count > 1 ? i * (2 / (n - 1)) - 1 : i * 0.0) : (i * 2.0 + 1.0) / n - 1;
  return at.to(dtype);
}

}  // namespace

Tensor grid_sample(const Tensor& x, const Tensor& grid, const GridSampleOptions& options, At at) {
  return ops::composed(Sample::op, {&x, &grid}, at, [&] {
    check(x, grid);
    if (options.mode == GridSampleMode::cubic && x.ndim() != 4) TASUKI_THROW(ShapeError, "expected  x of [N, C, H, W] for cubic sampling\nactual    ", x.shape());
    const Tensor images = ops::row_major(ops::widened(x, at), at), places = ops::row_major(ops::widened(grid, at), at);
    return apply(Sample(options), {&images, &places}, at).to(x.dtype(), at);
  });
}

Tensor affine_grid(const Tensor& theta, const Shape& size, bool align_corners, At at) {
  return ops::composed(affine_info, {&theta}, at, [&] {
    ops::check_floating(theta, "theta");
    const int dims = size.ndim() - 2;
    if (dims != 2 && dims != 3) TASUKI_THROW(ShapeError, "expected  a size [N, C, H, W] or [N, C, D, H, W]\nactual    ", size);
    ops::check_shape(theta, "theta", {size[0], dims, dims + 1});
    Shape grid;
    for (int d = 0; d < dims; ++d) grid.push_back(size[2 + d]);
    std::vector<Tensor> columns;  // x, y, [z,] 1
    for (int d = dims - 1; d >= 0; --d) {
      Shape along = Shape::filled(dims, 1);
      along[d] = grid[d];
      columns.push_back(coordinates(grid[d], align_corners, theta.dtype(), theta.device()).reshape(along, at).expand(grid, at).reshape({-1}, at));
    }
    columns.push_back(ones({grid.numel()}, {.dtype = theta.dtype(), .device = theta.device()}, at));
    Shape result{size[0]};
    for (const std::int64_t s : grid) result.push_back(s);
    result.push_back(dims);
    return matmul(stack(columns, 1, at), theta.transpose(1, 2, at), at).reshape(result, at);
  });
}

}  // namespace tasuki
