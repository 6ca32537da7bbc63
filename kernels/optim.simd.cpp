#include "kernels/optim.hpp"

// Plain loops, which the compiler turns into vector code. What they call is forced inline and lives in the namespace of the
// instruction set; see cmake/TasukiKernels.cmake.
#define TASUKI_INLINE [[gnu::always_inline]] static inline

namespace tasuki::kernels::cpu::TASUKI_ISA {

namespace {

// Storage types. The 16-bit ones are numbers to these loops, so that no conversion is a call.
struct Bf16 {
  std::uint16_t bits;
};
struct F16 {
  std::uint16_t bits;
};

template <class T>
struct ComputeOf {
  using type = float;
};
template <>
struct ComputeOf<double> {
  using type = double;
};

TASUKI_INLINE float load(const float& x) { return x; }
TASUKI_INLINE double load(const double& x) { return x; }
TASUKI_INLINE float load(const Bf16& x) { return __builtin_bit_cast(float, static_cast<std::uint32_t>(x.bits) << 16); }
TASUKI_INLINE float load(const F16& x) {
  const std::uint32_t sign = static_cast<std::uint32_t>(x.bits & 0x8000u) << 16, rest = static_cast<std::uint32_t>(x.bits & 0x7fffu) << 13;
  const std::uint32_t finite = __builtin_bit_cast(std::uint32_t, __builtin_bit_cast(float, rest) * 0x1p112f);
  return __builtin_bit_cast(float, sign | (rest >= 0x0f800000u ? 0x7f800000u | (rest & 0x7fffffu) : finite));
}
TASUKI_INLINE void store(float& to, float x) { to = x; }
TASUKI_INLINE void store(double& to, double x) { to = x; }
TASUKI_INLINE void store(Bf16& to, float x) {
  const std::uint32_t u = __builtin_bit_cast(std::uint32_t, x);
  const std::uint32_t rounded = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
  to.bits = static_cast<std::uint16_t>((u & 0x7fffffffu) > 0x7f800000u ? ((u >> 16) | 0x40u) : rounded);
}
TASUKI_INLINE void store(F16& to, float x) {
  const std::uint32_t u = __builtin_bit_cast(std::uint32_t, x), magnitude = u & 0x7fffffffu;
  // Adding 0.5 lets the processor round at the weight of a half's subnormal step.
  const std::uint32_t subnormal = __builtin_bit_cast(std::uint32_t, __builtin_bit_cast(float, magnitude) + 0.5f) - 0x3f000000u;
  const std::uint32_t normal = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  const std::uint32_t h = magnitude > 0x7f800000u ? 0x7e00u : magnitude >= 0x477ff000u ? 0x7c00u : magnitude < 0x38800000u ? subnormal : normal;
  to.bits = static_cast<std::uint16_t>((u >> 16 & 0x8000u) | h);
}

TASUKI_INLINE float root(float x) { return __builtin_sqrtf(x); }
TASUKI_INLINE double root(double x) { return __builtin_sqrt(x); }

enum class Momentum { none, heavy_ball, nesterov };

template <class T, Momentum kind>
void sgd(const OptimizerRange& range, std::int64_t begin, std::int64_t end, const SgdRule& rule) {
  using A = typename ComputeOf<T>::type;
  T* __restrict p = static_cast<T*>(range.parameter);
  const T* __restrict g = static_cast<const T*>(range.gradient);
  A* __restrict buffer = static_cast<A*>(range.state[0]);
  const A lr = static_cast<A>(rule.lr), decay = static_cast<A>(rule.weight_decay), sign = static_cast<A>(rule.maximize ? -1.0 : 1.0);
  // The first gradient enters the buffer whole: dampening applies from the second on, as in PyTorch.
  const A keep = static_cast<A>(range.step == 1 ? 0.0 : rule.momentum), take = static_cast<A>(range.step == 1 ? 1.0 : 1 - rule.dampening);
  const A momentum = static_cast<A>(rule.momentum);
  for (std::int64_t i = begin; i < end; ++i) {
    const A w = load(p[i]);
    A change = load(g[i]) * sign + decay * w;
    if constexpr (kind != Momentum::none) {
      const A velocity = keep * buffer[i] + take * change;
      buffer[i] = velocity;
      change = kind == Momentum::nesterov ? change + momentum * velocity : velocity;
    }
    store(p[i], w - lr * change);
  }
}

template <class T, bool amsgrad>
void adam(const OptimizerRange& range, std::int64_t begin, std::int64_t end, const AdamScalars& a) {
  using A = typename ComputeOf<T>::type;
  T* __restrict p = static_cast<T*>(range.parameter);
  const T* __restrict g = static_cast<const T*>(range.gradient);
  A* __restrict first = static_cast<A*>(range.state[0]);
  A* __restrict second = static_cast<A*>(range.state[1]);
  A* __restrict largest = static_cast<A*>(range.state[2]);
  const A rest1 = static_cast<A>(1 - a.beta1), beta2 = static_cast<A>(a.beta2), rest2 = static_cast<A>(1 - a.beta2), eps = static_cast<A>(a.eps),
          step = static_cast<A>(a.step_size), correct = static_cast<A>(a.inverse_root_correction), decay = static_cast<A>(a.decay),
          l2 = static_cast<A>(a.l2), sign = static_cast<A>(a.sign);
  for (std::int64_t i = begin; i < end; ++i) {
    const A w = load(p[i]);
    const A change = load(g[i]) * sign + l2 * w;
    const A m = first[i] + rest1 * (change - first[i]);
    A v = beta2 * second[i] + rest2 * change * change;
    first[i] = m;
    second[i] = v;
    if constexpr (amsgrad) {
      v = largest[i] > v ? largest[i] : v;
      largest[i] = v;
    }
    store(p[i], w * decay - step * m / (root(v) * correct + eps));
  }
}

constexpr int lanes = 16;  // partial sums, so that a sum is vector code without reordering at the compiler's whim

template <class T>
double power_sum(const T* x, std::int64_t count, double p) {
  double part[lanes] = {};
  const std::int64_t whole = count - count % lanes;
  const auto add = [&](auto term, auto join) __attribute__((always_inline)) {
    for (std::int64_t i = 0; i < whole; i += lanes)
      for (int k = 0; k < lanes; ++k) part[k] = join(part[k], term(static_cast<double>(load(x[i + k]))));
    for (std::int64_t i = whole; i < count; ++i) part[i - whole] = join(part[i - whole], term(static_cast<double>(load(x[i]))));
    double total = part[0];
    for (int k = 1; k < lanes; ++k) total = join(total, part[k]);
    return total;
  };
  const auto sum = [](double a, double b) __attribute__((always_inline)) { return a + b; };
  const auto absolute = [](double v) __attribute__((always_inline)) { return __builtin_fabs(v); };
  if (p == 2) return add([](double v) __attribute__((always_inline)) { return v * v; }, sum);
  if (p == 1) return add(absolute, sum);
  if (__builtin_isinf(p)) return add(absolute, [](double a, double b) __attribute__((always_inline)) { return b > a || b != b ? b : a; });
  return add([p](double v) { return __builtin_pow(__builtin_fabs(v), p); }, sum);
}

template <class T, class F>
TASUKI_INLINE void change_each(void* data, std::int64_t begin, std::int64_t end, F f) {
  T* x = static_cast<T*>(data);
  for (std::int64_t i = begin; i < end; ++i) store(x[i], f(load(x[i])));
}

}  // namespace

#define TASUKI_VISIT_FLOATING(dtype, ...)                            \
  switch (dtype) {                                                   \
    case DType::f64: { using T = double; __VA_ARGS__; break; }       \
    case DType::bf16: { using T = Bf16; __VA_ARGS__; break; }        \
    case DType::f16: { using T = F16; __VA_ARGS__; break; }          \
    default: { using T = float; __VA_ARGS__; break; }                \
  }

void sgd_chunk(DType dtype, const OptimizerRange& range, std::int64_t begin, std::int64_t end, const SgdRule& rule) {
  TASUKI_VISIT_FLOATING(dtype, {
    if (rule.momentum == 0) sgd<T, Momentum::none>(range, begin, end, rule);
    else if (rule.nesterov) sgd<T, Momentum::nesterov>(range, begin, end, rule);
    else sgd<T, Momentum::heavy_ball>(range, begin, end, rule);
  })
}

void adam_chunk(DType dtype, const OptimizerRange& range, std::int64_t begin, std::int64_t end, const AdamScalars& a, bool amsgrad) {
  TASUKI_VISIT_FLOATING(dtype, {
    if (amsgrad) adam<T, true>(range, begin, end, a);
    else adam<T, false>(range, begin, end, a);
  })
}

double power_sum_chunk(const ElementRange& range, std::int64_t begin, std::int64_t end, double p) {
  TASUKI_VISIT_FLOATING(range.dtype, return power_sum(static_cast<const T*>(range.data) + begin, end - begin, p))
  return 0;
}

void scale_chunk(const ElementRange& range, std::int64_t begin, std::int64_t end, double factor) {
  TASUKI_VISIT_FLOATING(range.dtype, {
    using A = typename ComputeOf<T>::type;
    const A by = static_cast<A>(factor);
    change_each<T>(range.data, begin, end, [by](A v) __attribute__((always_inline)) { return v * by; });
  })
}

void clamp_chunk(const ElementRange& range, std::int64_t begin, std::int64_t end, double low, double high) {
  TASUKI_VISIT_FLOATING(range.dtype, {
    using A = typename ComputeOf<T>::type;
    const A least = static_cast<A>(low), most = static_cast<A>(high);
    change_each<T>(range.data, begin, end, [least, most](A v) __attribute__((always_inline)) { return v < least ? least : v > most ? most : v; });
  })
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
