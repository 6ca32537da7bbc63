#include "kernels/histogram.hpp"

#include <algorithm>
#include <type_traits>

#include "kernels/parallel.hpp"
#include "kernels/visit.hpp"

namespace tasuki::kernels::cpu {
namespace {

/// Elements per row of counts in the workspace.
std::int64_t grain_of(std::int64_t elements, std::int64_t bins) { return std::max<std::int64_t>({16384, bins, (elements + 31) / 32}); }
std::int64_t rows_of(std::int64_t elements, std::int64_t bins) {
  const std::int64_t grain = grain_of(elements, bins);
  return (elements + grain - 1) / grain;
}

}  // namespace

std::size_t histogram_workspace(std::int64_t elements, std::int64_t bins) {
  return static_cast<std::size_t>(rows_of(elements, bins) * bins) * sizeof(std::int64_t);
}

void histogram(const View& x, double low, double high, const View& counts, void* workspace) {
  const std::int64_t bins = counts.numel, rows = rows_of(x.numel, bins), grain = grain_of(x.numel, bins);
  std::int64_t *parts = static_cast<std::int64_t*>(workspace), *out = counts.as<std::int64_t>();
  std::fill_n(parts, rows * bins, std::int64_t{0});
  visit_floating(x.dtype, [&](auto element) {
    using T = decltype(element);
    const T* from = x.as<const T>();
    parallel_for(x.numel, grain, [&](std::int64_t begin, std::int64_t end) {
      std::int64_t* row = parts + begin / grain * bins;
      for (std::int64_t i = begin; i < end; ++i) {
        const double v = static_cast<std::conditional_t<std::is_same_v<T, double>, double, float>>(from[i]);
        if (!(v >= low && v <= high)) continue;
        const auto bin = static_cast<std::int64_t>((v - low) * static_cast<double>(bins) / (high - low));
        ++row[std::min(bin, bins - 1)];
      }
    });
  });
  for (std::int64_t b = 0; b < bins; ++b) {
    out[b] = 0;
    for (std::int64_t r = 0; r < rows; ++r) out[b] += parts[r * bins + b];
  }
}

}  // namespace tasuki::kernels::cpu
