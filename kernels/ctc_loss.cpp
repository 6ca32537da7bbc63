#include "kernels/ctc_loss.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/gather.hpp"
#include "kernels/index_values.hpp"
#include "kernels/parallel.hpp"
#include "kernels/visit.hpp"

namespace tasuki::kernels::cpu {
namespace {

constexpr double impossible = -std::numeric_limits<double>::infinity();

/// ln(e^a + e^b + e^c).
double log_sum(double a, double b, double c = impossible) {
  const double largest = std::max({a, b, c});
  if (largest == impossible) return impossible;
  return largest + std::log(std::exp(a - largest) + std::exp(b - largest) + std::exp(c - largest));
}

/// One sequence with blanks around its labels: b l1 b l2 b.
struct Sequence {
  std::int64_t steps;
  std::vector<std::int64_t> states;

  Sequence(const CtcTargets& t, std::int64_t n) : steps(TASUKI_ISA::IndexValues(t.input_lengths)[n]) {
    const TASUKI_ISA::IndexValues lengths(t.target_lengths), labels(t.labels);
    std::int64_t start = t.labels.ndim == 2 ? n * t.labels.strides[0] : 0, step = t.labels.stride(-1);
    if (t.labels.ndim == 1)
      for (std::int64_t i = 0; i < n; ++i) start += lengths[i] * step;
    states.assign(static_cast<std::size_t>(2 * lengths[n] + 1), t.blank);
    for (std::int64_t i = 0; i < lengths[n]; ++i) states[static_cast<std::size_t>(2 * i + 1)] = labels[start + i * step];
  }
  std::int64_t count() const { return static_cast<std::int64_t>(states.size()); }
  std::int64_t label(std::int64_t s) const { return states[static_cast<std::size_t>(s)]; }
  /// A path may come to state s from s - 2: past a blank between different labels.
  bool skips_to(std::int64_t s) const { return s >= 2 && s % 2 == 1 && label(s) != label(s - 2); }
};

template <class T>
double wide(T v) {
  return static_cast<double>(static_cast<std::conditional_t<sizeof(T) == 8, double, float>>(v));
}

template <class T>
double forward(const Sequence& q, const T* log_probs, std::int64_t step, std::int64_t next, double* alpha, std::int64_t width) {
  const std::int64_t count = q.count();
  if (q.steps == 0) return count == 1 ? 0 : -impossible;
  for (std::int64_t t = 0; t < q.steps; ++t) {
    const double* last = alpha + (t - 1) * width;
    double* now = alpha + t * width;
    for (std::int64_t s = 0; s < count; ++s) {
      const double before = t == 0 ? (s < 2 ? 0 : impossible) : log_sum(last[s], s ? last[s - 1] : impossible, q.skips_to(s) ? last[s - 2] : impossible);
      now[s] = before + wide(log_probs[t * step + q.label(s) * next]);
    }
  }
  const double* last = alpha + (q.steps - 1) * width;
  return -log_sum(last[count - 1], count > 1 ? last[count - 2] : impossible);
}

/// Calls put(step, class, derivative) for each class that a path passes through.
template <class T, class Put>
void backward(const Sequence& q, const T* log_probs, std::int64_t step, std::int64_t next, const double* alpha, std::int64_t width, double loss, std::int64_t classes,
              Put&& put) {
  const std::int64_t count = q.count();
  std::vector<double> beta(static_cast<std::size_t>(count), impossible), later(beta), through(static_cast<std::size_t>(classes));
  for (std::int64_t t = q.steps - 1; t >= 0; --t) {
    std::swap(beta, later);
    for (std::int64_t s = 0; s < count; ++s) {
      const auto at = [&](std::int64_t k) { return k < count ? later[static_cast<std::size_t>(k)] : impossible; };
      const double after = t == q.steps - 1 ? (s >= count - 2 ? 0 : impossible) : log_sum(at(s), at(s + 1), s + 2 < count && q.skips_to(s + 2) ? at(s + 2) : impossible);
      through[static_cast<std::size_t>(q.label(s))] += std::exp(alpha[t * width + s] + after + loss);
      beta[static_cast<std::size_t>(s)] = after + wide(log_probs[t * step + q.label(s) * next]);
    }
    for (std::int64_t s = 0; s < count; ++s) {
      double& sum = through[static_cast<std::size_t>(q.label(s))];
      if (sum != 0) put(t, q.label(s), -sum);
      sum = 0;
    }
  }
}

}  // namespace

void check_ctc(const CtcTargets& targets, const View& log_probs) {
  const TASUKI_ISA::IndexValues inputs(targets.input_lengths), lengths(targets.target_lengths);
  const std::int64_t steps = log_probs.size(0), batch = log_probs.size(1), classes = log_probs.size(2);
  std::int64_t total = 0;
  for (std::int64_t n = 0; n < batch; ++n) {
    const std::int64_t most = targets.labels.ndim == 2 ? targets.labels.size(1) : targets.labels.numel - total;
    if (inputs[n] < 0 || inputs[n] > steps) TASUKI_THROW(ValueError, "expected  0 <= length <= ", steps, "\nactual    ", inputs[n], " at input_lengths[", n, "]");
    if (lengths[n] < 0 || lengths[n] > most) TASUKI_THROW(ValueError, "expected  0 <= length <= ", most, "\nactual    ", lengths[n], " at target_lengths[", n, "]");
    total += lengths[n];
    const Sequence q(targets, n);
    for (std::int64_t i = 0; i < lengths[n]; ++i)
      if (const std::int64_t label = q.label(2 * i + 1); label < 0 || label >= classes || label == targets.blank)
        TASUKI_THROW(IndexError, "expected  0 <= label < ", classes, " and not ", targets.blank, ", the blank\nactual    ", label, " as label ", i, " of sequence ", n);
  }
}

void ctc_loss(const CtcTargets& targets, const View& log_probs, bool zero_infinity, const View& losses, const View& alpha) {
  if (losses.numel == 0) return;
  const std::int64_t width = alpha.size(-1), steps = log_probs.size(0);
  visit_floating(log_probs.dtype, [&]<class T>(T) {
    parallel_for(losses.numel, std::max<std::int64_t>(1, 1024 / (width * steps + 1)), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n) {
        const double loss = forward(Sequence(targets, n), log_probs.as<const T>() + n * log_probs.strides[1], log_probs.strides[0], log_probs.strides[2],
                                    alpha.as<double>() + n * steps * width, width);
        losses.as<T>()[n] = T(static_cast<std::conditional_t<sizeof(T) == 8, double, float>>(zero_infinity && std::isinf(loss) ? 0 : loss));
      }
    });
  });
}

