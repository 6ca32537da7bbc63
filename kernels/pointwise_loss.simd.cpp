#include "kernels/pointwise_loss.hpp"

#include "kernels/math.hpp"
#include "kernels/vectorize.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {
namespace {

using namespace functors::TASUKI_ISA;

/// -1, 0 or 1; NaN for NaN.
template <class T>
TASUKI_INLINE T signum(T d) {
  return d > T(0) ? T(1) : d < T(0) ? T(-1) : d;
}
/// d, kept within [-p, p].
template <class T>
TASUKI_INLINE T between(T d, T p) {
  return d > p ? p : d < -p ? -p : d;
}
template <class T>
TASUKI_INLINE T at_least(T v, T least) {
  return v < least ? least : v;
}
/// ln v, which a loss bounds where v is 0.
template <class T>
TASUKI_INLINE T bounded_logarithm(T v) {
  return at_least(logarithm(v), T(-100));
}
template <class T>
TASUKI_INLINE T logistic(T v) {
  return T(1) / (T(1) + exponential(-v));
}

#define TASUKI_POINTWISE_LOSS(name, value, by_x, by_target)                                                   \
  struct name {                                                                                               \
    template <class T>                                                                                        \
    static TASUKI_INLINE T f(T x, T t, [[maybe_unused]] T p) {                                                \
      return value;                                                                                           \
    }                                                                                                         \
    template <class T>                                                                                        \
    static TASUKI_INLINE T slope_by_x([[maybe_unused]] T x, [[maybe_unused]] T t, [[maybe_unused]] T p) {     \
      return by_x;                                                                                            \
    }                                                                                                         \
    template <class T>                                                                                        \
    static TASUKI_INLINE T slope_by_target([[maybe_unused]] T x, [[maybe_unused]] T t, [[maybe_unused]] T p) { \
      return by_target;                                                                                       \
    }                                                                                                         \
  };
#include "kernels/pointwise_losses.inc"
#undef TASUKI_POINTWISE_LOSS

template <class Loss, class T>
void value_loop(std::int64_t n, const void* const* in, void* out, const double* parameters) {
  const T *x = static_cast<const T*>(in[0]), *t = static_cast<const T*>(in[1]), p = static_cast<T>(parameters[0]);
  T* to = static_cast<T*>(out);
  TASUKI_INDEPENDENT_ITERATIONS
  for (std::int64_t i = 0; i < n; ++i) to[i] = Loss::f(x[i], t[i], p);
}

template <class Loss, class T, bool by_target>
void slope_loop(std::int64_t n, const void* const* in, void* out, const double* parameters) {
  const T *g = static_cast<const T*>(in[0]), *x = static_cast<const T*>(in[1]), *t = static_cast<const T*>(in[2]), p = static_cast<T>(parameters[0]);
  T* to = static_cast<T*>(out);
  TASUKI_INDEPENDENT_ITERATIONS
  for (std::int64_t i = 0; i < n; ++i) to[i] = g[i] * (by_target ? Loss::slope_by_target(x[i], t[i], p) : Loss::slope_by_x(x[i], t[i], p));
}

template <class T>
DenseLoop value_of(PointwiseLoss loss) {
  switch (loss) {
#define TASUKI_POINTWISE_LOSS(name, ...) \
  case PointwiseLoss::name: return &value_loop<name, T>;
#include "kernels/pointwise_losses.inc"
#undef TASUKI_POINTWISE_LOSS
  }
  return nullptr;
}

template <class T>
DenseLoop slope_of(PointwiseLoss loss, bool by_target) {
  switch (loss) {
#define TASUKI_POINTWISE_LOSS(name, ...) \
  case PointwiseLoss::name: return by_target ? &slope_loop<name, T, true> : &slope_loop<name, T, false>;
#include "kernels/pointwise_losses.inc"
#undef TASUKI_POINTWISE_LOSS
  }
  return nullptr;
}

}  // namespace

DenseLoop pointwise_loss_loop(PointwiseLoss loss, DType dtype) { return dtype == DType::f64 ? value_of<double>(loss) : value_of<float>(loss); }
DenseLoop pointwise_loss_slope_loop(PointwiseLoss loss, bool by_target, DType dtype) {
  return dtype == DType::f64 ? slope_of<double>(loss, by_target) : slope_of<float>(loss, by_target);
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
