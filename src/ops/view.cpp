#include "tasuki/ops/view.hpp"

#include <algorithm>

#include "kernels/dispatch.hpp"
#include "kernels/embed.hpp"
#include "src/autograd/launcher.hpp"
#include "src/ops/composed.hpp"
#include "src/ops/embed.hpp"
#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {

namespace {

using At = SourceLocation;

/// How elements are reached: what a view changes.
struct Layout {
  std::int64_t offset = 0;
  Shape shape;
  Strides strides;
};

Layout layout_of(const Tensor& x) { return {x.storage_offset(), x.shape(), x.strides()}; }

/// An op that only exists on the tape: there is nothing to launch.
struct ViewFunction : Function {
  Spec infer(const Operands&) override { TASUKI_THROW(InternalError, info().name, " is a view"); }
  void forward(Launch&) override { TASUKI_THROW(InternalError, info().name, " is a view"); }
};

template <class F>
Tensor make_view(F op, const Tensor& x, const Layout& to, At at) {
  Tensor y = detail::alias(x, to.offset, to.shape, to.strides);
  if (grad_enabled() && x.requires_grad()) Launcher::record_views(op, detail::traits_of<F>, x, &y, 1, at);
  return y;
}

// ---- views that keep every element once

struct Reshape final : ViewFunction {
  static constexpr OpInfo op{"reshape", "x"};
  const OpInfo& info() const override { return op; }
  TensorList backward_graph(const GradContext& c) override { return {c.grad(0).reshape(c.in_shape(0))}; }
};

struct Permute final : ViewFunction {
  Dims order;
  explicit Permute(const Dims& o) : order(o) {}
  static constexpr OpInfo op{"permute", "x"};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override { return "order=" + order.to_string(); }
  TensorList backward_graph(const GradContext& c) override {
    Dims inverse = order;
    for (int i = 0; i < order.ndim(); ++i) inverse[static_cast<int>(order[i])] = i;
    return {c.grad(0).permute(inverse)};
  }
};

// ---- expand

struct Expand final : ViewFunction {
  static constexpr OpInfo op{"expand", "x"};
  const OpInfo& info() const override { return op; }
  TensorList backward_graph(const GradContext& c) override { return {sum_to(c.grad(0), c.in_shape(0))}; }
};

// ---- views of a part, and their adjoint

/// A part of a row-major tensor of shape `whole`, reached through `part`.
struct Region {
  Shape whole;
  Layout part;
  bool overlaps = false;
};

struct Embed final : Function {
  Region region;
  explicit Embed(const Region& r) : region(r) {}
  static constexpr OpInfo op{"embed", "part", op_any_grad_layout};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override { return Spec(region.whole, in[0].dtype()); }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::embed(l.in(0), l.out(0), region.part.offset, region.part.strides.data(), region.overlaps);
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override;
};

struct Subview final : ViewFunction {
  const OpInfo* name;
  Region region;
  Subview(const OpInfo& n, const Region& r) : name(&n), region(r) {}
  const OpInfo& info() const override { return *name; }
  TensorList backward_graph(const GradContext& c) override { return {apply(Embed(region), {&c.grad(0)})}; }
};

constexpr OpInfo part_info{"part", "x"};

TensorList Embed::backward_graph(const GradContext& c) {
  const Tensor whole = c.grad(0).contiguous();
  Layout part = region.part;
  part.offset += whole.storage_offset();
  return {make_view(Subview(part_info, region), whole, part, At())};
}

/// Makes a view by `change`, which must do the same to x's layout as to that of a row-major tensor.
template <class Change>
Tensor part_of(const OpInfo& info, const Tensor& x, At at, Change&& change, bool overlaps = false) {
  return ops::composed(info, {&x}, at, [&] {
    Layout to = layout_of(x);
    change(to);
    Region region{x.shape(), {0, x.shape(), contiguous_strides(x.shape())}, overlaps};
    if (grad_enabled() && x.requires_grad()) change(region.part);
    return make_view(Subview(info, region), x, to, at);
  });
}

constexpr OpInfo select_info{"select", "x"}, slice_info{"slice", "x"}, narrow_info{"narrow", "x"}, unfold_info{"unfold", "x"}, diagonal_info{"diagonal", "x"};

/// Strides under which `shape` sees the elements of x in row-major order; false when there are none.
bool view_strides(const Shape& old_shape, const Strides& old_strides, const Shape& shape, Strides& strides) {
  strides = Strides::filled(shape.ndim(), 1);
  if (shape.numel() == 0) {
    strides = contiguous_strides(shape);
    return true;
  }
  int d = shape.ndim() - 1;
  std::int64_t group = 1, covered = 1, base = old_shape.empty() ? 1 : old_strides.back();
  for (int i = old_shape.ndim() - 1; i >= 0; --i) {
    group *= old_shape[i];
    // The group of old dimensions ends where the next one does not continue it without a gap.
    const bool ends = i == 0 || (old_shape[i - 1] != 1 && old_strides[i - 1] != group * base);
    if (!ends) continue;
    while (d >= 0 && (covered < group || shape[d] == 1)) {
      strides[d] = covered * base;
      covered *= shape[d--];
    }
    if (covered != group) return false;
    if (i > 0) {
      base = old_strides[i - 1];
      group = covered = 1;
    }
  }
  return d == -1;
}

/// `shape` with its -1 replaced.
Shape inferred(const Shape& shape, std::int64_t numel) {
  Shape result = shape;
  int unknown = -1;
  std::int64_t known = 1;
  for (int i = 0; i < shape.ndim(); ++i) {
    if (shape[i] == -1) {
      if (unknown >= 0) TASUKI_THROW(ShapeError, "expected  at most one size of -1\nactual    shape = ", shape);
      unknown = i;
    } else {
      if (shape[i] < 0) TASUKI_THROW(ShapeError, "expected  sizes of at least 0, or one -1\nactual    shape = ", shape);
      known *= shape[i];
    }
  }
  if (unknown >= 0 && known > 0 && numel % known == 0) result[unknown] = numel / known;
  else if (unknown >= 0 || known != numel)
    TASUKI_THROW(ShapeError, "expected  a shape of ", numel, " elements\nactual    shape = ", shape);
  return result;
}

bool try_view(const Tensor& x, const Shape& shape, Layout& to) {
  to = layout_of(x);
  to.shape = shape;
  if (x.is_contiguous()) {
    to.strides = contiguous_strides(shape);
    return true;
  }
  return view_strides(x.shape(), x.strides(), shape, to.strides);
}

}  // namespace

