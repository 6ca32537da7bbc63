// Reads `columns` elements of every entry's slice once, carries their sums in a buffer in the first-level cache, writes once.
#include "kernels/index_select.hpp"

#include "tasuki/core/half.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {

namespace {

template <class T, class Sum>
void sum_typed(const SliceSum& s, const IndexEntry* begin, const IndexEntry* end) {
  Sum sums[most_columns];
  T* out = static_cast<T*>(s.out);
  const std::int64_t n = s.columns;
  if (!s.accumulate) {
    for (std::int64_t c = 0; c < n; ++c) sums[c] = 0;
  } else {
    for (std::int64_t c = 0; c < n; ++c) sums[c] = static_cast<Sum>(out[c * s.out_stride]);
  }
  for (const IndexEntry* e = begin; e != end; ++e) {
    const T* slice = static_cast<const T*>(s.source) + e->position * s.slice_stride;
    if (s.source_stride == 1) {
      for (std::int64_t c = 0; c < n; ++c) sums[c] += static_cast<Sum>(slice[c]);
    } else {
      for (std::int64_t c = 0; c < n; ++c) sums[c] += static_cast<Sum>(slice[c * s.source_stride]);
    }
  }
  if (s.out_stride == 1) {
    for (std::int64_t c = 0; c < n; ++c) out[c] = static_cast<T>(sums[c]);
  } else {
    for (std::int64_t c = 0; c < n; ++c) out[c * s.out_stride] = static_cast<T>(sums[c]);
  }
}

}  // namespace

void sum_slices(DType dtype, const SliceSum& sum, const IndexEntry* begin, const IndexEntry* end) {
  switch (dtype) {
    case DType::f64: return sum_typed<double, double>(sum, begin, end);
    case DType::bf16: return sum_typed<bfloat16, float>(sum, begin, end);
    case DType::f16: return sum_typed<float16, float>(sum, begin, end);
    default: return sum_typed<float, float>(sum, begin, end);
  }
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
