#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/isa.hpp"
#include "tasuki/core/dtype.hpp"

/// Optimizer updates over lists of ranges: one pass over parameter, gradient and state, in chunks of a fixed size on several threads.
/// Every element is updated by itself, so results do not depend on threads or chunks. All ranges of a call have one dtype, which is
/// parameter's and gradient's; state and arithmetic are f64 for f64, else f32.
namespace tasuki::kernels::cpu {

struct OptimizerRange {
  void* parameter = nullptr;
  const void* gradient = nullptr;
  void* state[3] = {};
  std::int64_t count = 0;
  std::int64_t step = 1;  ///< number of this update of this parameter, from 1
};

struct SgdRule {
  double lr, momentum, dampening, weight_decay;
  bool nesterov, maximize;
};
/// g += weight_decay p;  buf = step == 1 ? g : momentum buf + (1 - dampening) g;  p -= lr (nesterov ? g + momentum buf : buf).
/// state[0] is buf, unused when momentum is 0.
void sgd_step(DType dtype, const OptimizerRange* ranges, std::size_t count, const SgdRule& rule);

struct AdamRule {
  double lr, beta1, beta2, eps, weight_decay;
  bool decoupled;  ///< AdamW: p *= 1 - lr weight_decay, instead of g += weight_decay p
  bool amsgrad, maximize;
};
/// m += (1 - beta1) (g - m);  v = beta2 v + (1 - beta2) g^2;  p -= lr / (1 - beta1^t) m / (sqrt(v / (1 - beta2^t)) + eps).
/// state[0] is m, state[1] is v, state[2] with amsgrad the largest v so far, which then takes v's place.
void adam_step(DType dtype, const OptimizerRange* ranges, std::size_t count, const AdamRule& rule);

/// A range of elements to measure or to change: gradients.
struct ElementRange {
  void* data = nullptr;
  std::int64_t count = 0;
  DType dtype = DType::f32;
};
/// sums[r] = sum |x|^p over range r, in f64; for p = infinity the largest |x|, or NaN where there is one.
void power_sums(const ElementRange* ranges, std::size_t count, double p, double* sums);
/// The same over several ranges, from their sums.
double joined_power_sums(const double* sums, std::size_t count, double p);
void scale(const ElementRange* ranges, std::size_t count, double factor);
/// x = min(max(x, low), high); NaN stays.
void clamp(const ElementRange* ranges, std::size_t count, double low, double high);

/// One chunk each, [begin, end) of a range; a copy per instruction set.
struct AdamScalars {
  double beta1, beta2, eps, step_size, inverse_root_correction, decay, l2, sign;
};
TASUKI_PER_ISA(void sgd_chunk(DType dtype, const OptimizerRange& range, std::int64_t begin, std::int64_t end, const SgdRule& rule))
TASUKI_PER_ISA(void adam_chunk(DType dtype, const OptimizerRange& range, std::int64_t begin, std::int64_t end, const AdamScalars& a, bool amsgrad))
TASUKI_PER_ISA(double power_sum_chunk(const ElementRange& range, std::int64_t begin, std::int64_t end, double p))
TASUKI_PER_ISA(void scale_chunk(const ElementRange& range, std::int64_t begin, std::int64_t end, double factor))
TASUKI_PER_ISA(void clamp_chunk(const ElementRange& range, std::int64_t begin, std::int64_t end, double low, double high))

}  // namespace tasuki::kernels::cpu
