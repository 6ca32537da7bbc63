#pragma once
#include <cstdint>
#include <type_traits>

#include "kernels/math.hpp"
#include "tasuki/core/half.hpp"
#if defined(__F16C__)
#include <immintrin.h>
#endif

/// Vectors as wide as the instruction set that a *.simd.cpp file is compiled for, on the compilers' vector extension: arithmetic,
/// comparisons and ?: work lane by lane. Elements of all four floating dtypes are loaded into lanes of the type they are computed
/// in (float, or double for f64), and rounded when they are stored.
///
/// Everything is forced inline and lives in the namespace of the instruction set; see cmake/TasukiKernels.cmake.
#define TASUKI_LANES [[gnu::always_inline]] inline

namespace tasuki::kernels::cpu::TASUKI_ISA {

#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__)
inline constexpr int vector_bytes = 64;
#elif defined(__AVX2__)
inline constexpr int vector_bytes = 32;
#else
inline constexpr int vector_bytes = 16;
#endif

namespace detail {
template <class E, int bytes>
struct VectorOf {
  typedef E type __attribute__((vector_size(bytes)));
};
template <class A>
using integer_as = std::conditional_t<sizeof(A) == 8, std::int64_t, std::int32_t>;
}  // namespace detail

/// The type in which elements of T are computed.
template <class T>
using compute_t = std::conditional_t<std::is_same_v<std::remove_const_t<T>, double>, double, float>;
template <class A>
inline constexpr int width = vector_bytes / static_cast<int>(sizeof(A));
template <class A>
using Lanes = typename detail::VectorOf<A, vector_bytes>::type;
template <class A>
using IntLanes = typename detail::VectorOf<detail::integer_as<A>, vector_bytes>::type;

/// How many elements of a vector count: all of them, or the first few.
struct Full {};
struct Part {
  std::int64_t count;
};

template <class A>
TASUKI_LANES Lanes<A> splat(A a) {
  return a - Lanes<A>{};  // not a sum: 0 + -0 is +0
}
template <class A>
TASUKI_LANES Lanes<A> max(Lanes<A> a, Lanes<A> b) {
  return a > b ? a : b;
}
template <class A>
TASUKI_LANES Lanes<A> as_lanes(IntLanes<A> bits) {
  return __builtin_bit_cast(Lanes<A>, bits);
}
template <class A>
TASUKI_LANES IntLanes<A> as_bits(Lanes<A> v) {
  return __builtin_bit_cast(IntLanes<A>, v);
}

namespace detail {

using Float = Lanes<float>;
using Bits = IntLanes<float>;
using Unsigned = typename VectorOf<std::uint32_t, vector_bytes>::type;  // wraps around where Bits would overflow
using Halves = typename VectorOf<std::uint16_t, vector_bytes / 2>::type;

TASUKI_LANES Float widen(Halves h, bfloat16) { return __builtin_bit_cast(Float, __builtin_convertvector(h, Unsigned) << 16); }
TASUKI_LANES Halves narrow(Float v, bfloat16) {
  const Unsigned u = __builtin_bit_cast(Unsigned, v);
  const Unsigned rounded = u + 0x7fff + ((u >> 16) & 1), quiet = u | 0x400000;
  const Bits magnitude = __builtin_bit_cast(Bits, u & 0x7fffffff);
  return __builtin_convertvector((magnitude > 0x7f800000 ? quiet : rounded) >> 16, Halves);
}
#if defined(__AVX512F__)  // masks of all lanes: GCC 12 warns of uninitialized values inside the unmasked forms
TASUKI_LANES Float widen(Halves h, float16) { return __builtin_bit_cast(Float, _mm512_maskz_cvtph_ps(0xffff, __builtin_bit_cast(__m256i, h))); }
TASUKI_LANES Halves narrow(Float v, float16) {
  return __builtin_bit_cast(Halves, _mm512_maskz_cvtps_ph(0xffff, __builtin_bit_cast(__m512, v), _MM_FROUND_TO_NEAREST_INT));
}
#elif defined(__F16C__)
TASUKI_LANES Float widen(Halves h, float16) { return __builtin_bit_cast(Float, _mm256_cvtph_ps(__builtin_bit_cast(__m128i, h))); }
TASUKI_LANES Halves narrow(Float v, float16) {
  return __builtin_bit_cast(Halves, _mm256_cvtps_ph(__builtin_bit_cast(__m256, v), _MM_FROUND_TO_NEAREST_INT));
}
#else
// The same steps as float16 itself takes (core/half.hpp), on all lanes.
TASUKI_LANES Float widen(Halves h, float16) {
  const Bits bits = __builtin_convertvector(h, Bits);
  const Bits sign = (bits & 0x8000) << 16;
  const Bits rest = (bits & 0x7fff) << 13;
  const Bits scaled = as_bits<float>(as_lanes<float>(rest) * 0x1p112f);
  return as_lanes<float>(sign | (rest >= 0x0f800000 ? (rest & 0x7fffff) | 0x7f800000 : scaled));
}
TASUKI_LANES Halves narrow(Float v, float16) {
  const Unsigned u = __builtin_bit_cast(Unsigned, v);
  const Bits magnitude = __builtin_bit_cast(Bits, u & 0x7fffffff);
  const Unsigned m = u & 0x7fffffff;
  const Unsigned normal = (m - 0x38000000 + 0xfff + ((m >> 13) & 1)) >> 13;
  const Unsigned subnormal = __builtin_bit_cast(Unsigned, as_lanes<float>(magnitude) + 0.5f) - 0x3f000000;
  const Unsigned finite = magnitude < 0x38800000 ? subnormal : normal;
  const Unsigned infinite = magnitude >= 0x477ff000 ? Unsigned{} + 0x7c00 : finite;
  return __builtin_convertvector(((u >> 16) & 0x8000) | (magnitude > 0x7f800000 ? Unsigned{} + 0x7e00 : infinite), Halves);
}
#endif

template <class V>
TASUKI_LANES V load_raw(const void* p) {
  V v;
  __builtin_memcpy(&v, p, sizeof(V));
  return v;
}

// Vectors of which only the first `count` elements may be touched; the other lanes read as zero.
template <class V, class E>
TASUKI_LANES V load_some(const E* p, std::int64_t count) {
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__)
  if constexpr (sizeof(E) == 2) return __builtin_bit_cast(V, _mm256_maskz_loadu_epi16(static_cast<__mmask16>((1u << count) - 1), p));
  else if constexpr (sizeof(E) == 4) return __builtin_bit_cast(V, _mm512_maskz_loadu_epi32(static_cast<__mmask16>((1u << count) - 1), p));
  else return __builtin_bit_cast(V, _mm512_maskz_loadu_epi64(static_cast<__mmask8>((1u << count) - 1), p));
#else
  constexpr std::int64_t most = sizeof(V) / sizeof(E);
  E lanes[most] = {};
  for (std::int64_t i = 0; i < most; ++i)
    if (i < count) lanes[i] = p[i];
  return __builtin_bit_cast(V, lanes);
#endif
}
template <class V, class E>
TASUKI_LANES void store_some(E* p, V v, std::int64_t count) {
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__)
  if constexpr (sizeof(E) == 2) _mm256_mask_storeu_epi16(p, static_cast<__mmask16>((1u << count) - 1), __builtin_bit_cast(__m256i, v));
  else if constexpr (sizeof(E) == 4) _mm512_mask_storeu_epi32(p, static_cast<__mmask16>((1u << count) - 1), __builtin_bit_cast(__m512i, v));
  else _mm512_mask_storeu_epi64(p, static_cast<__mmask8>((1u << count) - 1), __builtin_bit_cast(__m512i, v));
#else
  constexpr std::int64_t most = sizeof(V) / sizeof(E);
  E lanes[most];
  __builtin_memcpy(lanes, &v, sizeof(V));
  for (std::int64_t i = 0; i < most; ++i)
    if (i < count) p[i] = lanes[i];
#endif
}

}  // namespace detail

