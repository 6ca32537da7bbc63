// Redundancy taken out, within a memory budget: the bits of training without one, whatever each process' budget makes it do.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <vector>

#include "src/core/sanitized.hpp"
#include "src/memory/manager.hpp"
#include "src/memory/steps.hpp"
#include "tests/memory/random_plan.hpp"
#include "tests/mpi/ranks.hpp"

namespace ts = tasuki;
using ts::memory::BudgetOptions;
using ts::memory::Policy;
using namespace ts::literals;

namespace {

/// Six buckets of 260 kB, each with a layer, and small parameters beside them.
struct Deep : ts::nn::Module {
  ts::nn::Linear a{this, "a", 256, 256}, b{this, "b", 256, 256}, c{this, "c", 256, 256}, d{this, "d", 256, 256}, e{this, "e", 256, 256}, f{this, "f", 256, 256};
  ts::nn::Parameter gain{this, "gain", ts::ones({256})};
  ts::Tensor operator()(const ts::Tensor& x, double dropout, bool by_hand) {
    ts::Tensor h = x;
    for (ts::nn::Linear* layer : {&a, &b, &c, &d, &e, &f}) {
      const auto block = [&](const ts::Tensor& from) { return ts::dropout(ts::gelu((*layer)(from) * gain), dropout, dropout > 0) + from; };
      h = by_hand ? ts::checkpoint(block, h) : block(h);
    }
    return ts::mse_loss(h, ts::zeros_like(h));
  }
};

constexpr int steps = 16;

struct Run {
  std::vector<double> losses;
  std::vector<float> values;
  std::optional<ts::memory::Report> report;
};

struct Setting {
  std::optional<int> stage;  ///< none: this process alone trains on everything
  std::optional<BudgetOptions> budget = {};
  double dropout = 0;
  bool random_plans = false, checkpoints_by_hand = false;
  bool late = false;  ///< the budget comes when gradients and parameters are shared or spread already
};

/// Batches of two sizes, then gradients accumulated from two passes, and an evaluation in between: steps of several kinds, each seen
/// often enough to be planned.
Run train(const ts::dist::World& world, const Setting& s) {
  ts::memory::release_cached(ts::Device::cpu());
  ts::manual_seed(4);
  Deep net;
  ts::optim::AdamW opt{net.parameters(), {.lr = 1e-3}};
  std::optional<ts::memory::Budget> budget;
  const auto limit = [&] {
    if (!s.budget) return;
    budget.emplace(ts::Device::cpu(), *s.budget);
    if (s.random_plans) ts::memory::Manager::of(ts::Device::cpu()).steps().plan_with(&ts::memory::random_plan);
  };
  if (!s.late) limit();
  std::optional<ts::dist::DataParallel> parallel;
  if (s.stage) parallel.emplace(world, net, opt, ts::dist::DataParallelOptions{.bucket_bytes = 260_KiB, .zero = *s.stage});
  if (s.late) limit();
  const int n = s.stage ? world.size() : 1, r = s.stage ? world.rank() : 0;
  Run run;
  const auto share = [&](std::uint64_t seed, int rows) {
    ts::Generator random{seed};
    const ts::Tensor all = ts::randn({rows, 256}, {}, &random);
    return all.slice(0, rows * r / n, rows * (r + 1) / n).clone();
  };
  for (int step = 0; step < steps; ++step) {
    const int rows = step % 2 ? 360 : 258, passes = step >= 11 ? 2 : 1;
    opt.zero_grad();
    double loss = 0;
    for (int pass = 0; pass < passes; ++pass) {
      std::optional<ts::dist::DataParallel::NoSync> later;
      if (parallel && pass + 1 < passes) later.emplace(*parallel);
      const ts::Tensor term = net(share(static_cast<std::uint64_t>(2 * step + pass), rows), s.dropout, s.checkpoints_by_hand);
      term.backward();
      loss += term.item<float>();
    }
    opt.step();
    if (step == 8) {
      const ts::NoGrad off;
      const ts::Tensor mine = share(1000, 360);  // without gradients a mean is that of this process
      loss += net(mine, 0, false).item<float>() * static_cast<double>(mine.size(0)) / 360;
    }
    run.losses.push_back(s.stage ? world.sum(loss) : loss);
  }
  if (budget) run.report = budget->report();
  budget.reset();
  std::optional<ts::dist::DataParallel::WholeParameters> whole;
  if (parallel) whole.emplace(*parallel);
  for (const ts::Tensor& p : net.parameters()) {
    const auto v = p.detach().to_vector<float>();
    run.values.insert(run.values.end(), v.begin(), v.end());
  }
  return run;
}

void check_same(const Run& limited, const Run& free, const Setting& s) {
  CHECK(limited.losses == free.losses);
  CHECK(limited.values == free.values);
  if (!s.budget) return;
  const ts::memory::Report& report = *limited.report;
  CHECK(report.peak_bytes <= s.budget->bytes);
  CHECK(report.planned_steps > 0);
}

}  // namespace

