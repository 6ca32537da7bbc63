#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/binary.hpp"
#include "kernels/compare.hpp"
#include "kernels/extremum.hpp"
#include "kernels/isa.hpp"
#include "kernels/unary.hpp"
#include "tasuki/core/half.hpp"
#include "tests/catch.hpp"

// Every instruction set's copy of the elementwise kernels against the baseline copy: on all lengths around the vector widths, dense
// and strided. Contraction of a * b + c may differ, so results agree to a few units of the last place and not to the bit.
namespace cpu = tasuki::kernels::cpu;
using tasuki::DType;

#if defined(__x86_64__)

namespace {

using UnaryPart = cpu::UnaryLoops (*)(cpu::UnaryOp, DType);
struct Copy {
  cpu::Isa isa;
  UnaryPart unary[3];
  cpu::DenseLoop (*binary)(cpu::BinaryOp, DType);
  cpu::DenseLoop (*compare)(cpu::CompareOp, DType);
  double (*extremum)(DType, const void*, std::int64_t, bool, std::int64_t*);
};

const Copy baseline{cpu::Isa::baseline, {&cpu::baseline::unary_arithmetic, &cpu::baseline::unary_functions, &cpu::baseline::unary_activations}, &cpu::baseline::binary_loop, &cpu::baseline::compare_loop, &cpu::baseline::extremum_of_row};

/// The other copies that this processor can run.
std::vector<Copy> others() {
  std::vector<Copy> copies;
  if (cpu::isa() >= cpu::Isa::avx2) copies.push_back({cpu::Isa::avx2, {&cpu::avx2::unary_arithmetic, &cpu::avx2::unary_functions, &cpu::avx2::unary_activations}, &cpu::avx2::binary_loop, &cpu::avx2::compare_loop, &cpu::avx2::extremum_of_row});
  if (cpu::isa() >= cpu::Isa::avx512) copies.push_back({cpu::Isa::avx512, {&cpu::avx512::unary_arithmetic, &cpu::avx512::unary_functions, &cpu::avx512::unary_activations}, &cpu::avx512::binary_loop, &cpu::avx512::compare_loop, &cpu::avx512::extremum_of_row});
  return copies;
}

template <class T>
double value_of(T v) {
  if constexpr (std::is_same_v<T, tasuki::bfloat16> || std::is_same_v<T, tasuki::float16>) return static_cast<double>(static_cast<float>(v));
  else return static_cast<double>(v);
}
template <class T>
T make(double v) {
  if constexpr (std::is_same_v<T, tasuki::bfloat16> || std::is_same_v<T, tasuki::float16>) return T(static_cast<float>(v));
  else return static_cast<T>(v);
}

template <class T>
std::vector<T> numbers(std::size_t count) {
  std::vector<T> v(count);
  for (std::size_t i = 0; i < count; ++i) v[i] = make<T>(i % 17 == 3 ? NAN : i % 19 == 5 ? -INFINITY : 0.6 + 2.5 * std::sin(static_cast<double>(i) * 1.7));
  return v;
}

template <class T>
bool all_close(const std::vector<T>& a, const std::vector<T>& b, double tolerance) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double x = value_of(a[i]), y = value_of(b[i]);
    const bool same = x == y || (std::isnan(x) && std::isnan(y)) || std::fabs(x - y) <= tolerance * std::fmax(0.1, std::fabs(x));
    if (!same) return false;
  }
  return true;
}

constexpr std::int64_t lengths[] = {1, 2, 7, 8, 15, 16, 17, 31, 33, 63, 65, 100, 511, 513, 1025};

template <class T>
void check_unary(const Copy& copy, DType dtype, double tolerance) {
  const double parameters[2] = {0.7, 1.3};
  for (int op = 0; op < cpu::unary_op_count; ++op)
    for (int part = 0; part < 3; ++part) {
      const cpu::UnaryLoops reference = baseline.unary[part](static_cast<cpu::UnaryOp>(op), dtype), loops = copy.unary[part](static_cast<cpu::UnaryOp>(op), dtype);
      REQUIRE((reference.value == nullptr) == (loops.value == nullptr));
      if (!loops.value) continue;  // of another part
      for (const std::int64_t n : lengths) {
        const std::vector<T> x = numbers<T>(static_cast<std::size_t>(n)), g(x.rbegin(), x.rend());
        std::vector<T> expected(x.size()), actual(x.size());
        const void* in[] = {x.data()};
        const void* both[] = {g.data(), x.data()};
        INFO("unary op " << op << " of " << n << " " << tasuki::name_of(dtype) << " on " << cpu::name_of(copy.isa));
        reference.value(n, in, expected.data(), parameters);
        loops.value(n, in, actual.data(), parameters);
        if (!all_close(expected, actual, tolerance)) FAIL_CHECK("differs from the baseline");
        reference.gradient(n, both, expected.data(), parameters);
        loops.gradient(n, both, actual.data(), parameters);
        if (!all_close(expected, actual, tolerance)) FAIL_CHECK("the gradient differs from the baseline");
      }
    }
}