/// `width` elements from p, of any alignment, in the type they are computed in.
template <class T>
TASUKI_LANES Lanes<compute_t<T>> load(const T* p, Full = {}) {
  if constexpr (sizeof(T) == 2) return detail::widen(detail::load_raw<detail::Halves>(p), T{});
  else return detail::load_raw<Lanes<T>>(p);
}
/// The first elements only; the lanes behind them are zero.
template <class T>
TASUKI_LANES Lanes<compute_t<T>> load(const T* p, Part part) {
  if constexpr (sizeof(T) == 2)
    return detail::widen(detail::load_some<detail::Halves>(reinterpret_cast<const std::uint16_t*>(p), part.count), T{});
  else return detail::load_some<Lanes<T>>(p, part.count);
}
template <class T>
TASUKI_LANES void store(T* p, Lanes<compute_t<T>> v, Full = {}) {
  if constexpr (sizeof(T) == 2) {
    const detail::Halves h = detail::narrow(v, T{});
    __builtin_memcpy(static_cast<void*>(p), &h, sizeof(h));
  } else {
    __builtin_memcpy(p, &v, sizeof(v));
  }
}
template <class T>
TASUKI_LANES void store(T* p, Lanes<compute_t<T>> v, Part part) {
  if constexpr (sizeof(T) == 2)
    detail::store_some(reinterpret_cast<std::uint16_t*>(p), detail::narrow(v, T{}), part.count);
  else detail::store_some(p, v, part.count);
}