Tensor Tensor::view(const Shape& requested, At at) const {
  return ops::composed({"view", "x"}, {this}, at, [&] {
    const Shape wanted = inferred(requested, numel());
    Layout to;
    if (!try_view(*this, wanted, to))
      TASUKI_THROW(ShapeError, "no strides can show the elements as ", wanted, " without a copy\nactual    strides ", strides(), "\nuse reshape, which copies where it must");
    return make_view(Reshape(), *this, to, at);
  });
}

Tensor reshape(const Tensor& x, const Shape& requested, At at) {
  return ops::composed(Reshape::op, {&x}, at, [&] {
    const Shape wanted = inferred(requested, x.numel());
    if (wanted == x.shape()) return x;
    Layout to;
    if (try_view(x, wanted, to)) return make_view(Reshape(), x, to, at);
    const Tensor dense = x.contiguous(MemoryFormat::contiguous, at);
    try_view(dense, wanted, to);
    return make_view(Reshape(), dense, to, at);
  });
}

Tensor flatten(const Tensor& x, int from, int to, At at) {
  return ops::composed({"flatten", "x"}, {&x}, at, [&] {
    const int first = normalize_dim(from, x.ndim()), last = normalize_dim(to, x.ndim());
    if (first > last) TASUKI_THROW(IndexError, "expected  from <= to\nactual    from = ", from, ", to = ", to);
    Shape shape;
    for (int i = 0; i < first; ++i) shape.push_back(x.size(i));
    std::int64_t joined = 1;
    for (int i = first; i <= last && i < x.ndim(); ++i) joined *= x.size(i);
    shape.push_back(joined);
    for (int i = last + 1; i < x.ndim(); ++i) shape.push_back(x.size(i));
    return reshape(x, shape, at);
  });
}

Tensor squeeze(const Tensor& x, At at) {
  return ops::composed({"squeeze", "x"}, {&x}, at, [&] {
    Layout to = layout_of(x);
    for (int i = x.ndim() - 1; i >= 0; --i)
      if (to.shape[i] == 1) {
        to.shape.erase(i);
        to.strides.erase(i);
      }
    return make_view(Reshape(), x, to, at);
  });
}

