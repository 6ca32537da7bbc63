// f32 products with one matrix that is much larger than the others (a weight, or its gradient, against a batch of activations),
// divided so that each thread touches its own share of that matrix alone: rows of the memory it lies in. The next product with the
// same weight, its gradient and the optimizer divide it in the same way, so that it stays in that core's cache and no line moves
// between cores. Measured on the training step of a 784-1000-1000-10 network: 1.1 ms of the optimizer's time alone.
#include <algorithm>

#include "kernels/panel_gemm.hpp"
#include "kernels/parallel.hpp"
#include "src/cpu/dnnl_support.hpp"
#include "src/cpu/gemm.hpp"
#include "src/cpu/gemm_normalize.hpp"
#include "src/cpu/isa_scope.hpp"

namespace tasuki::cpu {

namespace {

using kernels::cpu::PanelGemm;
TASUKI_USE_ISA

/// Where share i of `shares` begins. A multiple of 16, so that no two shares write the same cache line.
std::int64_t share_begin(std::int64_t size, std::int64_t shares, std::int64_t i) { return i == shares ? size : size * i / shares / 16 * 16; }

/// What is divided among threads.
enum class Division {
  none,
  columns,  // b [k, n] is large and its columns are dense: those of c
  rows,     // c is large: its own rows
  inner     // b is large and its rows are dense: k in two halves, the second of which is added in the end
};

// From 16 rows of activations on (fewer leave vectors empty) until what a division of its own saves, about the time of a product with
// 64 rows, no longer matters. Alone, on 2 cores with AVX-512 (Zen 4, 236 GFLOP/s at most), time relative to oneDNN's matmul:
//   rows of activations       16         32         64        128        256
//   columns              0.70-0.83  0.86-0.92  0.89-0.93  0.93-0.99  0.97-1.01
//   rows                 0.76-1.06  0.85-1.04  0.91-1.04  0.95-1.04  0.97-1.03
//   inner                0.91-1.35  0.96-1.21  0.99-1.12  1.00-1.09  1.02-1.07
Division division_of(const GemmProblem& p) {
  constexpr std::int64_t fewest = 16, most = 256, least_elements = 1 << 17;  // a smaller matrix is cheap to move
  if (p.dtype != f32 || p.batch_dims > 0 || p.c.column != 1 || p.c.row < p.n) return Division::none;
  const auto is_activation = [&](std::int64_t rows) { return rows >= fewest && rows <= most; };
  const auto is_large = [&](std::int64_t divided, std::int64_t other) { return divided >= 256 && other >= 64 && divided * other >= least_elements; };
  if (p.b.row == 1 && p.b.column >= p.k) return is_activation(p.m) && is_large(p.n, p.k) ? Division::columns : Division::none;
  if (p.b.column != 1 || p.b.row < p.n || (p.a.row != 1 && p.a.column != 1)) return Division::none;
  if (is_activation(p.k) && is_large(p.m, p.n)) return Division::rows;
  if (is_activation(p.m) && is_large(p.k, p.n) && !p.has_bias) return Division::inner;
  return Division::none;
}

class PanelGemmPlan final : public GemmPlan {
 public:
  PanelGemmPlan(const GemmProblem& p, Division division) : p_(p), division_(division) {
    const std::int64_t divided = division == Division::columns ? p.n : division == Division::rows ? p.m : p.k;
    shares_ = std::clamp<std::int64_t>(thread_count(), 1, divided / least_share);
    if (division == Division::inner) shares_ = 2 * std::clamp<std::int64_t>((shares_ + 1) / 2, 1, p.n / least_share);
  }
  std::size_t workspace_bytes(bool) const override {
    return static_cast<std::size_t>(shares_) * share_bytes() + (division_ == Division::inner ? floats(p_.m * p_.n) : 0);
  }
  void run(const void* a, const void* b, const void* bias, void* c, bool accumulate, void* workspace) const override {
    const PanelGemm whole{p_.m, p_.n, p_.k, static_cast<const float*>(a), p_.a.row, p_.a.column, static_cast<const float*>(b), p_.b.row, p_.b.column,
                          static_cast<const float*>(bias), static_cast<float*>(c), p_.c.row, accumulate};
    float* const second = at_byte<float>(workspace, static_cast<std::size_t>(shares_) * share_bytes());
    kernels::parallel_for(shares_, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        float* const scratch = at_byte<float>(workspace, static_cast<std::size_t>(i) * share_bytes());
        if (division_ == Division::columns) TASUKI_ON_ISA(multiply_by_columns)(columns(whole, i, shares_), scratch);
        else TASUKI_ON_ISA(multiply_by_rows)(division_ == Division::rows ? rows(whole, i, shares_) : half(whole, i, second), scratch);
      }
    });
    if (division_ == Division::inner) add(second, whole.c);
  }

 private:
  static constexpr std::int64_t least_share = 64;  // less is lost in copying the other operand for each thread

  static std::size_t floats(std::int64_t count) { return aligned_bytes(static_cast<std::size_t>(count) * sizeof(float)); }

  std::size_t share_bytes() const { return floats(division_ == Division::columns ? PanelGemm::column_scratch(p_.m, p_.k) : PanelGemm::row_scratch()); }

  static PanelGemm columns(PanelGemm p, std::int64_t share, std::int64_t shares) {
    const std::int64_t begin = share_begin(p.n, shares, share);
    p.n = share_begin(p.n, shares, share + 1) - begin;
    p.b += begin * p.b_column;
    p.c += begin;
    if (p.bias) p.bias += begin;
    return p;
  }
  static PanelGemm rows(PanelGemm p, std::int64_t share, std::int64_t shares) {
    const std::int64_t begin = share_begin(p.m, shares, share);
    p.m = share_begin(p.m, shares, share + 1) - begin;
    p.a += begin * p.a_row;
    p.c += begin * p.c_row;
    return p;
  }
  PanelGemm half(PanelGemm p, std::int64_t share, float* second) const {
    const std::int64_t pairs = shares_ / 2, middle = share_begin(p.k, 2, 1);
    if (share < pairs) {
      p.k = middle;
    } else {
      p.a += middle * p.a_column;
      p.b += middle * p.b_row;
      p.k -= middle;
      p.c = second;
      p.c_row = p.n;
      p.accumulate = false;
    }
    return columns(p, share % pairs, pairs);
  }
  void add(const float* second, float* c) const {
    const std::int64_t grain = std::max<std::int64_t>(1, 32768 / p_.n);
    kernels::parallel_for(p_.m, grain, [&](std::int64_t begin, std::int64_t end) {
      TASUKI_ON_ISA(add_rows)(second + begin * p_.n, p_.n, c + begin * p_.c.row, p_.c.row, end - begin, p_.n);
    });
  }

  GemmProblem p_;
  Division division_;
  std::int64_t shares_;  // of `inner`: pairs, the same columns of either half of k
};

}  // namespace

Plan* make_panel_gemm(const GemmProblem& p) {
  if (kernels::cpu::isa() == kernels::cpu::Isa::baseline) return nullptr;
  const Division division = division_of(p);
  return division == Division::none ? nullptr : new PanelGemmPlan(p, division);
}

}  // namespace tasuki::cpu