/// Elements `stride` apart. The loops stay loops: unrolled for each operand of each kernel they are most of the code of a kernel, for
/// what is bound by memory.
template <class T, class Count>
TASUKI_LANES Lanes<compute_t<T>> load_strided(const T* p, std::int64_t stride, Count count) {
  using A = compute_t<T>;
  if (stride == 1) return load(p, count);
  std::int64_t n = width<A>;
  if constexpr (std::is_same_v<Count, Part>) n = count.count;
  A lanes[width<A>] = {};
#pragma GCC unroll 1
  for (std::int64_t i = 0; i < n; ++i) lanes[i] = static_cast<A>(p[i * stride]);
  return load(lanes);
}
template <class T, class Count>
TASUKI_LANES void store_strided(T* p, std::int64_t stride, Lanes<compute_t<T>> v, Count count) {
  using A = compute_t<T>;
  if (stride == 1) return store(p, v, count);
  std::int64_t n = width<A>;
  if constexpr (std::is_same_v<Count, Part>) n = count.count;
  A lanes[width<A>];
  store(lanes, v);
#pragma GCC unroll 1
  for (std::int64_t i = 0; i < n; ++i) p[i * stride] = static_cast<T>(lanes[i]);
}

/// `fill` in the lanes that do not count.
template <class A>
TASUKI_LANES Lanes<A> keep(Lanes<A> v, A, Full) {
  return v;
}
template <class A>
TASUKI_LANES Lanes<A> keep(Lanes<A> v, A fill, Part part) {
  IntLanes<A> lane;
  for (int i = 0; i < width<A>; ++i) lane[i] = i;
  return lane < static_cast<detail::integer_as<A>>(part.count) ? v : splat(fill);
}

namespace detail {
// Folds the upper half of a vector onto its lower half until one lane is left.
template <class E, int lanes, class V, class Fold>
TASUKI_LANES E fold_lanes(V v, Fold fold) {
  if constexpr (lanes == 2) {
    return fold(E(v[0]), E(v[1]));
  } else if constexpr (lanes == 4) {
    return fold(fold(E(v[0]), E(v[2])), fold(E(v[1]), E(v[3])));
  } else {
    using Half = typename VectorOf<E, static_cast<int>(sizeof(E)) * lanes / 2>::type;
    struct Halves {
      Half low, high;
    };
    const Halves h = __builtin_bit_cast(Halves, v);
    return fold_lanes<E, lanes / 2>(fold(h.low, h.high), fold);
  }
}
}  // namespace detail

/// Sum and maximum over the lanes, in a fixed order of pairs.
template <class A>
TASUKI_LANES A sum_lanes(Lanes<A> v) {
  return detail::fold_lanes<A, width<A>>(v, [](auto a, auto b) __attribute__((always_inline)) { return a + b; });
}
template <class A>
TASUKI_LANES A max_lanes(Lanes<A> v) {
  return detail::fold_lanes<A, width<A>>(v, [](auto a, auto b) __attribute__((always_inline)) { return a > b ? a : b; });
}

