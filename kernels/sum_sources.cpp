#include "kernels/sum_sources.hpp"

#include <cstring>

#include "kernels/copy.hpp"
#include "tasuki/core/error.hpp"

namespace tasuki::kernels::cpu {

namespace {

void check(DType dtype) {
  if (dtype == DType::u8 || dtype == DType::boolean) TASUKI_THROW(DTypeError, "expected  f32, f64, bf16, f16, i64 or i32 to sum over processes\nactual    ", dtype);
}

}  // namespace

void sum_sources(const void* const* sources, std::size_t source_count, std::int64_t count, DType dtype, void* const* destinations, std::size_t destination_count) {
  check(dtype);
  TASUKI_ON_ISA(sum_dense)(sources, source_count, count, dtype, destinations, destination_count, true);
}

void sum_sources_wide(const void* const* sources, std::size_t source_count, std::int64_t count, DType dtype, void* sum) {
  check(dtype);
  TASUKI_ON_ISA(sum_dense)(sources, source_count, count, dtype, &sum, 1, false);
}

void round_sum(const void* sum, std::int64_t count, DType dtype, void* data) {
  static constexpr std::int64_t one = 1;
  check(dtype);
  const auto flat = [&count](void* address, DType type) { return View{address, &count, &one, count, type, 1, true, true}; };
  if (sum_type(dtype) == dtype) std::memcpy(data, sum, static_cast<std::size_t>(count) * size_of(dtype));
  else copy(flat(const_cast<void*>(sum), sum_type(dtype)), flat(data, dtype));
}

}  // namespace tasuki::kernels::cpu
