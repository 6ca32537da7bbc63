#include "kernels/optim.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/parallel.hpp"

namespace tasuki::kernels::cpu {

namespace {

constexpr std::int64_t chunk_elements = 32768;  // about 20 us of Adam: worth waking a thread for

/// Calls f(range, begin, end, chunk number) for chunks that cover all ranges, several short ranges on one thread.
template <class Range, class F>
void over_chunks(const Range* ranges, std::size_t count, F f) {
  struct Chunk {
    const Range* range;
    std::int64_t begin, end;
  };
  std::vector<Chunk> chunks;
  std::vector<std::int64_t> group_ends;  // groups of chunks of about chunk_elements together: what one thread takes at a time
  std::int64_t filled = 0;
  for (std::size_t r = 0; r < count; ++r)
    for (std::int64_t begin = 0; begin < ranges[r].count; begin += chunk_elements) {
      const std::int64_t end = std::min(begin + chunk_elements, ranges[r].count);
      if (filled + (end - begin) > chunk_elements && filled > 0) {
        group_ends.push_back(static_cast<std::int64_t>(chunks.size()));
        filled = 0;
      }
      chunks.push_back({&ranges[r], begin, end});
      filled += end - begin;
    }
  if (filled > 0) group_ends.push_back(static_cast<std::int64_t>(chunks.size()));
  parallel_for(static_cast<std::int64_t>(group_ends.size()), 1, [&](std::int64_t first, std::int64_t last) {
    const std::int64_t from = first == 0 ? 0 : group_ends[static_cast<std::size_t>(first - 1)];
    const std::int64_t to = group_ends[static_cast<std::size_t>(last - 1)];
    for (std::int64_t c = from; c < to; ++c) {
      const Chunk& chunk = chunks[static_cast<std::size_t>(c)];
      f(*chunk.range, chunk.begin, chunk.end, static_cast<std::size_t>(c));
    }
  });
}

}  // namespace

void sgd_step(DType dtype, const OptimizerRange* ranges, std::size_t count, const SgdRule& rule) {
  const auto update = TASUKI_ON_ISA(sgd_chunk);
  over_chunks(ranges, count, [&](const OptimizerRange& r, std::int64_t begin, std::int64_t end, std::size_t) {
    update(dtype, r, begin, end, rule);
  });
}

void adam_step(DType dtype, const OptimizerRange* ranges, std::size_t count, const AdamRule& rule) {
  const auto update = TASUKI_ON_ISA(adam_chunk);
  over_chunks(ranges, count, [&](const OptimizerRange& r, std::int64_t begin, std::int64_t end, std::size_t) {
    const double t = static_cast<double>(r.step);
    const AdamScalars a{rule.beta1, rule.beta2, rule.eps, rule.lr / (1 - std::pow(rule.beta1, t)), 1 / std::sqrt(1 - std::pow(rule.beta2, t)),
                        rule.decoupled ? 1 - rule.lr * rule.weight_decay : 1, rule.decoupled ? 0 : rule.weight_decay, rule.maximize ? -1.0 : 1.0};
    update(dtype, r, begin, end, a, rule.amsgrad);
  });
}

void power_sums(const ElementRange* ranges, std::size_t count, double p, double* sums) {
  std::size_t chunks = 0;
  for (std::size_t r = 0; r < count; ++r) chunks += static_cast<std::size_t>((ranges[r].count + chunk_elements - 1) / chunk_elements);
  std::vector<double> parts(chunks);
  const auto measure = TASUKI_ON_ISA(power_sum_chunk);
  over_chunks(ranges, count, [&](const ElementRange& r, std::int64_t begin, std::int64_t end, std::size_t c) { parts[c] = measure(r, begin, end, p); });
  const double* part = parts.data();
  for (std::size_t r = 0; r < count; ++r) {
    const auto own = static_cast<std::size_t>((ranges[r].count + chunk_elements - 1) / chunk_elements);
    sums[r] = joined_power_sums(part, own, p);
    part += own;
  }
}

double joined_power_sums(const double* sums, std::size_t count, double p) {
  double total = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (std::isinf(p)) total = sums[i] > total || std::isnan(sums[i]) ? sums[i] : total;  // a NaN, once met, compares false from then on
    else total += sums[i];
  }
  return total;
}

void scale(const ElementRange* ranges, std::size_t count, double factor) {
  const auto change = TASUKI_ON_ISA(scale_chunk);
  over_chunks(ranges, count, [&](const ElementRange& r, std::int64_t begin, std::int64_t end, std::size_t) { change(r, begin, end, factor); });
}

void clamp(const ElementRange* ranges, std::size_t count, double low, double high) {
  const auto change = TASUKI_ON_ISA(clamp_chunk);
  over_chunks(ranges, count, [&](const ElementRange& r, std::int64_t begin, std::int64_t end, std::size_t) { change(r, begin, end, low, high); });
}

}  // namespace tasuki::kernels::cpu