/// exp(v) to about 1 ulp: 0 below the smallest subnormal, infinity above the largest number, NaN for NaN.
TASUKI_LANES Lanes<float> exp(Lanes<float> v) {
  v = v < -105.f ? splat(-105.f) : v;
  v = v > 89.f ? splat(89.f) : v;
  // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
  const Lanes<float> shifted = v * 1.44269504088896341f + 12582912.f;
  const Lanes<float> n = shifted - 12582912.f;
  const Lanes<float> r = (v - n * 0.693145751953125f) - n * 1.42860682030941723212e-6f;
  const Lanes<float> p = functors::TASUKI_ISA::exponential_series(r);
  const IntLanes<float> k = as_bits<float>(shifted) - 0x4b400000;
  const IntLanes<float> half = k >> 1;  // two factors: 2^k itself may not be a normal number
  return p * as_lanes<float>((half + 127) << 23) * as_lanes<float>((k - half + 127) << 23);
}
TASUKI_LANES Lanes<double> exp(Lanes<double> v) {
  v = v < -746. ? splat(-746.) : v;
  v = v > 710. ? splat(710.) : v;
  const Lanes<double> shifted = v * 1.4426950408889634074 + 6755399441055744.;
  const Lanes<double> n = shifted - 6755399441055744.;
  const Lanes<double> r = (v - n * 6.93147180369123816490e-1) - n * 1.90821492927058770002e-10;
  const Lanes<double> series = functors::TASUKI_ISA::polynomial(r, 1. / 6227020800., 1. / 479001600., 1. / 39916800., 1. / 3628800., 1. / 362880.,
      1. / 40320., 1. / 5040., 1. / 720., 1. / 120., 1. / 24., 1. / 6., 1. / 2.);
  const Lanes<double> p = series * (r * r) + r + 1.;
  const IntLanes<double> k = as_bits<double>(shifted) - 0x4338000000000000;
  const IntLanes<double> half = k >> 1;
  return p * as_lanes<double>((half + 1023) << 52) * as_lanes<double>((k - half + 1023) << 52);
}
TASUKI_LANES float log(float a) { return __builtin_logf(a); }
TASUKI_LANES double log(double a) { return __builtin_log(a); }
/// ln of each lane, for normal numbers, zero, infinity and NaN: Cephes' logf, to about 1 ulp.
TASUKI_LANES Lanes<float> log(Lanes<float> v) {
  const IntLanes<float> bits = __builtin_bit_cast(IntLanes<float>, __builtin_bit_cast(detail::Unsigned, v) - 0x3f3504f3u);  // v = 2^e * m with m in [sqrt(1/2), sqrt(2))
  const Lanes<float> e = __builtin_convertvector(bits >> 23, Lanes<float>);
  const Lanes<float> f = as_lanes<float>((bits & 0x007fffff) + 0x3f3504f3) - 1.f;
  const Lanes<float> result = functors::TASUKI_ISA::logarithm_series(f, e);
  const Lanes<float> at_edge = v == 0.f ? splat(-__builtin_inff()) : v;
  const Lanes<float> inside = v < __builtin_inff() ? result : at_edge;
  return v > 0.f ? inside : (v == 0.f ? at_edge : splat(__builtin_nanf("")));
}
TASUKI_LANES Lanes<double> log(Lanes<double> v) {
  for (int i = 0; i < width<double>; ++i) v[i] = __builtin_log(v[i]);
  return v;
}

/// Calls f(position, how many lanes count, slot) over n elements, a vector at a time. Slots 0 to 3 take turns, so that a reduction
/// can keep four sums and does not wait for each addition.
template <class A, class F>
TASUKI_LANES void each_vector(std::int64_t n, F f) {
  constexpr int w = width<A>;
  std::int64_t i = 0;
  for (; i + 4 * w <= n; i += 4 * w) {
    f(i, Full{}, 0);
    f(i + w, Full{}, 1);
    f(i + 2 * w, Full{}, 2);
    f(i + 3 * w, Full{}, 3);
  }
  for (; i + w <= n; i += w) f(i, Full{}, 0);
  if (i < n) f(i, Part{n - i}, 1);
}

/// Four running vectors of a reduction.
template <class A>
struct Slots {
  Lanes<A> slot[4];
  TASUKI_LANES explicit Slots(A start) : slot{splat(start), splat(start), splat(start), splat(start)} {}
  TASUKI_LANES Lanes<A>& operator[](int i) { return slot[i]; }
  TASUKI_LANES A sum() const { return sum_lanes<A>((slot[0] + slot[1]) + (slot[2] + slot[3])); }
  TASUKI_LANES A max() const {
    return max_lanes<A>(cpu::TASUKI_ISA::max<A>(cpu::TASUKI_ISA::max<A>(slot[0], slot[1]), cpu::TASUKI_ISA::max<A>(slot[2], slot[3])));
  }
};

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