template <class T>
void check_binary(const Copy& copy, DType dtype, double tolerance) {
  for (int op = 0; op <= static_cast<int>(cpu::BinaryOp::logaddexp); ++op)
    for (const std::int64_t n : lengths) {
      const std::vector<T> a = numbers<T>(static_cast<std::size_t>(n + 5)), b(a.begin() + 5, a.end());
      std::vector<T> expected(static_cast<std::size_t>(n)), actual(expected);
      const void* in[] = {a.data(), b.data()};
      const double none[2] = {};
      baseline.binary(static_cast<cpu::BinaryOp>(op), dtype)(n, in, expected.data(), none);
      copy.binary(static_cast<cpu::BinaryOp>(op), dtype)(n, in, actual.data(), none);
      INFO("binary op " << op << " of " << n << " " << tasuki::name_of(dtype) << " on " << cpu::name_of(copy.isa));
      if (!all_close(expected, actual, tolerance)) FAIL_CHECK("differs from the baseline");
    }
}

}  // namespace

TEST_CASE("Unary kernels agree on all instruction sets") {
  for (const Copy& copy : others()) {
    check_unary<float>(copy, DType::f32, 5e-6);
    check_unary<double>(copy, DType::f64, 1e-14);
  }
}

TEST_CASE("Binary kernels agree on all instruction sets") {
  for (const Copy& copy : others()) {
    check_binary<float>(copy, DType::f32, 1e-6);
    check_binary<double>(copy, DType::f64, 1e-14);
  }
}

template <class T>
void check_extrema(const Copy& copy, std::int64_t n) {
  constexpr DType dtype = tasuki::dtype_of<T>;
  std::vector<T> a = numbers<T>(static_cast<std::size_t>(n));
  const auto is_nan = [](T v) { return std::isnan(value_of(v)); };
  for (const bool with_nan : {true, false}) {
    if (!with_nan) std::replace_if(a.begin(), a.end(), is_nan, T(0.25f));
    for (const bool largest : {true, false}) {
      std::int64_t place = -1, expected_place = -1;
      const double best = copy.extremum(dtype, a.data(), n, largest, &place), expected = baseline.extremum(dtype, a.data(), n, largest, &expected_place);
      CHECK((best == expected || (std::isnan(best) && std::isnan(expected))));
      CHECK(std::isnan(best) == std::any_of(a.begin(), a.end(), is_nan));
      CHECK(place == expected_place);
      const auto found = std::find_if(a.begin(), a.end(), [&](T v) { return std::isnan(best) ? is_nan(v) : value_of(v) == best; });
      CHECK(place == found - a.begin());
      CHECK((std::isnan(best) || std::none_of(a.begin(), a.end(), [&](T v) { return largest ? value_of(v) > best : value_of(v) < best; })));
    }
  }
}

TEST_CASE("Comparisons and extrema are the same on all instruction sets") {
  for (const Copy& copy : others())
    for (const std::int64_t n : lengths) {
      INFO(n << " elements on " << cpu::name_of(copy.isa));
      std::vector<float> a = numbers<float>(static_cast<std::size_t>(n + 5)), b(a.begin() + 5, a.end());
      const void* in[] = {a.data(), b.data()};
      for (int op = 0; op <= static_cast<int>(cpu::CompareOp::ge); ++op) {
        std::vector<unsigned char> expected(static_cast<std::size_t>(n)), actual(expected);
        baseline.compare(static_cast<cpu::CompareOp>(op), DType::f32)(n, in, expected.data(), nullptr);
        copy.compare(static_cast<cpu::CompareOp>(op), DType::f32)(n, in, actual.data(), nullptr);
        CHECK(expected == actual);
      }
      check_extrema<float>(copy, n);
      check_extrema<double>(copy, n);
      check_extrema<tasuki::bfloat16>(copy, n);
      check_extrema<tasuki::float16>(copy, n);
    }
}

#endif
