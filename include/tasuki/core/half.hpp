#pragma once
#include <cstdint>
#include <cstring>

#if defined(__CUDACC__)
#define TASUKI_HD __host__ __device__
#else
#define TASUKI_HD
#endif

namespace tasuki {

namespace detail {
TASUKI_HD inline std::uint32_t float_bits(float f) {
  std::uint32_t u;
  memcpy(&u, &f, 4);
  return u;
}
TASUKI_HD inline float bits_float(std::uint32_t u) {
  float f;
  memcpy(&f, &u, 4);
  return f;
}
}  // namespace detail

/// Upper half of an IEEE binary32: 8 exponent bits, 7 mantissa bits. Conversion rounds to nearest even; NaN stays a quiet NaN.
struct bfloat16 {
  std::uint16_t bits = 0;
  bfloat16() = default;
  TASUKI_HD explicit bfloat16(float f) {
    const std::uint32_t u = detail::float_bits(f);
    const std::uint32_t rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
    bits = static_cast<std::uint16_t>((u & 0x7fffffffu) > 0x7f800000u ? ((u >> 16) | 0x40u) : rounded);
  }
  TASUKI_HD explicit operator float() const { return detail::bits_float(static_cast<std::uint32_t>(bits) << 16); }
  static bfloat16 from_bits(std::uint16_t b) {
    bfloat16 h;
    h.bits = b;
    return h;
  }
};

/// IEEE binary16: 5 exponent bits, 10 mantissa bits. Conversion rounds to nearest even, overflows to infinity, keeps subnormals.
struct float16 {
  std::uint16_t bits = 0;
  float16() = default;
  TASUKI_HD explicit float16(float f) {
    const std::uint32_t u = detail::float_bits(f);
    const std::uint32_t sign = (u >> 16) & 0x8000u;
    const std::uint32_t magnitude = u & 0x7fffffffu;
    std::uint32_t h;
    if (magnitude > 0x7f800000u) {
      h = 0x7e00u;
    } else if (magnitude >= 0x477ff000u) {
      h = 0x7c00u;  // 65520 and above round to infinity
    } else if (magnitude < 0x38800000u) {
      // Below the smallest normal half: adding 0.5 lets the FPU round at the weight of a half's subnormal step.
      h = detail::float_bits(detail::bits_float(magnitude) + 0.5f) - 0x3f000000u;
    } else {
      h = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
    }
    bits = static_cast<std::uint16_t>(sign | h);
  }
  TASUKI_HD explicit operator float() const {
    const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000u) << 16;
    const std::uint32_t rest = static_cast<std::uint32_t>(bits & 0x7fffu) << 13;
    if (rest >= 0x0f800000u) return detail::bits_float(sign | 0x7f800000u | (rest & 0x7fffffu));
    // Multiplying by 2^112 rebiases the exponent and normalizes subnormals in one exact step.
    return detail::bits_float(sign | detail::float_bits(detail::bits_float(rest) * 0x1p112f));
  }
  static float16 from_bits(std::uint16_t b) {
    float16 h;
    h.bits = b;
    return h;
  }
};

}  // namespace tasuki