Tensor squeeze(const Tensor& x, int dim, At at) {
  return ops::composed({"squeeze", "x"}, {&x}, at, [&] {
    const int d = normalize_dim(dim, x.ndim());
    Layout to = layout_of(x);
    if (x.ndim() == 0 || to.shape[d] != 1) return x;
    to.shape.erase(d);
    to.strides.erase(d);
    return make_view(Reshape(), x, to, at);
  });
}

Tensor unsqueeze(const Tensor& x, int dim, At at) {
  return ops::composed({"unsqueeze", "x"}, {&x}, at, [&] {
    const int d = normalize_dim(dim, x.ndim() + 1);
    Layout to = layout_of(x);
    to.strides.insert(d, d < x.ndim() ? to.strides[d] * std::max<std::int64_t>(to.shape[d], 1) : 1);
    to.shape.insert(d, 1);
    return make_view(Reshape(), x, to, at);
  });
}

Tensor permute(const Tensor& x, const Dims& order, At at) {
  return ops::composed(Permute::op, {&x}, at, [&] {
    TASUKI_CHECK_OP(ShapeError, order.ndim(), ==, x.ndim(), "permute names every dimension once");
    const Dims from = order.empty() ? order : normalize_dims(order, x.ndim());
    Layout to = layout_of(x);
    for (int i = 0; i < x.ndim(); ++i) {
      to.shape[i] = x.shape()[static_cast<int>(from[i])];
      to.strides[i] = x.strides()[static_cast<int>(from[i])];
    }
    return make_view(Permute(from), x, to, at);
  });
}

Tensor transpose(const Tensor& x, int a, int b, At at) {
  return ops::composed({"transpose", "x"}, {&x}, at, [&] {
    const int p = normalize_dim(a, x.ndim()), q = normalize_dim(b, x.ndim());
    if (x.ndim() == 0) return x;
    Dims order;
    for (int i = 0; i < x.ndim(); ++i) order.push_back(i == p ? q : i == q ? p : i);
    return permute(x, order, at);
  });
}

Tensor Tensor::t(At at) const {
  return ops::composed({"t", "x"}, {this}, at, [&] {
    TASUKI_CHECK_OP(ShapeError, ndim(), ==, 2, "t() transposes a matrix; use transpose(a, b) or permute for other tensors");
    return transpose(0, 1, at);
  });
}

Tensor expand(const Tensor& x, const Shape& requested, At at) {
  return ops::composed(Expand::op, {&x}, at, [&] {
    TASUKI_CHECK_OP(ShapeError, requested.ndim(), >=, x.ndim());
    Layout to{x.storage_offset(), requested, Strides::filled(requested.ndim(), 0)};
    const int added = requested.ndim() - x.ndim();
    for (int i = 0; i < requested.ndim(); ++i) {
      const std::int64_t old = i < added ? 1 : x.shape()[i - added];
      if (requested[i] == -1 && i >= added) to.shape[i] = old;
      if (to.shape[i] < 0 || (old != to.shape[i] && old != 1))
        TASUKI_THROW(ShapeError, "expected  sizes that equal x's, or repeat a size of 1\nactual    ", x.shape(), " to ", requested, " in dimension ", i);
      if (old == to.shape[i] && i >= added) to.strides[i] = x.strides()[i - added];
    }
    if (to.shape == x.shape()) return x;
    return make_view(Expand(), x, to, at);
  });
}

Tensor select(const Tensor& x, int dim, std::int64_t index, At at) {
  return part_of(select_info, x, at, [&](Layout& l) {
    TASUKI_CHECK_OP(ShapeError, l.shape.ndim(), >, 0, "a tensor without dimensions cannot be indexed");
    const int d = normalize_dim(dim, l.shape.ndim());
    const std::int64_t n = l.shape[d];
    if (index < -n || index >= n) TASUKI_THROW(IndexError, "expected  ", -n, " <= index < ", n, " in dimension ", d, "\nactual    index = ", index);
    l.offset += (index < 0 ? index + n : index) * l.strides[d];
    l.shape.erase(d);
    l.strides.erase(d);
  });
}

