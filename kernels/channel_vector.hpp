#pragma once
#include <cstdint>

#include "kernels/lanes.hpp"
#include "kernels/visit_floating.hpp"
#include "tasuki/core/view.hpp"

/// One number per channel or feature: weights, biases, statistics. They are few, so kernels read them once into the type of the
/// computation and write results back at the end.
namespace tasuki::kernels::cpu::TASUKI_ISA {

/// to[i] = v[i], row-major for more dimensions; `absent` throughout when there is no v.
template <class A>
void read_vector(const View& v, A* to, std::int64_t n, A absent) {
  if (!v) {
    for (std::int64_t i = 0; i < n; ++i) to[i] = absent;
    return;
  }
  visit_floating(v.dtype, [&](auto element) {
    using T = decltype(element);
    const T* from = v.as<const T>();
    const std::int64_t stride = v.contiguous ? 1 : v.stride(0);
    for (std::int64_t i = 0; i < n; ++i) to[i] = static_cast<A>(static_cast<compute_t<T>>(from[i * stride]));
  });
}

/// v[i] = from[i], or v[i] += from[i].
template <class A>
void write_vector(const View& v, const A* from, bool accumulate) {
  visit_floating(v.dtype, [&](auto element) {
    using T = decltype(element);
    T* to = v.as<T>();
    const std::int64_t stride = v.contiguous ? 1 : v.stride(0);
    for (std::int64_t i = 0; i < v.numel; ++i)
      to[i * stride] = static_cast<T>(static_cast<compute_t<T>>(from[i]) + (accumulate ? static_cast<compute_t<T>>(to[i * stride]) : 0));
  });
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
