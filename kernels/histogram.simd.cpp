#include "kernels/histogram.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {
namespace {

template <class T>
IntegerRange range_of(const T* x, std::int64_t n) {
  constexpr int together = 32;
  T low[together], high[together];
  for (int i = 0; i < together; ++i) low[i] = high[i] = x[0];
  std::int64_t i = 0;
  for (; i + together <= n; i += together)
    for (int k = 0; k < together; ++k) {
      low[k] = x[i + k] < low[k] ? x[i + k] : low[k];
      high[k] = x[i + k] > high[k] ? x[i + k] : high[k];
    }
  for (; i < n; ++i) {
    low[0] = x[i] < low[0] ? x[i] : low[0];
    high[0] = x[i] > high[0] ? x[i] : high[0];
  }
  for (int k = 1; k < together; ++k) {
    low[0] = low[k] < low[0] ? low[k] : low[0];
    high[0] = high[k] > high[0] ? high[k] : high[0];
  }
  return {low[0], high[0]};
}

}  // namespace

IntegerRange range_of_integers(DType dtype, const void* x, std::int64_t n) {
  if (dtype == DType::i64) return range_of(static_cast<const std::int64_t*>(x), n);
  return range_of(static_cast<const std::int32_t*>(x), n);
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
