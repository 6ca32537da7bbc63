#include "tasuki/ops/global_count.hpp"

#include <algorithm>
#include <atomic>

#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/tensor/random.hpp"

namespace tasuki {

namespace {
std::atomic<BatchCount*> current{nullptr};
}  // namespace

void BatchCount::gather(const double* mine, std::size_t count, double* all) { std::copy_n(mine, count, all); }

BatchCount* detail::batch_count() { return current.load(std::memory_order_relaxed); }

BatchCount* set_batch_count(BatchCount* count) { return current.exchange(count); }

bool detail::batch_is_spread() { return current.load(std::memory_order_relaxed) && grad_enabled(); }

double detail::share_of_batch(double mine) {
  if (!batch_is_spread()) return 1;
  const double total = current.load()->total(mine);
  return total > 0 ? mine / total : 0;
}

PhiloxState detail::reserve_mask(std::uint64_t words) {
  if (!batch_is_spread()) return default_generator().reserve(words);
  const PhiloxState drawn = default_generator().reserve(1);
  // A key of its own for each mask and process: mixed as in splitmix64, since keys that differ in one bit must give other words.
  std::uint64_t key = drawn.seed;
  for (const std::uint64_t part : {drawn.offset, static_cast<std::uint64_t>(current.load()->rank())}) {
    key += 0x9e3779b97f4a7c15u * (part + 1);
    key = (key ^ (key >> 30)) * 0xbf58476d1ce4e5b9u;
    key = (key ^ (key >> 27)) * 0x94d049bb133111ebu;
    key ^= key >> 31;
  }
  return {key, 0};
}

}  // namespace tasuki