void zero_budget(const ts::dist::World& world) {
  const auto r = static_cast<std::size_t>(world.rank());
  const auto within = [](std::size_t bytes, Policy policy = Policy::automatic, std::uint64_t seed = 0) {
    return BudgetOptions{.bytes = bytes, .file_bytes = 64_MiB, .policy = policy, .seed = seed};
  };
  const Run alone = train(world, {});
  for (const int stage : {0, 1, 2, 3}) {
    const Run free = train(world, {stage});
    for (std::size_t i = 0; i < alone.losses.size(); ++i) CHECK(std::fabs(free.losses[i] - alone.losses[i]) <= 1e-6 * alone.losses[i]);
    const double parameters = 6 * 257 * 256 + 256, formula = (stage == 0 ? 16 : stage == 1 ? 8 + 8.0 / world.size() : stage == 2 ? 4 + 12.0 / world.size() : 16.0 / world.size()) * parameters;
    const std::size_t least = static_cast<std::size_t>(0.6 * formula) + (ts::address_sanitized ? 6_MiB : 3_MiB);  // whose blocks take more
    const Setting equal{stage, within(least)};
    const Run limited = train(world, equal);
    check_same(limited, free, equal);
    std::size_t moved = 0;
    for (const auto& d : limited.report->departures) moved += d.swapped_bytes + d.dropped_bytes;
    CHECK(moved > 0 || ts::address_sanitized);  // it did not simply fit
    if (world.rank() == 0)
      std::printf("zero = %d on %d processes: peak %.2f of %.2f MB, %llu of %llu steps planned, %llu evictions that no plan foresaw\n", stage, world.size(), static_cast<double>(limited.report->peak_bytes) / 1e6, static_cast<double>(least) / 1e6,
                  static_cast<unsigned long long>(limited.report->planned_steps), static_cast<unsigned long long>(limited.report->steps), static_cast<unsigned long long>(limited.report->forced_departures));
    // Each process has another budget and another policy; the last one has none.
    constexpr Policy policies[] = {Policy::automatic, Policy::swap};
    Setting different{stage, within(least + r * 512_KiB, policies[r % 2])};
    if (world.rank() + 1 == world.size()) different.budget.reset();
    check_same(train(world, different), free, different);
    Setting later = equal;
    later.late = true;
    check_same(train(world, later), free, later);
    if (stage < 3) continue;
    // Each follows plans made by chance, of its own.
    for (const std::uint64_t seed : {1, 2}) {
      const Setting chance{stage, within(least + 4_MiB * (seed % 2), Policy::automatic, 10 * seed + r), 0, true};
      check_same(train(world, chance), free, chance);
    }
    const Setting masks{stage, std::nullopt, 0.2};
    const Run dropped = train(world, masks);
    Setting limited_masks{stage, within(least + r * 512_KiB), 0.2};
    limited_masks.late = true;
    check_same(train(world, limited_masks), dropped, limited_masks);
    // What a checkpoint by hand may drop depends on nobody's budget.
    Setting by_hand{stage, std::nullopt, 0, false, true};
    check_same(train(world, by_hand), free, by_hand);
    if (world.rank() > 0) by_hand.budget = within(least);
    check_same(train(world, by_hand), free, by_hand);
  }
}
