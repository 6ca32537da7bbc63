#pragma once
#include <cstdint>

#include "kernels/cross_entropy.hpp"
#include "kernels/index_values.hpp"
#include "kernels/lanes.hpp"

/// What the kernels of losses over class labels share.
namespace tasuki::kernels::cpu::TASUKI_ISA {

/// The logits [N, C, ...] seen as samples: the target's shape, and everything's strides over it.
struct Samples {
  std::int64_t shape[8], logits[8], target[8], loss[8], number[8];
  int ndim = 0;
  Samples(const View& x, const View& t, const View& l, int class_dim) {
    std::int64_t row_major = 1;
    for (int d = x.ndim - 1; d >= 0; --d) {
      if (d == class_dim) continue;
      const int at = d < class_dim ? d : d - 1;
      shape[at] = x.shape[d];
      logits[at] = x.strides[d];
      target[at] = t.strides[at];
      loss[at] = l.ndim ? l.strides[at] : 0;
      number[at] = row_major;
      row_major *= x.shape[d];
      ++ndim;
    }
  }
};

/// The parts of a rule in the type of the computation.
template <class T>
struct Weights {
  using A = compute_t<T>;
  const T* w;
  A label, spread, all;  ///< 1 - s, s / C, sum of w
  std::int64_t ignore;
  Weights(const View& weight, const CrossEntropyRule& rule, std::int64_t classes)
      : w(weight ? weight.as<const T>() : nullptr),
        label(static_cast<A>(1 - rule.label_smoothing)),
        spread(static_cast<A>(rule.label_smoothing / static_cast<double>(classes))),
        all(static_cast<A>(classes)),
        ignore(rule.ignore_index) {
    if (!w) return;
    all = 0;
    for (std::int64_t c = 0; c < classes; ++c) all += of(c);
  }
  A of(std::int64_t c) const { return w ? static_cast<A>(w[c]) : A(1); }
};

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
