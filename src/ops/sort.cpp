#include "tasuki/ops/sort.hpp"

#include <cmath>

#include "kernels/dispatch.hpp"
#include "kernels/sort.hpp"
#include "src/ops/composed.hpp"
#include "src/ops/operand_checks.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/cat.hpp"
#include "tasuki/ops/compare.hpp"
#include "tasuki/ops/gather.hpp"
#include "tasuki/ops/index_select.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {
namespace {

using At = SourceLocation;

/// x's shape with `size` at a dimension.
Shape with_size(const Shape& shape, int dim, std::int64_t size) {
  Shape result = shape;
  if (result.ndim()) result[dim] = size;
  return result;
}

std::int64_t size_along(const Tensor& x, int dim) { return x.ndim() ? x.size(dim) : 1; }

struct Order final : Function {
  const OpInfo* name;
  int dim;
  std::int64_t count;  ///< of each line; -1: all
  bool descending, sorted;
  Order(const OpInfo& n, int d, std::int64_t k, bool down, bool s) : name(&n), dim(d), count(k), descending(down), sorted(s) {}
  static constexpr OpInfo sort_op{"sort", "x", op_not_differentiable}, argsort_op{"argsort", "x", op_not_differentiable}, topk_op{"topk", "x", op_not_differentiable};
  const OpInfo& info() const override { return *name; }
  std::string attributes() const override { return "dim=" + std::to_string(dim) + (count < 0 ? "" : ", k=" + std::to_string(count)); }
  Spec infer(const Operands& in) override {
    const Tensor& x = in[0];
    dim = normalize_dim(dim, x.ndim());
    const std::int64_t size = size_along(x, dim), k = count < 0 ? size : count;
    if (name == &topk_op && (count < 0 || k > size)) TASUKI_THROW(ValueError, "expected  0 <= k <= ", size, "\nactual    k = ", count);
    return Spec(with_size(x.shape(), dim, k), i64);
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::arg_sort(l.in(0), dim, descending, sorted, l.out(0));
      default: kernels::not_on(l.device(), name->name);
    }
  }
};

/// The index of one element of each line by its rank.
struct Rank final : Function {
  const OpInfo* name;
  int dim;
  std::int64_t rank = 0;  ///< from 0
  Rank(const OpInfo& n, int d, std::int64_t k) : name(&n), dim(d), rank(k) {}
  static constexpr OpInfo kth_op{"kthvalue", "x", op_not_differentiable}, median_op{"median", "x", op_not_differentiable};
  const OpInfo& info() const override { return *name; }
  Spec infer(const Operands& in) override {
    const Tensor& x = in[0];
    dim = normalize_dim(dim, x.ndim());
    const std::int64_t size = size_along(x, dim);
    if (name == &median_op) {
      if (size == 0) TASUKI_THROW(ShapeError, "expected  at least one element along the dimension\nactual    shape ", x.shape());
      rank = (size - 1) / 2;
    } else if (rank < 0 || rank >= size) {
      TASUKI_THROW(ValueError, "expected  1 <= k <= ", size, "\nactual    k = ", rank + 1);
    }
    return Spec(with_size(x.shape(), dim, 1), i64);
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::arg_kth(l.in(0), dim, rank, name == &median_op, l.out(0));
      default: kernels::not_on(l.device(), name->name);
    }
  }
};

struct SearchSorted final : Function {
  bool right;
  explicit SearchSorted(bool r) : right(r) {}
  static constexpr OpInfo op{"searchsorted", "sequence, values", op_not_differentiable};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    const Tensor &sequence = in[0], &values = in[1];
    TASUKI_CHECK_OP(ShapeError, sequence.ndim(), >=, 1);
    ops::check_dtype(values, "values", sequence.dtype());
    bool fits = sequence.ndim() == 1 || sequence.ndim() == values.ndim();
    for (int d = 0; fits && sequence.ndim() > 1 && d < sequence.ndim() - 1; ++d) fits = sequence.size(d) == values.size(d);
    if (!fits)
      TASUKI_THROW(ShapeError, "expected  a sequence for all values, or one for each of their rows\nactual    shapes ", sequence.shape(), " and ", values.shape());
    return Spec(values.shape(), i64);
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::search_sorted(l.in(0), l.in(1), right, l.out(0));
      default: kernels::not_on(l.device(), op.name);
    }
  }
};

struct UniqueGroups final : Function {
  static constexpr OpInfo op{"unique", "x, order", op_not_differentiable};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    Spec spec(in[0].shape(), i64);
    spec.outputs.emplace_back(in[0].shape(), i64);
    spec.outputs.emplace_back(in[0].shape(), i64);
    spec.outputs.emplace_back(Shape(), i64);
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::unique_groups(l.in(0), l.in(1), l.out(0), l.out(1), l.out(2), l.out(3));
      default: kernels::not_on(l.device(), op.name);
    }
  }
};

constexpr OpInfo quantile_info{"quantile", "x"};

Tensor picked(const Tensor& x, int dim, const Tensor& indices, At at) { return x.ndim() ? gather(x, dim, indices, at) : x.clone(at); }

SortResult one_of_each(const OpInfo& info, const Tensor& x, std::int64_t rank, int dim, bool keepdim, At at) {
  const Tensor indices = apply(Rank(info, dim, rank), {&x}, at), values = picked(x, dim, indices, at);
  return keepdim || x.ndim() == 0 ? SortResult{values, indices} : SortResult{values.squeeze(dim, at), indices.squeeze(dim, at)};
}

