#include "kernels/panel_gemm.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "src/cpu/gemm.hpp"
#include "tasuki/runtime/threads.hpp"
#include "tests/catch.hpp"

namespace cpu = tasuki::kernels::cpu;
using cpu::PanelGemm;
using tasuki::cpu::GemmProblem;

namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

/// A matrix in memory whose other elements are NaN, so that a product that reads or writes beside it shows.
struct Matrix {
  Matrix(std::int64_t rows, std::int64_t columns, bool column_major, std::int64_t gap, int seed) : rows(rows), columns(columns) {
    row = column_major ? 1 : columns + gap;
    column = column_major ? rows + gap : 1;
    memory.assign(static_cast<std::size_t>(2 * margin + (column_major ? columns * column : rows * row)), nan);
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t j = 0; j < columns; ++j) at(i, j) = static_cast<float>((i * 31 + j * 17 + seed * 7) % 61) / 32.f - 1.f;
  }
  float* data() { return memory.data() + margin; }
  float& at(std::int64_t i, std::int64_t j) { return data()[i * row + j * column]; }
  std::int64_t finite() const {
    std::int64_t count = 0;
    for (float v : memory) count += !std::isnan(v);
    return count;
  }

  static constexpr std::int64_t margin = 80;
  std::int64_t rows, columns, row, column;
  std::vector<float> memory;
};

/// c as it should be; products of these numbers are sums of multiples of 2^-10, exact in float up to thousands of terms.
Matrix product(Matrix a, Matrix b, const float* bias, Matrix c, bool accumulate) {
  for (std::int64_t i = 0; i < c.rows; ++i)
    for (std::int64_t j = 0; j < c.columns; ++j) {
      double sum = (bias ? bias[j] : 0) + (accumulate ? c.at(i, j) : 0);
      for (std::int64_t l = 0; l < a.columns; ++l) sum += static_cast<double>(a.at(i, l)) * b.at(l, j);
      c.at(i, j) = static_cast<float>(sum);
    }
  return c;
}

bool same(const Matrix& x, const Matrix& y) { return std::memcmp(x.memory.data(), y.memory.data(), x.memory.size() * sizeof(float)) == 0; }

using Multiply = void (*)(const PanelGemm&, float*);
struct Copy {
  cpu::Isa isa;
  Multiply by_rows, by_columns;
};
std::vector<Copy> copies() {
  std::vector<Copy> all{{cpu::Isa::baseline, cpu::baseline::multiply_by_rows, cpu::baseline::multiply_by_columns}};
#if defined(__x86_64__)
  if (cpu::isa() >= cpu::Isa::avx2) all.push_back({cpu::Isa::avx2, cpu::avx2::multiply_by_rows, cpu::avx2::multiply_by_columns});
  if (cpu::isa() >= cpu::Isa::avx512) all.push_back({cpu::Isa::avx512, cpu::avx512::multiply_by_rows, cpu::avx512::multiply_by_columns});
#endif
  return all;
}

struct Case {
  std::int64_t m, n, k;
  bool a_column_major, b_column_major, bias, accumulate;
};

void check(const Copy& copy, const Case& s) {
  Matrix a(s.m, s.k, s.a_column_major, 3, 1), b(s.k, s.n, s.b_column_major, 5, 2), c(s.m, s.n, false, 2, 3), bias(1, s.n, false, 0, 4);
  const Matrix expected = product(a, b, s.bias ? bias.data() : nullptr, c, s.accumulate);
  if (!s.accumulate)  // what was there must not matter
    for (std::int64_t i = 0; i < s.m; ++i)
      for (std::int64_t j = 0; j < s.n; ++j) c.at(i, j) = nan;
  std::vector<float> scratch(static_cast<std::size_t>(s.b_column_major ? PanelGemm::column_scratch(s.m, s.k) : PanelGemm::row_scratch()), nan);
  const PanelGemm p{s.m, s.n, s.k, a.data(), a.row, a.column, b.data(), b.row, b.column, s.bias ? bias.data() : nullptr, c.data(), c.row, s.accumulate};
  (s.b_column_major ? copy.by_columns : copy.by_rows)(p, scratch.data());
  INFO(cpu::name_of(copy.isa) << ": " << s.m << " x " << s.n << " x " << s.k << ", a by " << (s.a_column_major ? "columns" : "rows") << ", b by "
                              << (s.b_column_major ? "columns" : "rows") << (s.bias ? ", bias" : "") << (s.accumulate ? ", accumulating" : ""));
  if (c.finite() != s.m * s.n) FAIL_CHECK(c.finite() << " numbers instead of " << s.m * s.n);
  else if (!same(c, expected)) FAIL_CHECK("differs from the exact product");
}

