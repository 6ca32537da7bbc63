#include "kernels/multilabel_margin.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "kernels/check_indices.hpp"
#include "kernels/parallel.hpp"
#include "kernels/visit.hpp"

namespace tasuki::kernels::cpu {
namespace {

/// The labels of a row, and its scores where those of the labels are so low that they lose against any margin.
template <class T>
struct Sample {
  std::vector<std::size_t> labels;
  std::vector<T> others;

  template <class I>
  void read(const T* x, const I* label, std::int64_t classes) {
    labels.clear();
    for (std::int64_t i = 0; i < classes && label[i] >= 0; ++i) labels.push_back(static_cast<std::size_t>(label[i]));
    others.assign(x, x + classes);
    for (const std::size_t l : labels) others[l] = -std::numeric_limits<T>::infinity();
  }
};

/// Calls f(row, its scores, sample) for each row.
template <class F>
void for_samples(const View& x, const View& labels, F&& f) {
  check_indices(labels, x.size(1), "label", "labels", -1);
  const std::int64_t classes = x.size(1), grain = 1 + 4096 / std::max<std::int64_t>(classes, 1);
  const auto run = [&]<class T>(T) {
    visit_index(labels.dtype, [&]<class I>(I) {
      parallel_for(x.size(0), grain, [&](std::int64_t begin, std::int64_t end) {
        Sample<T> sample;
        for (std::int64_t r = begin; r < end; ++r) {
          const T* row = x.as<const T>() + r * classes;
          sample.read(row, labels.as<const I>() + r * classes, classes);
          f(r, row, sample);
        }
      });
    });
  };
  if (x.dtype == DType::f64) run(double{});
  else run(float{});
}

}  // namespace

void multilabel_margin(const View& x, const View& labels, const View& losses) {
  for_samples(x, labels, [&]<class T>(std::int64_t r, const T* row, const Sample<T>& sample) {
    double total = 0;
    for (const std::size_t l : sample.labels)
      for (const T other : sample.others) {
        const T excess = T(1) - row[l] + other;
        total += excess > T(0) || excess != excess ? static_cast<double>(excess) : 0;
      }
    losses.as<T>()[r] = static_cast<T>(total / static_cast<double>(sample.others.size()));
  });
}

void multilabel_margin_slopes(const View& x, const View& labels, const View& slopes) {
  for_samples(x, labels, [&]<class T>(std::int64_t r, const T* row, const Sample<T>& sample) {
    const std::size_t classes = sample.others.size();
    const T share = T(1) / static_cast<T>(classes);
    T* to = slopes.as<T>() + r * static_cast<std::int64_t>(classes);
    std::fill_n(to, classes, T(0));
    for (const std::size_t l : sample.labels) {
      T count = 0;
      for (std::size_t c = 0; c < classes; ++c) {
        const T counts = T(1) - row[l] + sample.others[c] > T(0) ? T(1) : T(0);
        to[c] += counts;
        count += counts;
      }
      to[l] -= count;
    }
    for (std::size_t c = 0; c < classes; ++c) to[c] *= share;
  });
}

}  // namespace tasuki::kernels::cpu