void ctc_loss_backward(const CtcTargets& targets, const View& grad_losses, const View& log_probs, bool zero_infinity, const View& alpha, const View& grad,
                       bool accumulate) {
  if (!accumulate) zero_dense(grad);
  if (log_probs.numel == 0) return;
  const std::int64_t width = alpha.size(-1), steps = log_probs.size(0);
  visit_floating(log_probs.dtype, [&]<class T>(T) {
    parallel_for(log_probs.size(1), std::max<std::int64_t>(1, 1024 / (width * steps + 1)), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n) {
        const Sequence q(targets, n);
        if (q.steps == 0) continue;
        const double* last = alpha.as<const double>() + (n * steps + q.steps - 1) * width;
        const double loss = -log_sum(last[q.count() - 1], q.count() > 1 ? last[q.count() - 2] : impossible);
        if (zero_infinity && std::isinf(loss)) continue;
        const double g = wide(grad_losses.as<const T>()[n * grad_losses.strides[0]]);
        T* to = grad.as<T>() + n * grad.strides[1];
        backward(q, log_probs.as<const T>() + n * log_probs.strides[1], log_probs.strides[0], log_probs.strides[2], alpha.as<const double>() + n * steps * width,
                 width, loss, log_probs.size(2), [&](std::int64_t t, std::int64_t c, double slope) {
                   T& place = to[t * grad.strides[0] + c * grad.strides[2]];
                   place = T(static_cast<std::conditional_t<sizeof(T) == 8, double, float>>(wide(place) + g * slope));
                 });
      }
    });
  });
}

}  // namespace tasuki::kernels::cpu
