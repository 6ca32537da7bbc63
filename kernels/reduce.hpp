#pragma once
#include <cstdint>

#include "kernels/isa.hpp"
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// Bit d set: dimension d is reduced. `out` is row-major over the kept dimensions in order; dimensions of size 1 do not matter.
using DimMask = std::uint32_t;

/// out = scale * sum(x). Floating x gives its own dtype, others i64 (scale is then 1).
void sum(const View& x, const View& out, DimMask reduced, double scale);
/// out = scale * sum((x - center)^2), center laid out as out is.
void sum_squared_deviations(const View& x, const View& center, const View& out, DimMask reduced, double scale);
/// out = the product of x, in lanes as wide as those of a sum. Floating x and i64.
void product(const View& x, const View& out, DimMask reduced);
/// out = sqrt(sum(x^2)), rounded once. Floating x.
void norm(const View& x, const View& out, DimMask reduced);
/// out = the sum of what is not NaN. Floating x.
void nansum(const View& x, const View& out, DimMask reduced);

enum class Extremum : unsigned char { max, min };
/// Largest or smallest elements, NaN first; at least one element is reduced per output.
void extremum(const View& x, const View& out, DimMask reduced, Extremum which);
/// Their positions (i64) in row-major order of the reduced dimensions; the first of equals, the first NaN before all.
void arg_extremum(const View& x, const View& out, DimMask reduced, Extremum which);

/// The work in a form that loops can run: dimensions of size 1 gone, neighbours merged, strides in elements.
struct ReducePlan {
  struct Dim {
    std::int64_t size, stride;
  };
  Dim kept[8], reduced[8];  // kept: row-major order of out; reduced: outermost (largest stride) first unless in_order
  int kept_dims = 0, reduced_dims = 0;
  std::int64_t kept_count = 1, reduced_count = 1;
};
ReducePlan plan_reduction(const View& x, DimMask reduced, bool in_order);

TASUKI_PER_ISA(void sum_kernel(const ReducePlan& plan, DType dtype, const void* x, const void* center, void* out, double scale))
TASUKI_PER_ISA(void product_kernel(const ReducePlan& plan, DType dtype, const void* x, void* out))
TASUKI_PER_ISA(void norm_kernel(const ReducePlan& plan, DType dtype, const void* x, void* out))
TASUKI_PER_ISA(void nansum_kernel(const ReducePlan& plan, DType dtype, const void* x, void* out))

}  // namespace tasuki::kernels::cpu