/// The position, between two elements, whose linear mixture is the interpolation at another one.
double moved(double position, QuantileInterpolation interpolation) {
  const double below = std::floor(position);
  switch (interpolation) {
    case QuantileInterpolation::lower: return below;
    case QuantileInterpolation::higher: return std::ceil(position);
    case QuantileInterpolation::midpoint: return position == below ? position : below + 0.5;
    case QuantileInterpolation::nearest: return std::nearbyint(position);
    default: return position;
  }
}

/// The q-quantile of lines, which keep their dimension. `order` has the elements' indices by size; lines that are undefined give their
/// last element instead. Only the neighbours of the quantile are picked, so that the gradient is scattered from those alone.
Tensor quantile_of(const Tensor& lines, const Tensor& order, const Tensor& undefined, double q, int dim, QuantileInterpolation interpolation, At at) {
  const std::int64_t size = order.size(dim);
  const double position = moved(q * static_cast<double>(size - 1), interpolation);
  const auto below = static_cast<std::int64_t>(std::floor(position));
  const double weight = position - static_cast<double>(below);
  const Tensor neighbours = order.narrow(dim, below, weight == 0 ? 1 : 2, at), last = order.narrow(dim, size - 1, 1, at);
  const Tensor values = gather(lines, dim, where(undefined, last, neighbours, at), at);
  return weight == 0 ? values : lerp(values.narrow(dim, 0, 1, at), values.narrow(dim, 1, 1, at), {weight, at});
}

}  // namespace

SortResult sort(const Tensor& x, int dim, bool descending, At at) {
  const Tensor indices = apply(Order(Order::sort_op, dim, -1, descending, true), {&x}, at);
  return {picked(x, dim, indices, at), indices};
}
Tensor argsort(const Tensor& x, int dim, bool descending, At at) { return apply(Order(Order::argsort_op, dim, -1, descending, true), {&x}, at); }

SortResult topk(const Tensor& x, std::int64_t k, int dim, const TopkOptions& options, At at) {
  const Tensor indices = apply(Order(Order::topk_op, dim, k, options.largest, options.sorted), {&x}, at);
  return {picked(x, dim, indices, at), indices};
}

SortResult kthvalue(const Tensor& x, std::int64_t k, int dim, bool keepdim, At at) { return one_of_each(Rank::kth_op, x, k - 1, dim, keepdim, at); }
SortResult median(const Tensor& x, int dim, bool keepdim, At at) { return one_of_each(Rank::median_op, x, 0, dim, keepdim, at); }
Tensor median(const Tensor& x, At at) { return median(x.reshape({-1}, at), 0, false, at).values; }

Tensor quantile(const Tensor& x, double q, At at) { return quantile(x.reshape({-1}, at), q, 0, false, QuantileInterpolation::linear, at); }
Tensor quantile(const Tensor& x, double q, int dim, bool keepdim, QuantileInterpolation interpolation, At at) {
  return quantile(x, std::vector<double>{q}, dim, keepdim, interpolation, at).select(0, 0, at);
}
Tensor quantile(const Tensor& x, const std::vector<double>& fractions, int dim, bool keepdim, QuantileInterpolation interpolation, At at) {
  return ops::composed(quantile_info, {&x}, at, [&] {
    ops::check_floating(x, "x");
    const Tensor lines = x.ndim() ? x : x.reshape({1}, at);
    const int d = normalize_dim(dim, x.ndim());
    if (lines.size(d) == 0) TASUKI_THROW(ShapeError, "expected  at least one element along the dimension\nactual    shape ", x.shape());
    for (const double q : fractions)
      if (!(q >= 0 && q <= 1)) TASUKI_THROW(ValueError, "expected  0 <= q <= 1\nactual    q = ", q);
    const Tensor order = argsort(lines, d, false, at), last = order.narrow(d, order.size(d) - 1, 1, at);
    const Tensor undefined = isnan(gather(lines.detach(), d, last, at), at);  // where there is a NaN, it is last
    std::vector<Tensor> results;
    for (const double q : fractions) {
      const Tensor y = quantile_of(lines, order, undefined, q, d, interpolation, at);
      results.push_back(x.ndim() == 0 || !keepdim ? y.squeeze(d, at) : y);
    }
    return stack(results, 0, at);
  });
}

Tensor searchsorted(const Tensor& sequence, const Tensor& values, bool right, At at) {
  const Tensor lines = ops::row_major(sequence, at), wanted = ops::row_major(values, at);
  return apply(SearchSorted(right), {&lines, &wanted}, at);
}

Tensor bucketize(const Tensor& values, const Tensor& boundaries, bool right, At at) {
  static constexpr OpInfo info{"bucketize", "values, boundaries"};
  return ops::composed(info, {&values, &boundaries}, at, [&] {
    TASUKI_CHECK_OP(ShapeError, boundaries.ndim(), ==, 1);
    return searchsorted(boundaries, values, right, at);
  });
}

UniqueResult unique(const Tensor& x, At at) {
  return ops::composed(UniqueGroups::op, {&x}, at, [&] {
    const Tensor flat = x.detach().reshape({-1}, at).contiguous(MemoryFormat::contiguous, at), order = argsort(flat, 0, false, at);
    const TensorList groups = apply_all(UniqueGroups(), {&flat, &order}, at);
    const std::int64_t count = groups[3].item<std::int64_t>(at);
    return UniqueResult{index_select(flat, 0, groups[1].slice(0, 0, count), at), groups[0].reshape(x.shape(), at), groups[2].slice(0, 0, count).clone(at)};
  });
}

}  // namespace tasuki
