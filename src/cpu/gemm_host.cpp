// Matrix products without oneDNN: own kernels for f64, plain loops for integers and unusual strides, f32 copies for half types.
#include <algorithm>
#include <type_traits>
#include <vector>

#include "kernels/panel_gemm.hpp"
#include "kernels/parallel.hpp"
#include "kernels/visit.hpp"
#include "src/cpu/dnnl_support.hpp"
#include "src/cpu/gemm.hpp"
#include "src/cpu/gemm_normalize.hpp"
#include "src/cpu/isa_scope.hpp"

namespace tasuki::cpu {

namespace {

TASUKI_USE_ISA

/// Integers are carried unsigned, where overflow wraps; halves in f32.
template <class T>
struct Sum {
  using type = std::make_unsigned_t<T>;
};
template <>
struct Sum<float> {
  using type = float;
};
template <>
struct Sum<double> {
  using type = double;
};
template <>
struct Sum<bfloat16> {
  using type = float;
};
template <>
struct Sum<float16> {
  using type = float;
};

template <class T>
void multiply_rows(const GemmProblem& p, const T* a, const T* b, const T* bias, T* c, bool accumulate) {
  using S = typename Sum<T>::type;
  const std::int64_t grain = std::max<std::int64_t>(1, 65536 / std::max<std::int64_t>(1, p.n * p.k));
  kernels::parallel_for(p.m, grain, [&](std::int64_t begin, std::int64_t end) {
    std::vector<S> row(static_cast<std::size_t>(p.n));
    for (std::int64_t i = begin; i < end; ++i) {
      for (std::int64_t j = 0; j < p.n; ++j) row[static_cast<std::size_t>(j)] = bias ? static_cast<S>(bias[j]) : S{};
      for (std::int64_t l = 0; l < p.k; ++l) {
        const S x = static_cast<S>(a[i * p.a.row + l * p.a.column]);
        const T* y = b + l * p.b.row;
        for (std::int64_t j = 0; j < p.n; ++j) row[static_cast<std::size_t>(j)] += static_cast<S>(x * static_cast<S>(y[j * p.b.column]));
      }
      for (std::int64_t j = 0; j < p.n; ++j) {
        T& z = c[i * p.c.row + j * p.c.column];
        const S sum = row[static_cast<std::size_t>(j)];
        z = static_cast<T>(accumulate ? static_cast<S>(static_cast<S>(z) + sum) : sum);
      }
    }
  });
}

class HostGemm final : public GemmPlan {
 public:
  explicit HostGemm(const GemmProblem& p) : p_(p), is_column_(p.n == 1 && p.a.column == 1 && p.b.row == 1) {
    constexpr std::int64_t least_work = 1 << 18;  // multiplications of a share
    const std::int64_t rows_of_share = std::max<std::int64_t>(1, least_work / std::max<std::int64_t>(1, p.n * p.k));
    if (p.dtype == f64 && p.c.column == 1 && p.m > 0 && p.n > 0 && p.k > 0) shares_ = std::clamp<std::int64_t>(thread_count(), 1, (p.m + rows_of_share - 1) / rows_of_share);
  }
  std::size_t workspace_bytes(bool) const override { return static_cast<std::size_t>(shares_) * scratch_bytes; }
  void run(const void* a, const void* b, const void* bias, void* c, bool accumulate, void* workspace) const override {
    const auto all = [&]<class T>(T) {
      for_each_batch(p_, p_.batch_dims, [&](std::int64_t a_at, std::int64_t b_at, std::int64_t c_at, bool first) {
        const T *x = static_cast<const T*>(a) + a_at, *y = static_cast<const T*>(b) + b_at;
        T* z = static_cast<T*>(c) + c_at;
        if constexpr (std::is_same_v<T, double>) {
          if (shares_ > 0) return multiply_doubles(x, y, static_cast<const T*>(bias), z, accumulate || !first, workspace);
        }
        multiply_rows(p_, x, y, static_cast<const T*>(bias), z, accumulate || !first);
      });
      bool no_batch = false;  // a sum over an empty batch is zero
      for (int d = 0; d < p_.batch_dims; ++d) no_batch |= p_.batch[d] == 0;
      if (no_batch && !accumulate) write_zeros(static_cast<T*>(c));
    };
    if (is_floating(p_.dtype)) kernels::visit_floating(p_.dtype, all);
    else kernels::visit_integral(p_.dtype, all);
  }

 private:
  static constexpr std::size_t scratch_bytes = aligned_bytes(sizeof(double) * kernels::cpu::PanelGemmOf<double>::row_scratch());

