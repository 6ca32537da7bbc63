#include "kernels/cross_entropy.hpp"

#include "kernels/lanes.hpp"
#include "kernels/labelled_samples.hpp"
#include "kernels/parallel.hpp"
#include "kernels/visit_floating.hpp"
#include "kernels/walk.hpp"

// As in softmax.simd.cpp: along the classes where they are contiguous, else one sample in each lane of a vector.

namespace tasuki::kernels::cpu::TASUKI_ISA {
namespace {

constexpr std::int64_t elements_per_chunk = 32768;
constexpr std::int64_t most_chunks = 64;  // each leaves one partial sum
constexpr std::int64_t most_held = 128;   // classes whose logits a tile keeps in the first-level cache

template <class A>
struct SampleLoss {
  A peak, log_sum, loss;
};

template <class T>
SampleLoss<compute_t<T>> sample_along(const T* x, std::int64_t n, std::int64_t label, const Weights<T>& weights) {
  using A = compute_t<T>;
  const A infinity = static_cast<A>(__builtin_inf());
  Slots<A> peaks(-infinity), sums(0);
  each_vector<A>(n, [&](std::int64_t i, auto part, int k) __attribute__((always_inline)) {
    peaks[k] = max<A>(keep<A>(load(x + i, part), -infinity, part), peaks[k]);
  });
  const A top = peaks.max();
  const Lanes<A> peak = splat(top);
  each_vector<A>(n, [&](std::int64_t i, auto part, int k) __attribute__((always_inline)) {
    sums[k] += keep<A>(exp(load(x + i, part) - peak), 0, part);
  });
  const A log_sum = log(sums.sum());
  A loss = weights.label * weights.of(label) * ((top - static_cast<A>(x[label])) + log_sum);
  if (weights.spread != 0) {
    Slots<A> spread(0);
    each_vector<A>(n, [&](std::int64_t i, auto part, int k) __attribute__((always_inline)) {
      const Lanes<A> below = keep<A>((peak - load(x + i, part)) + log_sum, 0, part);
      spread[k] += weights.w ? below * load(weights.w + i, part) : below;
    });
    loss += weights.spread * spread.sum();
  }
  return {top, log_sum, loss};
}

/// Up to `width` samples, `next` apart, whose classes are `step` apart.
template <class T, class Count>
void samples_across(const T* x, std::int64_t step, std::int64_t next, std::int64_t n, Count part, const Weights<T>& weights,
                    Lanes<compute_t<T>>& peak, Lanes<compute_t<T>>& log_sum, Lanes<compute_t<T>>& spread) {
  using A = compute_t<T>;
  Lanes<A> held[most_held], sum{};
  const bool holds = n <= most_held;
  const auto logits = [&](std::int64_t c) __attribute__((always_inline)) { return holds ? held[c] : load_strided(x + c * step, next, part); };
  peak = splat(-static_cast<A>(__builtin_inf()));
  spread = Lanes<A>{};
  for (std::int64_t c = 0; c < n; ++c) {
    const Lanes<A> v = load_strided(x + c * step, next, part);
    if (holds) held[c] = v;
    peak = max<A>(v, peak);
  }
  for (std::int64_t c = 0; c < n; ++c) sum += exp(logits(c) - peak);
  log_sum = log(sum);
  if (weights.spread != 0)
    for (std::int64_t c = 0; c < n; ++c) spread += ((peak - logits(c)) + log_sum) * weights.of(c);
}

std::int64_t chunk_of(std::int64_t n, std::int64_t unit) {
  const std::int64_t enough = 1 + elements_per_chunk / (unit > 0 ? unit : 1), fewest = (n + most_chunks - 1) / most_chunks;
  return enough > fewest ? enough : fewest;
}

template <class T>
void forward(const View& logits, const View& target, const View& weight, const CrossEntropyRule& rule, const View& loss,
             const View& statistics, const View& total) {
  using A = compute_t<T>;
  constexpr std::int64_t w = width<A>;
  const std::int64_t classes = logits.size(rule.class_dim), step = logits.stride(rule.class_dim);
  const Samples samples(logits, target, loss, rule.class_dim);
  const Walk<4> walk(samples.shape, samples.ndim, -1, {samples.logits, samples.target, samples.loss, samples.number});
  const Weights<T> weights(weight, rule, classes);
  const IndexValues labels(target);
  const T* x = logits.as<const T>();
  T* losses = loss.as<T>();
  A* peaks = statistics.as<A>();
  A* log_sums = peaks + target.numel;
  double sums[most_chunks] = {}, counts[most_chunks] = {};

  const auto finish = [&](const std::int64_t* offset, SampleLoss<A> s, double& sum, double& count) {
    const std::int64_t label = labels[offset[1]];
    const bool counts_for = label != weights.ignore;
    peaks[offset[3]] = s.peak;
    log_sums[offset[3]] = s.log_sum;
    if (!rule.reduced) losses[offset[2]] = static_cast<T>(counts_for ? s.loss : A(0));
    if (!counts_for) return;
    sum += static_cast<double>(s.loss);
    count += static_cast<double>(weights.of(label));
  };

  // Few classes would leave most lanes empty: then samples fill them, although their logits must be collected.
  const bool along = classes == 1 || (step == 1 && (classes > w || walk.inner < w));
  const std::int64_t tiles = (walk.inner + w - 1) / w, units = target.numel == 0 ? 0 : along ? target.numel : walk.count * tiles;
  const std::int64_t grain = chunk_of(units, along ? classes : classes * w);
  parallel_for(units, grain, [&](std::int64_t begin, std::int64_t end) {
    double sum = 0, count = 0;
    for (std::int64_t i = begin; i < end; ++i) {
      if (along) {
        const auto at = walk.slice(i);
        const std::int64_t label = labels[at.offset[1]];
        // an ignored sample still leaves its statistics: a replay gives the same bits
        finish(at.offset, sample_along(x + at.offset[0], classes, label == weights.ignore ? 0 : label, weights), sum, count);
        continue;
      }
      auto at = walk.run(i / tiles);
      const std::int64_t first = i % tiles * w, left = walk.inner - first < w ? walk.inner - first : w;
      for (int k = 0; k < 4; ++k) at.offset[k] += first * walk.inner_stride[k];
      const T* here = x + at.offset[0];
      const std::int64_t next = walk.inner_stride[0];
      Lanes<A> peak, log_sum, spread;
      if (left == w) samples_across(here, step, next, classes, Full{}, weights, peak, log_sum, spread);
      else samples_across(here, step, next, classes, Part{left}, weights, peak, log_sum, spread);
      for (std::int64_t lane = 0; lane < left; ++lane) {
        const std::int64_t label = labels[at.offset[1]];
        SampleLoss<A> s{peak[lane], log_sum[lane], 0};
        if (label != weights.ignore) {
          s.loss = weights.label * weights.of(label) * ((s.peak - static_cast<A>(here[lane * next + label * step])) + s.log_sum);
          s.loss += weights.spread * spread[lane];
        }
        finish(at.offset, s, sum, count);
        for (int k = 1; k < 4; ++k) at.offset[k] += walk.inner_stride[k];
      }
    }
    sums[begin / grain] = sum;
    counts[begin / grain] = count;
  });

  double sum = 0, count = 0;
  for (int i = 0; i < most_chunks; ++i) sum += sums[i], count += counts[i];
  *total.as<A>() = static_cast<A>(count);
  if (rule.reduced) *losses = static_cast<T>(static_cast<A>(rule.mean ? sum / count : sum));
}

/// What the gradient of one sample needs besides its logits.
template <class A>
struct SampleGrad {
  A peak, log_sum;
  A softmax;  ///< factor of exp(x - peak - log_sum)
  A spread;   ///< factor of w_c that is taken off every class
  A label;    ///< taken off the label's
};

template <class T, bool accumulate>
void grad_along(const T* x, T* out, std::int64_t n, std::int64_t label, const SampleGrad<compute_t<T>>& s, const T* w) {
  using A = compute_t<T>;
  const Lanes<A> peak = splat(s.peak), log_sum = splat(s.log_sum);
  const A before = accumulate ? static_cast<A>(out[label]) : A(0);
  each_vector<A>(n, [&](std::int64_t i, auto part, int) __attribute__((always_inline)) {
    Lanes<A> d = exp((load(x + i, part) - peak) - log_sum) * s.softmax;
    if (s.spread != 0) d -= w ? load(w + i, part) * s.spread : splat(s.spread);
    if constexpr (accumulate) d += load(out + i, part);
    store(out + i, d, part);
  });
  if constexpr (std::is_same_v<T, A>) {
    out[label] -= s.label;
  } else {  // softmax - 1 would lose everything if softmax were rounded to T first
    const A p = exp(splat((static_cast<A>(x[label]) - s.peak) - s.log_sum))[0] * s.softmax;
    out[label] = static_cast<T>(before + (p - (s.label + s.spread * (w ? static_cast<A>(w[label]) : A(1)))));
  }
}

template <class T, bool accumulate>
void backward(const View& grad_loss, const View& logits, const View& target, const View& weight, const View& statistics,
              const View& total, const CrossEntropyRule& rule, const View& grad_logits) {
  using A = compute_t<T>;
  constexpr std::int64_t w = width<A>;
  const std::int64_t classes = logits.size(rule.class_dim), step = logits.stride(rule.class_dim);
  const std::int64_t out_step = grad_logits.stride(rule.class_dim);
  const Samples samples(logits, target, grad_loss, rule.class_dim), outputs(grad_logits, target, grad_loss, rule.class_dim);
  const Walk<5> walk(samples.shape, samples.ndim, -1, {samples.logits, samples.target, samples.loss, samples.number, outputs.logits});
  const Weights<T> weights(weight, rule, classes);
  const IndexValues labels(target);
  const T* x = logits.as<const T>();
  const T* grad = grad_loss.as<const T>();
  T* out = grad_logits.as<T>();
  const A* peaks = statistics.as<const A>();
  const A* log_sums = peaks + target.numel;
  const A divisor = rule.reduced && rule.mean ? *total.as<const A>() : A(1);

  const auto sample = [&](const std::int64_t* offset, std::int64_t label) {
    const A scale = static_cast<A>(grad[offset[2]]) / divisor, own = weights.label * weights.of(label);
    return SampleGrad<A>{peaks[offset[3]], log_sums[offset[3]], scale * (own + weights.spread * weights.all), scale * weights.spread, scale * own};
  };

  const bool along = classes == 1 || (step == 1 && out_step == 1);
  const std::int64_t tiles = (walk.inner + w - 1) / w, units = along ? target.numel : walk.count * tiles;
  parallel_for(units, chunk_of(units, along ? classes : classes * w), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      if (along) {
        const auto at = walk.slice(i);
        const std::int64_t label = labels[at.offset[1]];
        T* to = out + at.offset[4];
        if (label != weights.ignore) {
          grad_along<T, accumulate>(x + at.offset[0], to, classes, label, sample(at.offset, label), weights.w);
        } else if constexpr (!accumulate) {
          for (std::int64_t c = 0; c < classes; ++c) to[c] = static_cast<T>(A(0));
        }
        continue;
      }
      auto at = walk.run(i / tiles);
      const std::int64_t first = i % tiles * w, left = walk.inner - first < w ? walk.inner - first : w;
      for (int k = 0; k < 5; ++k) at.offset[k] += first * walk.inner_stride[k];
      const T* here = x + at.offset[0];
      T* to = out + at.offset[4];
      const std::int64_t next = walk.inner_stride[0], out_next = walk.inner_stride[4];
      Lanes<A> peak{}, log_sum{}, softmax{}, spread{}, own{};
      IntLanes<A> label = IntLanes<A>{} - 1;  // -1: ignored
      for (std::int64_t lane = 0; lane < left; ++lane) {
        const std::int64_t here_label = labels[at.offset[1]];
        if (here_label != weights.ignore) {
          const SampleGrad<A> s = sample(at.offset, here_label);
          label[lane] = static_cast<detail::integer_as<A>>(here_label);
          peak[lane] = s.peak, log_sum[lane] = s.log_sum, softmax[lane] = s.softmax, spread[lane] = s.spread, own[lane] = s.label;
        }
        for (int k = 1; k < 4; ++k) at.offset[k] += walk.inner_stride[k];
      }
      const auto classes_of_tile = [&](auto part) __attribute__((always_inline)) {
        for (std::int64_t c = 0; c < classes; ++c) {
          Lanes<A> d = exp((load_strided(here + c * step, next, part) - peak) - log_sum) * softmax - spread * weights.of(c);
          d = label == static_cast<detail::integer_as<A>>(c) ? d - own : d;
          d = label < 0 ? Lanes<A>{} : d;  // a factor 0 would not do: exp may be NaN
          if constexpr (accumulate) d += load_strided<T>(to + c * out_step, out_next, part);
          store_strided(to + c * out_step, out_next, d, part);
        }
      };
      if (left == w) classes_of_tile(Full{});
      else classes_of_tile(Part{left});
    }
  });
}

