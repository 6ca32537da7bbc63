// split, chunk and unbind: one node whose outputs are views of consecutive parts, so that backward writes each part's gradient once.
#include <algorithm>

#include "src/autograd/launcher.hpp"
#include "src/ops/composed.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/ops/cat.hpp"
#include "tasuki/ops/rearrange.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {
namespace {

using At = SourceLocation;
using Lengths = std::vector<std::int64_t>;

/// A node has at most 32 outputs; more parts are parts of parts.
constexpr std::int64_t most_parts = 32;

struct Parts final : Function {
  const OpInfo* name;
  int dim;
  bool indexed;  ///< parts of length 1, without the dimension
  Lengths lengths;
  Parts(const OpInfo& n, int d, bool i, Lengths l) : name(&n), dim(d), indexed(i), lengths(std::move(l)) {}
  const OpInfo& info() const override { return *name; }
  std::string attributes() const override { return "dim=" + std::to_string(dim) + ", parts=" + std::to_string(lengths.size()); }
  Spec infer(const Operands&) override { TASUKI_THROW(InternalError, info().name, " is a view"); }
  void forward(Launch&) override { TASUKI_THROW(InternalError, info().name, " is a view"); }
  TensorList backward_graph(const GradContext& c) override {
    std::vector<Tensor> grads;
    Tensor zero;
    for (std::size_t j = 0; j < lengths.size(); ++j) {
      if (c.grad(j).defined()) {
        grads.push_back(c.grad(j));
        continue;
      }
      if (!zero.defined()) zero = zeros({}, {.dtype = c.in_dtype(0), .device = c.in_device(0)});
      grads.push_back(zero.expand(shape_of_part(c.in_shape(0), j)));
    }
    return {indexed ? stack(grads, dim) : cat(grads, dim)};
  }
  Shape shape_of_part(Shape shape, std::size_t j) const {
    if (indexed) shape.erase(dim);
    else shape[dim] = lengths[j];
    return shape;
  }
};

/// Views of consecutive parts of the given lengths, under one node.
std::vector<Tensor> cut_once(const Parts& op, const Tensor& x, At at) {
  std::vector<Tensor> views;
  views.reserve(op.lengths.size());
  std::int64_t offset = x.storage_offset();
  Strides strides = x.strides();
  if (op.indexed) strides.erase(op.dim);
  for (std::size_t j = 0; j < op.lengths.size(); ++j) {
    views.push_back(detail::alias(x, offset, op.shape_of_part(x.shape(), j), strides));
    offset += op.lengths[j] * x.strides()[op.dim];
  }
  if (!views.empty() && grad_enabled() && x.requires_grad()) {
    Parts recorded = op;
    Launcher::record_views(recorded, detail::traits_of<Parts>, x, views.data(), views.size(), at);
  }
  return views;
}

std::vector<Tensor> cut(const OpInfo& info, const Tensor& x, int dim, const Lengths& lengths, bool indexed, At at) {
  const auto count = static_cast<std::int64_t>(lengths.size());
  if (count <= most_parts || !grad_enabled() || !x.requires_grad()) return cut_once(Parts(info, dim, indexed, lengths), x, at);
  std::int64_t group = most_parts;
  while ((count + group - 1) / group > most_parts) group *= most_parts;
  Lengths group_lengths;
  for (std::int64_t i = 0; i < count; ++i) {
    if (i % group == 0) group_lengths.push_back(0);
    group_lengths.back() += lengths[static_cast<std::size_t>(i)];
  }
  std::vector<Tensor> views;
  auto from = lengths.begin();
  for (const Tensor& part : cut_once(Parts(info, dim, false, group_lengths), x, at)) {
    const auto to = from + std::min<std::ptrdiff_t>(group, lengths.end() - from);
    for (Tensor& view : cut(info, part, dim, Lengths(from, to), indexed, at)) views.push_back(std::move(view));
    from = to;
  }
  return views;
}

/// A dimension that can be cut, counted from the front.
int cut_dim(const Tensor& x, int dim) {
  TASUKI_CHECK_OP(ShapeError, x.ndim(), >=, 1);
  return normalize_dim(dim, x.ndim());
}

/// Of `size` each, but for a shorter last one; at least one part.
Lengths equal_lengths(std::int64_t whole, std::int64_t size) {
  Lengths lengths;
  for (std::int64_t begin = 0; begin < whole; begin += size) lengths.push_back(std::min(size, whole - begin));
  if (lengths.empty()) lengths.push_back(0);
  return lengths;
}

constexpr OpInfo split_info{"split", "x"}, chunk_info{"chunk", "x"}, unbind_info{"unbind", "x"};

}  // namespace

std::vector<Tensor> split(const Tensor& x, std::int64_t size, int dim, At at) {
  return ops::composed(split_info, {&x}, at, [&] {
    const int d = cut_dim(x, dim);
    if (size < 0 || (size == 0 && x.size(d) > 0)) TASUKI_THROW(ValueError, "expected  parts of at least one element\nactual    size = ", size);
    return cut(split_info, x, d, equal_lengths(x.size(d), size), false, at);
  });
}

std::vector<Tensor> split(const Tensor& x, const Lengths& sizes, int dim, At at) {
  return ops::composed(split_info, {&x}, at, [&] {
    const int d = cut_dim(x, dim);
    std::int64_t sum = 0;
    for (const std::int64_t size : sizes) {
      if (size < 0) TASUKI_THROW(ValueError, "expected  sizes of at least 0\nactual    ", size);
      sum += size;
    }
    if (sum != x.size(d)) TASUKI_THROW(ShapeError, "expected  sizes that add up to x.size(", d, ") = ", x.size(d), "\nactual    ", sum);
    return cut(split_info, x, d, sizes, false, at);
  });
}

std::vector<Tensor> chunk(const Tensor& x, std::int64_t count, int dim, At at) {
  return ops::composed(chunk_info, {&x}, at, [&] {
    const int d = cut_dim(x, dim);
    TASUKI_CHECK_OP(ValueError, count, >=, 1);
    const std::int64_t whole = x.size(d);
    return cut(chunk_info, x, d, whole == 0 ? Lengths(static_cast<std::size_t>(count), 0) : equal_lengths(whole, (whole + count - 1) / count), false, at);
  });
}

std::vector<Tensor> unbind(const Tensor& x, int dim, At at) {
  return ops::composed(unbind_info, {&x}, at, [&] {
    const int d = cut_dim(x, dim);
    return cut(unbind_info, x, d, Lengths(static_cast<std::size_t>(x.size(d)), 1), true, at);
  });
}

}  // namespace tasuki
