#include "kernels/histogram.hpp"

#include <algorithm>
#include <type_traits>
#include <vector>

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

/// counts[b] = the elements whose bin is b; a negative bin is none.
template <class T, class BinOf>
void count_bins(const View& x, const View& counts, void* workspace, BinOf bin_of) {
  const std::int64_t bins = counts.numel, rows = rows_of(x.numel, bins), grain = grain_of(x.numel, bins);
  std::int64_t *parts = static_cast<std::int64_t*>(workspace), *out = counts.as<std::int64_t>();
  std::fill_n(parts, rows * bins, std::int64_t{0});
  const T* from = x.as<const T>();
  parallel_for(x.numel, grain, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t* row = parts + begin / grain * bins;
    for (std::int64_t i = begin; i < end; ++i)
      if (const std::int64_t bin = bin_of(from[i]); bin >= 0) ++row[bin];
  });
  for (std::int64_t b = 0; b < bins; ++b) {
    out[b] = 0;
    for (std::int64_t r = 0; r < rows; ++r) out[b] += parts[r * bins + b];
  }
}

}  // namespace

std::size_t histogram_workspace(std::int64_t elements, std::int64_t bins) {
  return static_cast<std::size_t>(rows_of(elements, bins) * bins) * sizeof(std::int64_t);
}

IntegerRange integer_range(const View& x) {
  constexpr std::int64_t length = 1 << 16;
  std::vector<IntegerRange> parts(static_cast<std::size_t>((x.numel + length - 1) / length));
  parallel_for(x.numel, length, [&](std::int64_t begin, std::int64_t end) {
    parts[static_cast<std::size_t>(begin / length)] =
        TASUKI_ON_ISA(range_of_integers)(x.dtype, x.as<const char>() + begin * static_cast<std::int64_t>(size_of(x.dtype)), end - begin);
  });
  IntegerRange all = parts[0];
  for (const IntegerRange& part : parts) all = {std::min(all.low, part.low), std::max(all.high, part.high)};
  return all;
}

void count_values(const View& x, const View& counts, void* workspace) {
  visit_index(x.dtype, [&]<class T>(T) {
    count_bins<T>(x, counts, workspace, [](T v) { return static_cast<std::int64_t>(v); });
  });
}

void histogram(const View& x, double low, double high, const View& counts, void* workspace) {
  const std::int64_t bins = counts.numel;
  const double scale = static_cast<double>(bins);
  visit_floating(x.dtype, [&]<class T>(T) {
    const auto bin_of = [=](T element) -> std::int64_t {
      const double v = static_cast<std::conditional_t<std::is_same_v<T, double>, double, float>>(element);
      if (!(v >= low && v <= high)) return -1;
      return std::min(static_cast<std::int64_t>((v - low) * scale / (high - low)), bins - 1);
    };
    count_bins<T>(x, counts, workspace, bin_of);
  });
}

}  // namespace tasuki::kernels::cpu
