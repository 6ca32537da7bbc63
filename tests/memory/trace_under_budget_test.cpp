#include <string>

#include "src/memory/manager.hpp"
#include "src/memory/steps.hpp"
#include "tasuki/tasuki.hpp"
#include "tests/catch.hpp"
#include "tests/memory/recording.hpp"

namespace ts = tasuki;
using tasuki::memory::Policy;
using tasuki::memory::RecordedStep;
using ts::Tensor;

namespace {

/// Elementwise ops that save their results, and so can be dropped, over ones that nobody but a replay needs again.
struct Chain {
  Tensor x = ts::ones({512, 512}), w = ts::ones({512, 512}).requires_grad_();
  void step() const {
    w.zero_grad();
    Tensor h = x * w;
    for (int i = 0; i < 6; ++i) h = ts::tanh(h + x);
    h.sum().backward();
  }
};

/// The second of two equal steps without a budget.
struct Recorded {
  RecordedStep step;
  std::size_t peak;
};
Recorded record(const Chain& chain) {
  Recording r;
  chain.step();
  r.end();
  ts::memory::reset_peak(ts::Device::cpu());
  chain.step();
  r.end();
  return {r.recorder.ended(), ts::memory::stats(ts::Device::cpu()).peak_bytes};
}

struct Step {
  std::string trace;
  std::size_t base_bytes;
  std::uint64_t hash;
};
Step summary(const RecordedStep& step) { return {text_of(trace_of(step, ts::Device::cpu())), step.base_bytes, step.hash}; }

}  // namespace

TEST_CASE("a step within a budget has the trace that it has without one, whatever is moved meanwhile") {
  const Chain chain;
  const auto [recorded, peak] = record(chain);
  const Step free = summary(recorded);
  const std::size_t resting = ts::memory::stats(ts::Device::cpu()).current_bytes;
  for (const Policy policy : {Policy::keep, Policy::swap, Policy::recompute, Policy::automatic}) {
    INFO(name_of(policy));
    const std::size_t budget_bytes = policy == Policy::keep ? 2 * peak : resting + (peak - resting) * 6 / 10;
    ts::memory::Budget budget{ts::Device::cpu(), {.bytes = budget_bytes, .policy = policy}};
    for (int i = 0; i < 5; ++i) {
      chain.step();
      budget.mark();
      if (i == 0) continue;
      const Step step = summary(tasuki::memory::Manager::of(ts::Device::cpu()).steps().recorder().ended());
      CHECK(step.hash == free.hash);
      CHECK(step.trace == free.trace);
      CHECK(step.base_bytes <= free.base_bytes + 4096);
    }
    std::size_t dropped = 0;
    for (const auto& d : budget.report().departures) dropped += d.dropped_bytes;
    if (policy != Policy::automatic) CHECK((dropped > 0) == (policy == Policy::recompute));  // which it takes depends on what was measured
  }
}

TEST_CASE("what has left for the sake of a step is no part of its base") {
  const Chain chain;
  const auto [free, peak] = record(chain);
  const std::size_t spare = std::size_t{1} << 20;
  const Tensor of_others = ts::ones({1 << 20});  // 4 MiB
  ts::memory::Budget budget{ts::Device::cpu(), {.bytes = peak + spare, .policy = Policy::swap}};
  for (int i = 0; i < 3; ++i) {
    ts::sum(of_others);
    budget.mark();
    chain.step();
    budget.mark();
  }
  const RecordedStep& step = tasuki::memory::Manager::of(ts::Device::cpu()).steps().recorder().ended();
  CHECK(step.launches.size() > 10);
  CHECK(step.base_bytes <= free.base_bytes + spare);
}
