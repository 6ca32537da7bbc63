#include "kernels/reduce.hpp"

#include <algorithm>
#include <cstdlib>

#include "kernels/extremum.hpp"
#include "kernels/parallel.hpp"
#include "kernels/visit.hpp"

namespace tasuki::kernels::cpu {

namespace {

/// Merges each dimension into the one before it where both are walked by one stride.
int merge(ReducePlan::Dim* dims, int count) {
  int n = 0;
  for (int i = 0; i < count; ++i) {
    if (n > 0 && dims[n - 1].stride == dims[i].stride * dims[i].size) {
      dims[n - 1] = {dims[n - 1].size * dims[i].size, dims[i].stride};
    } else {
      dims[n++] = dims[i];
    }
  }
  return n;
}

/// Element offset of the k-th index of a list of dimensions.
std::int64_t offset_of(const ReducePlan::Dim* dims, int count, std::int64_t k) {
  std::int64_t offset = 0;
  for (int d = count - 1; d >= 0; --d) {
    offset += k % dims[d].size * dims[d].stride;
    k /= dims[d].size;
  }
  return offset;
}

template <class T>
auto ordered(T v) {
  if constexpr (std::is_same_v<T, bfloat16> || std::is_same_v<T, float16>) return static_cast<float>(v);
  else return v;
}

/// Calls visit(value, position) over the reduced elements of one output, in row-major order.
template <class T, class Visit>
void for_reduced(const ReducePlan& plan, const T* x, Visit&& visit) {
  const ReducePlan::Dim last = plan.reduced_dims ? plan.reduced[plan.reduced_dims - 1] : ReducePlan::Dim{1, 0};
  const std::int64_t rows = plan.reduced_count / last.size;
  for (std::int64_t row = 0, position = 0; row < rows; ++row) {
    const T* p = x + offset_of(plan.reduced, plan.reduced_dims - 1, row);
    for (std::int64_t i = 0; i < last.size; ++i, ++position) visit(ordered(p[i * last.stride]), position);
  }
}

template <class T>
struct Best {
  decltype(ordered(T{})) value;
  std::int64_t position;
};

template <bool Max, class T>
Best<T> best_of(const ReducePlan& plan, const T* x) {
  Best<T> best{ordered(*x), 0};
  for_reduced(plan, x, [&](auto v, std::int64_t position) {
    const bool better = Max ? v > best.value : v < best.value;
    // `v != v` only for NaN, which wins once and then stays.
    if ((better || v != v) && !(best.value != best.value)) best = {v, position};
  });
  return best;
}

/// The same over n contiguous elements; the position only where it is asked for, since it takes another look.
template <class T>
Best<T> dense_best(const T* x, std::int64_t n, bool largest, bool wants_position) {
  std::int64_t position = 0;
  const double value = TASUKI_ON_ISA(extremum_of_row)(dtype_of<T>, x, n, largest, wants_position ? &position : nullptr);
  return {static_cast<decltype(ordered(T{}))>(value), position};
}

/// One output of many contiguous elements: the best of each part, then the first best of those.
template <class T>
Best<T> best_of_parts(const T* x, std::int64_t n, bool largest, bool wants_position) {
  constexpr std::int64_t most_parts = 64;
  const std::int64_t length = std::max<std::int64_t>(65536, (n + most_parts - 1) / most_parts);
  Best<T> part[most_parts];
  parallel_for(n, length, [&](std::int64_t begin, std::int64_t end) {
    part[begin / length] = dense_best(x + begin, end - begin, largest, wants_position);
    part[begin / length].position += begin;
  });
  Best<T> best = part[0];
  for (std::int64_t i = 1; i * length < n; ++i) {
    const bool better = largest ? part[i].value > best.value : part[i].value < best.value;
    if ((better || part[i].value != part[i].value) && !(best.value != best.value)) best = part[i];
  }
  return best;
}

/// Reduced rows of neighbouring outputs, block by block.
template <class T, class Pick>
void reduce_columns(const ReducePlan& plan, const T* x, DType dtype, bool largest, Pick&& pick) {
  const std::int64_t columns = plan.kept[plan.kept_dims - 1].size, blocks = (columns + extremum_columns - 1) / extremum_columns;
  const std::int64_t grain = std::max<std::int64_t>(1, 65536 / (plan.reduced_count * std::min(columns, extremum_columns)));
  parallel_for(plan.kept_count / columns * blocks, grain, [&](std::int64_t begin, std::int64_t end) {
    decltype(ordered(T{})) values[extremum_columns];
    std::int64_t positions[extremum_columns];
    for (std::int64_t b = begin; b < end; ++b) {
      const std::int64_t outer = b / blocks, first = b % blocks * extremum_columns, count = std::min(extremum_columns, columns - first);
      const T* from = x + offset_of(plan.kept, plan.kept_dims - 1, outer) + first;
      TASUKI_ON_ISA(extremum_of_columns)(dtype, from, plan.reduced_count, plan.reduced[0].stride, count, largest, values, positions);
      for (std::int64_t i = 0; i < count; ++i) pick(outer * columns + first + i, Best<T>{values[i], positions[i]}, T{});
    }
  });
}

template <class Pick>
void reduce_each(const View& x, DimMask reduced, Extremum which, bool wants_position, Pick&& pick) {
  const ReducePlan plan = plan_reduction(x, reduced, /*in_order=*/true);
  const bool largest = which == Extremum::max, dense = plan.reduced_dims == 1 && plan.reduced[0].stride == 1;
  visit_all(x.dtype, [&](auto zero) {
    using T = decltype(zero);
    constexpr bool has_dense_kernel = !std::is_integral_v<T>;
    if constexpr (has_dense_kernel) {
      if (dense && plan.kept_count == 1) return pick(0, best_of_parts(x.as<const T>(), plan.reduced_count, largest, wants_position), zero);
      const bool columns = plan.reduced_dims == 1 && plan.kept_dims > 0 && plan.kept[plan.kept_dims - 1].stride == 1 && plan.reduced_count < 1 << 30;
      if (columns && !dense && plan.kept[plan.kept_dims - 1].size >= 8) return reduce_columns(plan, x.as<const T>(), x.dtype, largest, pick);
    }
    parallel_for(plan.kept_count, std::max<std::int64_t>(1, (has_dense_kernel && dense ? 65536 : 16384) / plan.reduced_count), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t k = begin; k < end; ++k) {
        const T* from = x.as<const T>() + offset_of(plan.kept, plan.kept_dims, k);
        if constexpr (has_dense_kernel) {
          if (dense) {
            pick(k, dense_best(from, plan.reduced_count, largest, wants_position), zero);
            continue;
          }
        }
        pick(k, largest ? best_of<true>(plan, from) : best_of<false>(plan, from), zero);
      }
    });
  });
}

}  // namespace

