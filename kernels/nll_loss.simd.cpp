#include "kernels/nll_loss.hpp"

#include "kernels/labelled_samples.hpp"
#include "kernels/visit_floating.hpp"
#include "kernels/walk.hpp"

// One element per sample is read: serial, and a sum in f64 in the order of the samples.

namespace tasuki::kernels::cpu::TASUKI_ISA {
namespace {

template <class T>
void forward(const View& x, const View& target, const View& weight, const CrossEntropyRule& rule, const View& loss, const View& total) {
  using A = compute_t<T>;
  const std::int64_t step = x.stride(rule.class_dim);
  const Samples samples(x, target, loss, rule.class_dim);
  const Walk<3> walk(samples.shape, samples.ndim, -1, {samples.logits, samples.target, samples.loss});
  const Weights<T> weights(weight, rule, x.size(rule.class_dim));
  const IndexValues labels(target);
  double sum = 0, count = 0;
  for (std::int64_t i = 0; i < target.numel; ++i) {
    const auto at = walk.slice(i);
    const std::int64_t label = labels[at.offset[1]];
    A one = 0;
    if (label != weights.ignore) {
      one = -weights.of(label) * static_cast<A>(x.as<const T>()[at.offset[0] + label * step]);
      sum += static_cast<double>(one);
      count += static_cast<double>(weights.of(label));
    }
    if (!rule.reduced) loss.as<T>()[at.offset[2]] = static_cast<T>(one);
  }
  *total.as<A>() = static_cast<A>(count);
  if (rule.reduced) *loss.as<T>() = static_cast<T>(static_cast<A>(rule.mean ? sum / count : sum));
}

template <class T>
void backward(const View& grad_loss, const View& target, const View& weight, const View& total, const CrossEntropyRule& rule,
              const View& grad_x, bool accumulate) {
  using A = compute_t<T>;
  const std::int64_t step = grad_x.stride(rule.class_dim);
  const Samples samples(grad_x, target, grad_loss, rule.class_dim);
  const Walk<3> walk(samples.shape, samples.ndim, -1, {samples.logits, samples.target, samples.loss});
  const Weights<T> weights(weight, rule, grad_x.size(rule.class_dim));
  const IndexValues labels(target);
  const A divisor = rule.reduced && rule.mean ? *total.as<const A>() : A(1);
  if (!accumulate) __builtin_memset(grad_x.data, 0, grad_x.bytes());
  for (std::int64_t i = 0; i < target.numel; ++i) {
    const auto at = walk.slice(i);
    const std::int64_t label = labels[at.offset[1]];
    if (label == weights.ignore) continue;
    T& to = grad_x.as<T>()[at.offset[0] + label * step];
    to = static_cast<T>(static_cast<A>(to) - weights.of(label) * static_cast<A>(grad_loss.as<const T>()[at.offset[2]]) / divisor);
  }
}

}  // namespace

void nll_loss(const View& x, const View& target, const View& weight, const CrossEntropyRule& rule, const View& loss, const View& total) {
  visit_floating(x.dtype, [&](auto element) { forward<decltype(element)>(x, target, weight, rule, loss, total); });
}

void nll_loss_backward(const View& grad_loss, const View& target, const View& weight, const View& total, const CrossEntropyRule& rule,
                       const View& grad_x, bool accumulate) {
  if (grad_x.numel == 0) return;
  visit_floating(grad_x.dtype, [&](auto element) { backward<decltype(element)>(grad_loss, target, weight, total, rule, grad_x, accumulate); });
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
