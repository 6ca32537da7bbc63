#include "kernels/embed.hpp"

#include <cstring>

#include "kernels/visit.hpp"
#include "tasuki/core/half.hpp"

namespace tasuki::kernels::cpu {

namespace {

/// Calls row(part, out) at the start of each innermost row.
template <class T, class Row>
void for_rows(const View& part, T* out, const std::int64_t* strides, int dim, const T* from, Row&& row) {
  if (dim >= part.ndim - 1) return row(from, out);
  for (std::int64_t i = 0; i < part.shape[dim]; ++i) for_rows(part, out + i * strides[dim], strides, dim + 1, from + i * part.strides[dim], row);
}

template <class T>
T sum(T a, T b) {
  if constexpr (std::is_same_v<T, bfloat16> || std::is_same_v<T, float16>) return T(static_cast<float>(a) + static_cast<float>(b));
  else return static_cast<T>(a + b);
}

}  // namespace

void embed(const View& part, const View& out, std::int64_t offset, const std::int64_t* strides, bool overlaps) {
  if (out.numel) std::memset(out.data, 0, out.bytes());
  if (part.numel == 0) return;
  const std::int64_t n = part.ndim ? part.size(-1) : 1, from_step = part.ndim ? part.stride(-1) : 1, to_step = part.ndim ? strides[part.ndim - 1] : 1;
  visit_all(part.dtype, [&](auto zero) {
    using T = decltype(zero);
    for_rows(part, out.as<T>() + offset, strides, 0, part.as<const T>(), [&](const T* from, T* to) {
      if (overlaps)
        for (std::int64_t i = 0; i < n; ++i) to[i * to_step] = sum(to[i * to_step], from[i * from_step]);
      else if (from_step == 1 && to_step == 1)
        std::memcpy(to, from, static_cast<std::size_t>(n) * sizeof(T));
      else
        for (std::int64_t i = 0; i < n; ++i) to[i * to_step] = from[i * from_step];
    });
  });
}

}  // namespace tasuki::kernels::cpu
