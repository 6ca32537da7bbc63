// The vector helpers as a *.simd.cpp file sees them, for the instruction set that tests are compiled for; the ops' tests run the others.
#define TASUKI_ISA lanes_test
#include "kernels/lanes.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/walk.hpp"
#include "tests/catch.hpp"

using namespace tasuki::kernels::cpu::lanes_test;
namespace lanes = tasuki::kernels::cpu::lanes_test;

namespace {

template <class A>
Lanes<A> lanes_of(A first, A step) {
  Lanes<A> v{};
  for (int i = 0; i < width<A>; ++i) v[i] = first + static_cast<A>(i) * step;
  return v;
}

}  // namespace

TEST_CASE("exp of lanes is within 2 ulp over its whole range") {
  for (float x = -86.f; x < 88.f; x += 0.0371f) {
    const Lanes<float> y = lanes::exp(lanes_of(x, 0.001f));
    for (int i = 0; i < width<float>; ++i) {
      const double expected = std::exp(static_cast<double>(static_cast<float>(lanes_of(x, 0.001f)[i])));
      if (std::abs(y[i] - expected) > 2 * 6e-8 * expected) FAIL("exp(" << lanes_of(x, 0.001f)[i] << ") = " << y[i]);
    }
  }
  for (double x = -707; x < 709; x += 0.317) {
    const Lanes<double> y = lanes::exp(lanes_of(x, 0.01));
    const double expected = std::exp(x);
    if (std::abs(y[0] - expected) > 4 * 1.2e-16 * expected) FAIL("exp(" << x << ") = " << y[0]);
  }
}

TEST_CASE("exp and log of lanes meet infinities, NaN, zero and subnormal results") {
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(lanes::exp(splat(-infinity))[0] == 0);
  CHECK(lanes::exp(splat(infinity))[0] == infinity);
  CHECK(lanes::exp(splat(100.f))[0] == infinity);
  CHECK(std::isnan(lanes::exp(splat(std::nanf("")))[0]));
  CHECK(lanes::exp(splat(-100.f))[0] == Approx(std::exp(-100.0)).epsilon(4e-2));  // a subnormal of few bits
  CHECK(lanes::log(splat(0.f))[0] == -infinity);
  CHECK(lanes::log(splat(infinity))[0] == infinity);
  CHECK(std::isnan(lanes::log(splat(-1.f))[0]));
  CHECK(std::isnan(lanes::log(splat(std::nanf("")))[0]));
}

TEST_CASE("log of lanes is within 2 ulp") {
  CHECK(lanes::log(splat(1.f))[0] == 0);
  for (float x = 1e-30f; x < 1e30f; x *= 1.0173f) {
    const double expected = std::log(static_cast<double>(x));
    if (std::abs(lanes::log(splat(x))[0] - expected) > 2 * 6e-8 * std::abs(expected) + 1e-9) FAIL("log(" << x << ")");
  }
}

TEST_CASE("lanes convert halves as the scalar types do") {
  for (std::uint32_t high = 0; high < 65536; ++high) {
    const auto bits = static_cast<std::uint16_t>(high);
    const tasuki::bfloat16 b = tasuki::bfloat16::from_bits(bits);
    const tasuki::float16 h = tasuki::float16::from_bits(bits);
    const float from_b = lanes::load(&b, Part{1})[0], from_h = lanes::load(&h, Part{1})[0];
    if (!std::isnan(static_cast<float>(b)) && from_b != static_cast<float>(b)) FAIL("bf16 " << high);
    if (!std::isnan(static_cast<float>(h)) && from_h != static_cast<float>(h)) FAIL("f16 " << high);
    for (const std::uint32_t low : {0u, 1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu, 0x1000u, 0x2fffu}) {
      const float value = tasuki::detail::bits_float(high << 16 | low);
      tasuki::bfloat16 to_b;
      tasuki::float16 to_h;
      lanes::store(&to_b, splat(value), Part{1});
      lanes::store(&to_h, splat(value), Part{1});
      if (std::isnan(value)) {
        if (!std::isnan(static_cast<float>(to_b)) || !std::isnan(static_cast<float>(to_h))) FAIL("NaN " << high);
      } else if (to_b.bits != tasuki::bfloat16(value).bits || to_h.bits != tasuki::float16(value).bits) {
        FAIL("rounding of " << value);
      }
    }
  }
}

TEST_CASE("a part of a vector reads and writes only its elements, next to each other or apart") {
  std::vector<float> memory(64, 7.f);
  for (std::int64_t n = 1; n < width<float>; ++n) {
    std::vector<float> exact(static_cast<std::size_t>(n), 2.f);  // an address sanitizer sees a read beyond it
    const Lanes<float> v = lanes::load(exact.data(), Part{n});
    CHECK(sum_lanes<float>(v) == static_cast<float>(2 * n));
    CHECK(sum_lanes<float>(keep<float>(v + 1.f, 0.f, Part{n})) == static_cast<float>(3 * n));
    lanes::store(exact.data(), v + 1.f, Part{n});
    store_strided(memory.data(), 3, splat(1.f), Part{n});
    CHECK(memory[static_cast<std::size_t>(3 * n)] == 7.f);
    CHECK(memory[static_cast<std::size_t>(3 * n - 3)] == 1.f);
    CHECK(load_strided(memory.data(), 3, Part{n})[n - 1] == 1.f);
  }
}

TEST_CASE("a walk visits each slice of each array once, whatever the strides") {
  const std::int64_t shape[] = {3, 4, 1, 5}, rows[] = {20, 5, 5, 1}, images[] = {20, 1, 4, 4}, broadcast[] = {0, 0, 0, 1};
  for (int skip = -1; skip < 4; ++skip) {
    const Walk<3> walk(shape, 4, skip, {images, rows, broadcast});
    std::vector<int> seen(60, 0);
    CHECK(walk.count * walk.inner == 60 / (skip < 0 ? 1 : shape[skip]));
    for (std::int64_t i = 0; i < walk.count * walk.inner; ++i) {
      const auto at = walk.slice(i);
      // the same element, in both layouts
      const std::int64_t n = at.offset[1] / 20, c = at.offset[1] / 5 % 4, w = at.offset[1] % 5;
      CHECK(at.offset[0] == n * 20 + w * 4 + c);
      CHECK(at.offset[2] == w);
      ++seen[static_cast<std::size_t>(at.offset[1])];
    }
    for (const int times : seen) CHECK(times <= 1);
  }
  CHECK(Walk<1>(shape, 4, -1, {rows}).count == 1);  // dense arrays are one run
  CHECK(Walk<1>(shape, 4, 1, {images}).inner == 15);
}
