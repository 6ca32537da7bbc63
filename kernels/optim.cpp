#include "kernels/optim.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/parallel.hpp"
#include "tasuki/runtime/threads.hpp"

namespace tasuki::kernels::cpu {

namespace {

constexpr std::int64_t chunk_elements = 32768;  // about 20 us of Adam: worth waking a thread for

/// Calls f(range, begin, end, chunk number) for chunks that cover all ranges. Each thread takes its share of every long range, the
/// first the front and so on, as the matrix product that wrote a gradient did: what a core wrote, it still has in its cache.
template <class Range, class F>
void over_chunks(const Range* ranges, std::size_t count, F f) {
  struct Chunk {
    const Range* range;
    std::int64_t begin, end;
    std::size_t number;
  };
  std::int64_t total = 0;
  for (std::size_t r = 0; r < count; ++r) total += ranges[r].count;
  const std::int64_t worth_waking = (total + chunk_elements - 1) / chunk_elements;
  const auto threads = static_cast<std::size_t>(std::clamp<std::int64_t>(worth_waking, 1, num_threads()));
  std::vector<std::vector<Chunk>> shares(threads);
  std::vector<std::int64_t> filled(threads);
  std::size_t number = 0;
  for (std::size_t r = 0; r < count; ++r) {
    const auto chunks = static_cast<std::size_t>((ranges[r].count + chunk_elements - 1) / chunk_elements);
    for (std::size_t c = 0; c < chunks; ++c) {
      const std::int64_t begin = static_cast<std::int64_t>(c) * chunk_elements, end = std::min(begin + chunk_elements, ranges[r].count);
      const auto least = static_cast<std::size_t>(std::min_element(filled.begin(), filled.end()) - filled.begin());
      const std::size_t share = chunks < threads ? least : c * threads / chunks;
      shares[share].push_back({&ranges[r], begin, end, number++});
      filled[share] += end - begin;
    }
  }
  parallel_for(static_cast<std::int64_t>(threads), 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t s = first; s < last; ++s)
      for (const Chunk& c : shares[static_cast<std::size_t>(s)]) f(*c.range, c.begin, c.end, c.number);
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