Tensor slice(const Tensor& x, int dim, std::int64_t begin, std::int64_t end, std::int64_t step, At at) {
  return part_of(slice_info, x, at, [&](Layout& l) {
    TASUKI_CHECK_OP(ShapeError, l.shape.ndim(), >, 0, "a tensor without dimensions cannot be sliced");
    TASUKI_CHECK_OP(ValueError, step, >=, 1);
    const int d = normalize_dim(dim, l.shape.ndim());
    const std::int64_t n = l.shape[d];
    const std::int64_t from = std::clamp<std::int64_t>(begin < 0 ? begin + n : begin, 0, n);
    const std::int64_t to = std::clamp<std::int64_t>(end < 0 ? end + n : end, from, n);
    l.offset += from * l.strides[d];
    l.shape[d] = (to - from + step - 1) / step;
    l.strides[d] *= step;
  });
}

Tensor narrow(const Tensor& x, int dim, std::int64_t begin, std::int64_t length, At at) {
  return part_of(narrow_info, x, at, [&](Layout& l) {
    TASUKI_CHECK_OP(ShapeError, l.shape.ndim(), >, 0, "a tensor without dimensions cannot be narrowed");
    const int d = normalize_dim(dim, l.shape.ndim());
    const std::int64_t n = l.shape[d];
    if (begin < 0 || length < 0 || begin > n - length)
      TASUKI_THROW(IndexError, "expected  0 <= begin <= begin + length <= ", n, " in dimension ", d, "\nactual    begin = ", begin, ", length = ", length);
    l.offset += begin * l.strides[d];
    l.shape[d] = length;
  });
}

Tensor unfold(const Tensor& x, int dim, std::int64_t size, std::int64_t step, At at) {
  return part_of(unfold_info, x, at, [&](Layout& l) {
    TASUKI_CHECK_OP(ShapeError, l.shape.ndim(), >, 0, "a tensor without dimensions has no windows");
    TASUKI_CHECK_OP(ValueError, step, >=, 1);
    const int d = normalize_dim(dim, l.shape.ndim());
    const std::int64_t n = l.shape[d];
    if (size < 0 || size > n) TASUKI_THROW(ValueError, "expected  0 <= size <= ", n, " in dimension ", d, "\nactual    size = ", size);
    l.shape[d] = (n - size) / step + 1;
    l.shape.push_back(size);
    l.strides.push_back(l.strides[d]);
    l.strides[d] *= step;
  }, step < size);
}

Tensor diagonal(const Tensor& x, std::int64_t offset, int dim1, int dim2, At at) {
  return part_of(diagonal_info, x, at, [&](Layout& l) {
    const int a = normalize_dim(dim1, l.shape.ndim()), b = normalize_dim(dim2, l.shape.ndim());
    if (l.shape.ndim() < 2 || a == b)
      TASUKI_THROW(ShapeError, "expected  two different dimensions\nactual    dim1 = ", dim1, ", dim2 = ", dim2, " of ", l.shape);
    const std::int64_t length = offset >= 0 ? std::min(l.shape[a], l.shape[b] - offset) : std::min(l.shape[a] + offset, l.shape[b]);
    if (length > 0) l.offset += offset >= 0 ? offset * l.strides[b] : -offset * l.strides[a];
    const std::int64_t stride = l.strides[a] + l.strides[b];
    for (const int d : {std::max(a, b), std::min(a, b)}) {
      l.shape.erase(d);
      l.strides.erase(d);
    }
    l.shape.push_back(std::max<std::int64_t>(length, 0));
    l.strides.push_back(stride);
  });
}

namespace {

/// False when every element has a place of its own: each stride, from the shortest to the longest, steps over all that those before it reach.
bool may_overlap(const Shape& shape, const Strides& strides) {
  Dims order;
  for (int d = 0; d < shape.ndim(); ++d)
    if (shape[d] > 1) order.push_back(d);
  std::sort(order.begin(), order.end(), [&](int a, int b) { return strides[a] < strides[b]; });
  std::int64_t reach = 0;
  for (const int d : order) {
    if (strides[d] <= reach) return true;
    reach += (shape[d] - 1) * strides[d];
  }
  return false;
}

}  // namespace

Tensor ops::embed(const Tensor& part, const Shape& whole, const Strides& strides, At at, std::int64_t offset) {
  return apply(Embed(Region{whole, {offset, part.shape(), strides}, may_overlap(part.shape(), strides)}), {&part}, at);
}

}  // namespace tasuki