template <class T>
void coefficients_of(const View& target, const View& weight, const CrossEntropyRule& rule, const View& coefficients) {
  using A = compute_t<T>;
  const std::int64_t classes = coefficients.size(rule.class_dim), step = coefficients.stride(rule.class_dim);
  const Samples samples(coefficients, target, target, rule.class_dim);
  const Walk<2> walk(samples.shape, samples.ndim, -1, {samples.logits, samples.target});
  const Weights<T> weights(weight, rule, classes);
  const IndexValues labels(target);
  double count = 0;
  for (std::int64_t i = 0; i < target.numel && rule.reduced && rule.mean; ++i) {
    const std::int64_t label = labels[walk.slice(i).offset[1]];
    if (label != weights.ignore) count += static_cast<double>(weights.of(label));
  }
  const A divisor = rule.reduced && rule.mean ? static_cast<A>(count) : A(1);
  for (std::int64_t i = 0; i < target.numel; ++i) {
    const auto at = walk.slice(i);
    const std::int64_t label = labels[at.offset[1]];
    T* to = coefficients.as<T>() + at.offset[0];
    for (std::int64_t c = 0; c < classes; ++c) {
      const A a = weights.spread * weights.of(c) + (c == label ? weights.label * weights.of(c) : A(0));
      to[c * step] = static_cast<T>(label == weights.ignore ? A(0) : a / divisor);
    }
  }
}

}  // namespace

void cross_entropy(const View& logits, const View& target, const View& weight, const CrossEntropyRule& rule, const View& loss,
                   const View& statistics, const View& total) {
  visit_floating(logits.dtype, [&](auto element) { forward<decltype(element)>(logits, target, weight, rule, loss, statistics, total); });
}

void cross_entropy_backward(const View& grad_loss, const View& logits, const View& target, const View& weight, const View& statistics,
                            const View& total, const CrossEntropyRule& rule, const View& grad_logits, bool accumulate) {
  if (logits.numel == 0) return;
  visit_floating(logits.dtype, [&](auto element) {
    using T = decltype(element);
    accumulate ? backward<T, true>(grad_loss, logits, target, weight, statistics, total, rule, grad_logits)
               : backward<T, false>(grad_loss, logits, target, weight, statistics, total, rule, grad_logits);
  });
}

void cross_entropy_coefficients(const View& target, const View& weight, const CrossEntropyRule& rule, const View& coefficients) {
  if (coefficients.numel == 0) return;
  visit_floating(coefficients.dtype, [&](auto element) { coefficients_of<decltype(element)>(target, weight, rule, coefficients); });
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