/// A product whose largest matrix is divided among threads in each of the three ways; see src/cpu/gemm_panels.cpp.
enum class Large { columns_of_b, rows_of_c, rows_of_b };
std::vector<float> run(Large large, int threads, bool accumulate) {
  const std::int64_t batch = 37, in = 391, out = 523;
  const bool c_is_large = large == Large::rows_of_c;
  Matrix a(c_is_large ? out : batch, c_is_large ? batch : large == Large::columns_of_b ? in : out, c_is_large, 0, 1);
  Matrix b(a.columns, large == Large::columns_of_b ? out : in, large == Large::columns_of_b, 0, 2), c(a.rows, b.columns, false, 0, 3);
  for (Matrix* x : {&a, &b})
    for (float& v : x->memory) v = std::sin(v * 3e3f);  // rounding of sums shows
  GemmProblem p;
  p.dtype = tasuki::f32;
  p.m = a.rows;
  p.n = b.columns;
  p.k = a.columns;
  p.a = {a.row, a.column, {}};
  p.b = {b.row, b.column, {}};
  p.c = {c.row, c.column, {}};
  const int before = tasuki::num_threads();
  tasuki::set_num_threads(threads);
  const auto plan = tasuki::cpu::gemm_plan(p);
  std::vector<float> workspace(plan->workspace_bytes(accumulate) / sizeof(float) + 16);
  plan->run(a.data(), b.data(), nullptr, c.data(), accumulate, workspace.data());
  tasuki::set_num_threads(before);
  const Matrix expected = product(a, b, nullptr, Matrix(a.rows, b.columns, false, 0, 3), accumulate);
  double worst = 0;
  for (std::size_t i = 0; i < c.memory.size(); ++i)
    if (!std::isnan(expected.memory[i])) worst = std::fmax(worst, std::fabs(double{c.memory[i]} - expected.memory[i]));
  CHECK(worst < 1e-4);
  std::vector<float> result;
  for (std::int64_t i = 0; i < c.rows; ++i) result.insert(result.end(), &c.at(i, 0), &c.at(i, 0) + c.columns);
  return result;
}

}  // namespace

TEST_CASE("Panel products are exact sums at every edge of tiles, vectors, panels and blocks, and touch nothing else") {
  for (const Copy& copy : copies())
    for (const bool by_columns : {false, true}) {
      for (const std::int64_t m : {1, 2, 3, 4, 5, 6, 7, 12, 16, 17, 33, 63, 64, 65, 130})
        for (const std::int64_t n : {1, 7, 15, 16, 17, 31, 33, 48, 49, 63, 64, 65, 100})
          for (const bool flag : {false, true}) check(copy, {m, n, 19, flag, by_columns, (m + n) % 2 == 0, n % 3 == 0});
      for (const std::int64_t k : {1, 2, 15, 16, 17, 32, 255, 256, 257, 513})
        for (const bool flag : {false, true})
          for (const bool accumulate : {false, true}) check(copy, {23, 85, k, flag, by_columns, !accumulate, accumulate});
    }
}

TEST_CASE("Products of a large matrix have the same bits for any number of threads") {
  for (const Large large : {Large::columns_of_b, Large::rows_of_c, Large::rows_of_b})
    for (const bool accumulate : {false, true}) {
      INFO("division " << static_cast<int>(large) << (accumulate ? ", accumulating" : ""));
      const std::vector<float> one = run(large, 1, accumulate);
      for (const int threads : {2, 3, 7}) CHECK(run(large, threads, accumulate) == one);
    }
}