ReducePlan plan_reduction(const View& x, DimMask reduced, bool in_order) {
  ReducePlan plan;
  for (int d = 0; d < x.ndim; ++d) {
    const ReducePlan::Dim dim{x.shape[d], x.strides[d]};
    if (reduced >> d & 1u) {
      plan.reduced_count *= dim.size;
      if (dim.size != 1) plan.reduced[plan.reduced_dims++] = dim;
    } else {
      plan.kept_count *= dim.size;
      if (dim.size != 1) plan.kept[plan.kept_dims++] = dim;
    }
  }
  if (!in_order)
    std::stable_sort(plan.reduced, plan.reduced + plan.reduced_dims,
                     [](const ReducePlan::Dim& a, const ReducePlan::Dim& b) { return std::abs(a.stride) > std::abs(b.stride); });
  plan.kept_dims = merge(plan.kept, plan.kept_dims);
  plan.reduced_dims = merge(plan.reduced, plan.reduced_dims);
  return plan;
}

void sum(const View& x, const View& out, DimMask reduced, double scale) {
  TASUKI_ON_ISA(sum_kernel)(plan_reduction(x, reduced, false), x.dtype, x.data, nullptr, out.data, scale);
}

void sum_squared_deviations(const View& x, const View& center, const View& out, DimMask reduced, double scale) {
  TASUKI_ON_ISA(sum_kernel)(plan_reduction(x, reduced, false), x.dtype, x.data, center.data, out.data, scale);
}

void product(const View& x, const View& out, DimMask reduced) {
  TASUKI_ON_ISA(product_kernel)(plan_reduction(x, reduced, false), x.dtype, x.data, out.data);
}

void norm(const View& x, const View& out, DimMask reduced) {
  TASUKI_ON_ISA(norm_kernel)(plan_reduction(x, reduced, false), x.dtype, x.data, out.data);
}

void nansum(const View& x, const View& out, DimMask reduced) {
  TASUKI_ON_ISA(nansum_kernel)(plan_reduction(x, reduced, false), x.dtype, x.data, out.data);
}

void extremum(const View& x, const View& out, DimMask reduced, Extremum which) {
  reduce_each(x, reduced, which, false, [&](std::int64_t k, const auto& best, auto zero) {
    using T = decltype(zero);
    out.as<T>()[k] = static_cast<T>(best.value);
  });
}

void arg_extremum(const View& x, const View& out, DimMask reduced, Extremum which) {
  reduce_each(x, reduced, which, true, [&](std::int64_t k, const auto& best, auto) { out.as<std::int64_t>()[k] = best.position; });
}

}  // namespace tasuki::kernels::cpu
