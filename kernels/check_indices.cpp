#include "kernels/check_indices.hpp"

#include "kernels/parallel.hpp"
#include "kernels/visit.hpp"
#include "tasuki/core/error.hpp"

namespace tasuki::kernels::cpu {
namespace {

std::int64_t offset_of(const View& v, std::int64_t position) {
  if (v.contiguous) return position;
  std::int64_t offset = 0;
  for (int d = v.ndim - 1; d >= 0; --d) {
    offset += position % v.shape[d] * v.strides[d];
    position /= v.shape[d];
  }
  return offset;
}

Shape coordinates_of(const View& v, std::int64_t position) {
  Shape at = Shape::filled(v.ndim, 0);
  for (int d = v.ndim - 1; d >= 0; --d) {
    at[d] = position % v.shape[d];
    position /= v.shape[d];
  }
  return at;
}

template <class I>
void check(const View& index, std::int64_t lowest, std::int64_t bound, const char* what, const char* operand, std::optional<std::int64_t> ignored) {
  const I* values = index.as<const I>();
  if (!ignored && lowest == 0 && index.contiguous && bound > 0) {
    bool valid = true;
    parallel_for(index.numel, 65536, [&](std::int64_t begin, std::int64_t end) {
      if (!all_inside(bound, values + begin, 1, end - begin)) __atomic_store_n(&valid, false, __ATOMIC_RELAXED);
    });
    if (valid) return;
  }
  for (std::int64_t i = 0; i < index.numel; ++i) {
    const std::int64_t value = values[offset_of(index, i)];
    if ((value >= lowest && value < bound) || (ignored && value == *ignored)) continue;
    if (ignored)
      TASUKI_THROW(IndexError, "expected  ", lowest, " <= ", what, " < ", bound, ", or ", *ignored, " to ignore\nactual    ", value, " at ", operand,
                   coordinates_of(index, i));
    TASUKI_THROW(IndexError, "expected  ", lowest, " <= ", what, " < ", bound, "\nactual    ", value, " at ", operand, coordinates_of(index, i));
  }
}

}  // namespace

void check_indices(const View& index, std::int64_t bound, const char* what, const char* operand, std::optional<std::int64_t> ignored) {
  if (index.dtype == DType::i64) check<std::int64_t>(index, 0, bound, what, operand, ignored);
  else check<std::int32_t>(index, 0, bound, what, operand, ignored);
}

void check_indices_from_both_ends(const View& index, std::int64_t bound, const char* what, const char* operand) {
  if (index.dtype == DType::i64) check<std::int64_t>(index, -bound, bound, what, operand, {});
  else check<std::int32_t>(index, -bound, bound, what, operand, {});
}

void check_divisors(const View& divisors, const char* operand) {
  visit_integral(divisors.dtype, [&]<class T>(T) {
    for (std::int64_t i = 0; i < divisors.numel; ++i)
      if (divisors.as<const T>()[offset_of(divisors, i)] == 0)
        TASUKI_THROW(ValueError, "expected  integers other than 0 to divide by\nactual    0 at ", operand, coordinates_of(divisors, i));
  });
}

}  // namespace tasuki::kernels::cpu
