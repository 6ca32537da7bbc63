#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tasuki/tensor/tensor.hpp"

/// What bench_ops times: a table of cases, the same in peers/torch_cases.py.
namespace tasuki::benchmark {

using Inputs = std::vector<Tensor>;

enum class Kind {
  real,    ///< floating
  index,   ///< whole numbers in [lo, hi), i64
  matrix,  ///< floating, the identity plus a small symmetric matrix in the last two dimensions
};

/// An operand whose values lo + (hi - lo) * frac(0.618... i + 0.37 k) both sides can compute.
struct Operand {
  double lo = -2, hi = 2;
  Shape shape{};  ///< empty: [rows, 512], which is 1 MiB
  Kind kind = Kind::real;
};

enum Traits : unsigned {
  plain = 0,
  no_backward = 1,
  is_random = 2,           ///< values are not compared: noise, equal singular values, counts that PyTorch keeps in the halves
  of_integers = 4,         ///< the same in every dtype: timed once
  wide_only = 8,           ///< f32 and f64 alone
  peer_rounds_halves = 16  ///< PyTorch rounds at each step what is carried in f32 here
};

struct Case {
  std::string name;  ///< its first word is the op's name in docs/ops.md
  std::vector<Operand> operands;
  std::function<Tensor(const Inputs&)> call;
  unsigned traits = plain;
};

/// The sizes of a dtype's cases: operands of 1 MiB each.
struct Sizes {
  static constexpr std::int64_t columns = 512;
  std::int64_t rows;
  std::int64_t elements() const { return rows * columns; }
  Shape signals() const { return {elements() / (32 * 1024), 32, 1024}; }
  Shape images() const { return {elements() / (32 * 32 * 32), 32, 32, 32}; }
  Shape volumes() const { return {elements() / (32 * 16 * 16 * 16), 32, 16, 16, 16}; }
};

std::vector<Case> elementwise_cases(const Sizes& s);
std::vector<Case> reduction_cases(const Sizes& s);  ///< reductions, scans, orders
std::vector<Case> loss_cases(const Sizes& s);
std::vector<Case> layer_cases(const Sizes& s);    ///< products, convolutions, normalization, recurrence, attention
std::vector<Case> spatial_cases(const Sizes& s);  ///< pooling, resizing, sampling
std::vector<Case> rearranging_cases(const Sizes& s);

inline Operand indices(std::int64_t below, Shape shape = {}) { return {0, static_cast<double>(below), std::move(shape), Kind::index}; }

/// A call on the operands `in`.
#define OF(expression) [](const Inputs& in) -> Tensor { return expression; }

}  // namespace tasuki::benchmark
