#include "tasuki/ops/rearrange.hpp"

#include <algorithm>

#include "kernels/dispatch.hpp"
#include "kernels/rearrange.hpp"
#include "src/ops/composed.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {
namespace {

using At = SourceLocation;

struct Flip final : Function {
  Dims dims;
  explicit Flip(const Dims& d) : dims(d) {}
  static constexpr OpInfo op{"flip", "x", op_any_grad_layout};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override { return "dims=" + dims.to_string(); }
  Spec infer(const Operands& in) override {
    if (!dims.empty()) dims = normalize_dims(dims, in[0].ndim());
    return Spec::like(in[0]);
  }
  void forward(Launch& l) override {
    std::uint32_t mask = 0;
    for (const std::int64_t d : dims) mask |= 1u << d;
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::flip(l.in(0), mask, l.out(0));
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override { return {apply(Flip(dims), {&c.grad(0)})}; }
};

struct Roll final : Function {
  Dims shifts, dims;
  Shape by_dim;  ///< how far each dimension moves, from 0 up to its size
  Roll(const Dims& s, const Dims& d) : shifts(s), dims(d) {}
  static constexpr OpInfo op{"roll", "x", op_any_grad_layout};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override { return "shifts=" + shifts.to_string() + ", dims=" + dims.to_string(); }
  Spec infer(const Operands& in) override {
    const Tensor& x = in[0];
    TASUKI_CHECK_OP(ShapeError, shifts.ndim(), ==, dims.ndim(), "each dimension takes one shift");
    by_dim = Shape::filled(x.ndim(), 0);
    for (int k = 0; k < dims.ndim(); ++k) {
      const int d = normalize_dim(static_cast<int>(dims[k]), x.ndim());
      if (x.ndim() == 0 || x.size(d) == 0) continue;
      by_dim[d] = ((by_dim[d] + shifts[k]) % x.size(d) + x.size(d)) % x.size(d);
    }
    return Spec::like(x);
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::roll(l.in(0), by_dim.data(), l.out(0));
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override {
    Dims back = shifts;
    for (std::int64_t& s : back) s = -s;
    return {apply(Roll(back, dims), {&c.grad(0)})};
  }
};

struct Triangle final : Function {
  std::int64_t offset;
  bool upper;
  Triangle(std::int64_t o, bool u) : offset(o), upper(u) {}
  static constexpr OpInfo tril_op{"tril", "x", op_any_grad_layout}, triu_op{"triu", "x", op_any_grad_layout};
  const OpInfo& info() const override { return upper ? triu_op : tril_op; }
  std::string attributes() const override { return "offset=" + std::to_string(offset); }
  Spec infer(const Operands& in) override {
    const Tensor& x = in[0];
    TASUKI_CHECK_OP(ShapeError, x.ndim(), >=, 2);
    return Spec::like(x);
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::triangle(l.in(0), offset, upper, l.out(0));
      default: kernels::not_on(l.device(), info().name);
    }
  }
  TensorList backward_graph(const GradContext& c) override { return {apply(Triangle(offset, upper), {&c.grad(0)})}; }
};

constexpr OpInfo repeat_info{"repeat", "x"}, shuffle_info{"pixel_shuffle", "x"}, unshuffle_info{"pixel_unshuffle", "x"};

/// `shape` with the sizes `from` at d, d + 1, ... replaced by others.
Shape with_sizes(const Shape& shape, int d, int count, std::initializer_list<std::int64_t> sizes) {
  Shape result;
  for (int i = 0; i < d; ++i) result.push_back(shape[i]);
  for (const std::int64_t size : sizes) result.push_back(size);
  for (int i = d + count; i < shape.ndim(); ++i) result.push_back(shape[i]);
  return result;
}

}  // namespace

Tensor flip(const Tensor& x, const Dims& dims, At at) { return apply(Flip(dims), {&x}, at); }

Tensor roll(const Tensor& x, const Dims& shifts, const Dims& dims, At at) {
  if (!dims.empty() || shifts.ndim() != 1) return apply(Roll(shifts, dims), {&x}, at);
  const Tensor flat = x.reshape({-1}, at);
  return apply(Roll(shifts, Dims(0)), {&flat}, at).reshape(x.shape(), at);
}

/// Both forms of repeat, under their names.
static Tensor repeated(const OpInfo& info, const Tensor& x, const Dims& repeats, At at) {
  return ops::composed(info, {&x}, at, [&] {
    TASUKI_CHECK_OP(ShapeError, repeats.ndim(), >=, x.ndim(), "a number for each dimension; ts::tile takes fewer");
    Shape shape = Shape::filled(repeats.ndim() - x.ndim(), 1);
    for (const std::int64_t size : x.shape()) shape.push_back(size);
    Tensor y = x.reshape(shape, at);
    for (int d = 0; d < repeats.ndim(); ++d) {
      const std::int64_t times = repeats[d], size = shape[d];
      if (times < 0) TASUKI_THROW(ValueError, "expected  repeats of at least 0\nactual    ", times);
      if (times == 1) continue;
      const Shape now = y.shape();
      // Dimensions are few enough to gain one; a merged leading part makes room where they are not.
      Shape apart;
      std::int64_t leading = 1;
      for (int i = 0; i < d; ++i) leading *= now[i];
      std::int64_t trailing = 1;
      for (int i = d + 1; i < now.ndim(); ++i) trailing *= now[i];
      apart = {leading, 1, size, trailing};
      shape[d] = times * size;
      y = y.reshape(apart, at).expand({leading, times, size, trailing}, at).reshape(with_sizes(now, d, 1, {times * size}), at);
    }
    return y.is_same(x) || y.shares_storage(x) ? y.clone(at) : y;
  });
}

Tensor repeat(const Tensor& x, const Dims& repeats, At at) { return repeated(repeat_info, x, repeats, at); }

Tensor tile(const Tensor& x, const Dims& repeats, At at) {
  static constexpr OpInfo info{"tile", "x"};
  Dims all = Dims::filled(std::max(x.ndim() - repeats.ndim(), 0), 1);
  for (const std::int64_t r : repeats) all.push_back(r);
  return repeated(info, x, all, at);
}

Tensor tril(const Tensor& x, std::int64_t offset, At at) { return apply(Triangle(offset, false), {&x}, at); }
Tensor triu(const Tensor& x, std::int64_t offset, At at) { return apply(Triangle(offset, true), {&x}, at); }

Tensor pixel_shuffle(const Tensor& x, std::int64_t r, At at) {
  return ops::composed(shuffle_info, {&x}, at, [&] {
    TASUKI_CHECK_OP(ShapeError, x.ndim(), >=, 3);
    TASUKI_CHECK_OP(ValueError, r, >=, 1, "the factor of the resolution");
    TASUKI_CHECK_OP(ShapeError, x.size(-3) % (r * r), ==, 0, "the channels hold r x r pixels each");
    const int d = x.ndim() - 3;
    const std::int64_t c = x.size(-3) / (r * r), h = x.size(-2), w = x.size(-1);
    std::int64_t leading = 1;
    for (int i = 0; i < d; ++i) leading *= x.size(i);
    const Tensor blocks = x.reshape({leading, c, r, r, h, w}, at).permute({0, 1, 4, 2, 5, 3}, at);
    return blocks.reshape(with_sizes(x.shape(), d, 3, {c, h * r, w * r}), at);
  });
}

Tensor pixel_unshuffle(const Tensor& x, std::int64_t r, At at) {
  return ops::composed(unshuffle_info, {&x}, at, [&] {
    TASUKI_CHECK_OP(ShapeError, x.ndim(), >=, 3);
    TASUKI_CHECK_OP(ValueError, r, >=, 1, "the factor of the resolution");
    TASUKI_CHECK_OP(ShapeError, x.size(-2) % r, ==, 0, "blocks of r x r pixels");
    TASUKI_CHECK_OP(ShapeError, x.size(-1) % r, ==, 0, "blocks of r x r pixels");
    const int d = x.ndim() - 3;
    const std::int64_t c = x.size(-3), h = x.size(-2) / r, w = x.size(-1) / r;
    std::int64_t leading = 1;
    for (int i = 0; i < d; ++i) leading *= x.size(i);
    const Tensor blocks = x.reshape({leading, c, h, r, w, r}, at).permute({0, 1, 3, 5, 2, 4}, at);
    return blocks.reshape(with_sizes(x.shape(), d, 3, {c * r * r, h, w}), at);
  });
}

Tensor channel_shuffle(const Tensor& x, std::int64_t groups, At at) {
  static constexpr OpInfo info{"channel_shuffle", "x"};
  return ops::composed(info, {&x}, at, [&] {
    TASUKI_CHECK_OP(ShapeError, x.ndim(), >=, 2);
    TASUKI_CHECK_OP(ValueError, groups, >=, 1);
    TASUKI_CHECK_OP(ShapeError, x.size(1) % groups, ==, 0, "groups of equally many channels");
    std::int64_t pixels = 1;
    for (int d = 2; d < x.ndim(); ++d) pixels *= x.size(d);
    return x.reshape({x.size(0), groups, x.size(1) / groups, pixels}, at).transpose(1, 2, at).reshape(x.shape(), at);
  });
}

std::vector<Tensor> meshgrid(const std::vector<Tensor>& axes, At at) {
  static constexpr OpInfo info{"meshgrid", "axes"};
  if (axes.empty()) return {};
  return ops::composed(info, {&axes[0]}, at, [&] {
    Shape grid;
    for (const Tensor& axis : axes) {
      if (axis.ndim() > 1) TASUKI_THROW(ShapeError, "expected  vectors\nactual    shape ", axis.shape());
      grid.push_back(axis.numel());
    }
    std::vector<Tensor> grids;
    for (std::size_t k = 0; k < axes.size(); ++k) {
      Shape shape = Shape::filled(grid.ndim(), 1);
      shape[static_cast<int>(k)] = axes[k].numel();
      grids.push_back(axes[k].reshape(shape, at).expand(grid, at));
    }
    return grids;
  });
}

}  // namespace tasuki
