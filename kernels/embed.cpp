#include "kernels/embed.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "kernels/copy.hpp"
#include "kernels/parallel.hpp"
#include "kernels/visit.hpp"
#include "tasuki/core/half.hpp"

namespace tasuki::kernels::cpu {

namespace {

/// The work as slabs that do not touch each other, each of some dimensions, the one that runs through `part` fastest innermost.
struct Plan {
  struct Dim {
    std::int64_t size, from_step, to_step;
  };
  Dim slabs[8], inside[8];
  int slab_dims = 0, inside_dims = 0;
  std::int64_t slab_count = 1, inside_count = 1, reach = 1;  // reach: elements of `out` from a slab's first to its last

  Plan(const View& part, const std::int64_t* strides) {
    std::int64_t reach_of[9];
    reach_of[part.ndim] = 1;
    for (int d = part.ndim - 1; d >= 0; --d) reach_of[d] = reach_of[d + 1] + (part.shape[d] - 1) * strides[d];
    int d = 0;
    for (; d < part.ndim && strides[d] >= reach_of[d + 1]; ++d) {
      slabs[slab_dims++] = {part.shape[d], part.strides[d], strides[d]};
      slab_count *= part.shape[d];
      if (reach_of[d + 1] <= 65536) break;  // small enough to be worked on together
    }
    d = slab_dims;
    reach = reach_of[d];
    for (; d < part.ndim; ++d) {
      inside[inside_dims++] = {part.shape[d], part.strides[d], strides[d]};
      inside_count *= part.shape[d];
    }
    std::stable_sort(inside, inside + inside_dims, [](const Dim& a, const Dim& b) { return std::abs(a.from_step) > std::abs(b.from_step); });
    if (inside_dims == 0) inside[inside_dims++] = {1, 1, 1};
  }
  void locate(std::int64_t slab, std::int64_t& from, std::int64_t& to) const {
    from = to = 0;
    for (int d = slab_dims; d-- > 0; slab /= slabs[d].size) {
      from += slab % slabs[d].size * slabs[d].from_step;
      to += slab % slabs[d].size * slabs[d].to_step;
    }
  }
  /// Calls row(from, to) at the start of each innermost row of a slab.
  template <class T, class U, class Row>
  void for_rows(const T* from, U* to, Row&& row, int dim = 0) const {
    if (dim >= inside_dims - 1 || dim == 7) return row(from, to);
    for (std::int64_t i = 0; i < inside[dim].size; ++i) for_rows(from + i * inside[dim].from_step, to + i * inside[dim].to_step, row, dim + 1);
  }
  const Dim& row() const { return inside[inside_dims - 1]; }
};

template <class T>
void move_slab(const Plan& plan, const T* from, T* to) {
  const auto [n, from_step, to_step] = plan.row();
  plan.for_rows(from, to, [&, n = n, from_step = from_step, to_step = to_step](const T* source, T* target) {
    if (from_step == 1 && to_step == 1) std::memcpy(target, source, static_cast<std::size_t>(n) * sizeof(T));
    else
      for (std::int64_t i = 0; i < n; ++i) target[i * to_step] = source[i * from_step];
  });
}

template <class T>
void add_slab(const Plan& plan, const T* from, T* to) {
  const auto [n, from_step, to_step] = plan.row();
  plan.for_rows(from, to, [&, n = n, from_step = from_step, to_step = to_step](const T* source, T* target) {
    for (std::int64_t i = 0; i < n; ++i) target[i * to_step] = static_cast<T>(target[i * to_step] + source[i * from_step]);
  });
}

/// Sums in f32, which are rounded once.
template <class T>
void add_slab_of_halves(const Plan& plan, const T* from, T* to) {
  const auto [n, from_step, to_step] = plan.row();
  std::vector<float> sums(static_cast<std::size_t>(plan.reach)), row(static_cast<std::size_t>(n));
  plan.for_rows(from, sums.data(), [&, n = n, from_step = from_step, to_step = to_step](const T* source, float* target) {
    convert_row(source, from_step, row.data(), 1, n);
    for (std::int64_t i = 0; i < n; ++i) target[i * to_step] += row[static_cast<std::size_t>(i)];
  });
  convert_row(sums.data(), 1, to, 1, plan.reach);
}

}  // namespace

void embed(const View& part, const View& out, std::int64_t offset, const std::int64_t* strides, bool overlaps) {
  if (out.numel) std::memset(out.data, 0, out.bytes());
  if (part.numel == 0) return;
  const Plan plan(part, strides);
  const auto in_slabs = [&]<class T>(T, auto&& slab) {
    parallel_for(plan.slab_count, std::max<std::int64_t>(1, 32768 / plan.inside_count), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t s = begin; s < end; ++s) {
        std::int64_t from, to;
        plan.locate(s, from, to);
        slab(plan, part.as<const T>() + from, out.as<T>() + offset + to);
      }
    });
  };
  if (!overlaps) return visit_size(part.dtype, [&]<class T>(T zero) { in_slabs(zero, move_slab<T>); });
  visit_all(part.dtype, [&]<class T>(T zero) {
    if constexpr (std::is_same_v<T, bfloat16> || std::is_same_v<T, float16>) in_slabs(zero, add_slab_of_halves<T>);
    else in_slabs(zero, add_slab<T>);
  });
}

}  // namespace tasuki::kernels::cpu