  /// A share of the rows for each thread.
  void multiply_doubles(const double* a, const double* b, const double* bias, double* c, bool accumulate, void* workspace) const {
    kernels::parallel_for(shares_, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t first = p_.m * i / shares_, last = p_.m * (i + 1) / shares_;
        const kernels::cpu::PanelGemmOf<double> share{last - first, p_.n, p_.k, a + first * p_.a.row, p_.a.row, p_.a.column, b, p_.b.row, p_.b.column, bias,
                                                      c + first * p_.c.row, p_.c.row, accumulate};
        if (is_column_) TASUKI_ON_ISA(multiply_column)(share);
        else TASUKI_ON_ISA(multiply_doubles)(share, at_byte<double>(workspace, static_cast<std::size_t>(i) * scratch_bytes));
      }
    });
  }
  template <class T>
  void write_zeros(T* c) const {
    GemmProblem kept = p_;
    kept.k = 0;
    for (int d = 0; d < kept.batch_dims; ++d)
      if (kept.c.batch[d] == 0) kept.batch[d] = 1;
    for_each_batch(kept, kept.batch_dims,
                   [&](std::int64_t, std::int64_t, std::int64_t at, bool) { multiply_rows<T>(kept, nullptr, nullptr, nullptr, c + at, false); });
  }
  GemmProblem p_;
  std::int64_t shares_ = 0;  // of f64 products
  bool is_column_;           // of dense rows and a dense vector
};

/// Copies operands into dense f32 matrices, multiplies those, and rounds the result once.
class ConvertingGemm final : public GemmPlan {
 public:
  explicit ConvertingGemm(const GemmProblem& p) : given_(p), inner_problem_(p) {
    inner_problem_.dtype = f32;
    inner_problem_.wide_result = false;
    a_elements_ = pack(inner_problem_.a, p.m, p.k);
    b_elements_ = pack(inner_problem_.b, p.k, p.n);
    c_elements_ = pack(inner_problem_.c, p.m, p.n);
    inner_ = gemm_plan(inner_problem_);
  }
  std::size_t workspace_bytes(bool) const override {
    return floats(a_elements_) + floats(b_elements_) + floats(c_elements_) + floats(given_.n) + inner_->workspace_bytes(false);
  }
  void run(const void* a, const void* b, const void* bias, void* c, bool accumulate, void* workspace) const override {
    float* x = static_cast<float*>(workspace);
    float* y = at_byte<float>(x, floats(a_elements_));
    float* z = at_byte<float>(y, floats(b_elements_));
    float* w = at_byte<float>(z, floats(c_elements_));
    void* rest = at_byte<void>(w, floats(given_.n));
    const auto convert = [&]<class T>(T) {
      widen(static_cast<const T*>(a), given_.a, x, inner_problem_.a, given_.m, given_.k);
      widen(static_cast<const T*>(b), given_.b, y, inner_problem_.b, given_.k, given_.n);
      if (given_.wide_result) {
        inner_->run(x, y, bias, z, false, rest);
        return narrow(z, static_cast<float*>(c), accumulate);
      }
      if (bias)
        for (std::int64_t j = 0; j < given_.n; ++j) w[j] = static_cast<float>(static_cast<const T*>(bias)[j]);
      inner_->run(x, y, bias ? w : nullptr, z, false, rest);
      narrow(z, static_cast<T*>(c), accumulate);
    };
    if (given_.dtype == f16) convert(float16{});
    else convert(bfloat16{});
  }

 private:
  static std::size_t floats(std::int64_t count) { return aligned_bytes(static_cast<std::size_t>(count) * sizeof(float)); }

  std::int64_t pack(GemmProblem::Matrix& x, std::int64_t rows, std::int64_t columns) const {
    std::int64_t elements = rows * columns;
    x.row = columns;
    x.column = 1;
    for (int d = given_.batch_dims - 1; d >= 0; --d) {
      if (x.batch[d] == 0) continue;
      x.batch[d] = elements;
      elements *= given_.batch[d];
    }
    return elements;
  }
  /// Calls f(offset in given, offset in packed) for each element of one operand.
  template <class F>
  void for_each_element(const GemmProblem::Matrix& from, const GemmProblem::Matrix& to, std::int64_t rows, std::int64_t columns, F&& f) const {
    GemmProblem walk = given_;
    walk.a = from;
    walk.b = to;
    for (int d = 0; d < walk.batch_dims; ++d)
      if (from.batch[d] == 0) walk.batch[d] = 1;
    for_each_batch(walk, walk.batch_dims, [&](std::int64_t at, std::int64_t packed, std::int64_t, bool) {
      for (std::int64_t i = 0; i < rows; ++i)
        for (std::int64_t j = 0; j < columns; ++j) f(at + i * from.row + j * from.column, packed + i * to.row + j * to.column);
    });
  }
  template <class T>
  void widen(const T* x, const GemmProblem::Matrix& from, float* y, const GemmProblem::Matrix& to, std::int64_t rows, std::int64_t columns) const {
    for_each_element(from, to, rows, columns, [&](std::int64_t i, std::int64_t j) { y[j] = static_cast<float>(x[i]); });
  }
  template <class T>
  void narrow(const float* z, T* c, bool accumulate) const {
    for_each_element(given_.c, inner_problem_.c, given_.m, given_.n,
                     [&](std::int64_t i, std::int64_t j) { c[i] = T(accumulate ? static_cast<float>(c[i]) + z[j] : z[j]); });
  }
  GemmProblem given_, inner_problem_;
  std::int64_t a_elements_, b_elements_, c_elements_;
  PlanPtr<GemmPlan> inner_;
};

}  // namespace

Plan* make_host_gemm(const GemmProblem& problem) { return new HostGemm(problem); }
Plan* make_converting_gemm(const GemmProblem& problem) { return new ConvertingGemm(problem); }

}  // namespace tasuki::cpu
