// From the third equal step on a plan decides; on a simulated device the step then takes the memory that it predicts.
#include "tests/catch.hpp"
#include "tests/memory/training.hpp"

namespace ts = tasuki;
using namespace ts::literals;
using ts::memory::Policy;

namespace {

struct Tower : ts::nn::Module {
  ts::nn::Sequential body{this, "body"};
  Tower() {
    for (int i = 0; i < 8; ++i) {
      body.append(ts::nn::Linear{128, 128});
      body.append(ts::nn::BatchNorm1d{128});
      body.append(ts::nn::ReLU{});
    }
  }
  ts::Tensor operator()(const ts::Tensor& x) { return body(x); }
};

struct PlannedRun {
  std::size_t keep_peak = 0, peak = 0;
  ts::memory::Report reactive, planned;
};

/// Two steps to record, and five to follow the plan.
PlannedRun train(ts::Device device, Policy policy, double fraction) {
  PlannedRun result;
  std::size_t bytes = 0;
  for (const bool bounded : {false, true}) {
    ts::manual_seed(1);
    Tower net;
    net.to(device);
    ts::optim::SGD opt{net.parameters(), {.lr = 0.01}};
    const ts::Tensor x = ts::randn({512, 128}).to(device);
    const auto step = [&] {
      opt.zero_grad();
      const ts::Tensor y = net(x);
      ts::mean(y * y).backward();
      opt.step();
    };
    ts::memory::reset_peak(device);
    std::optional<ts::memory::Budget> budget;
    if (bounded) budget.emplace(device, ts::memory::BudgetOptions{.bytes = bytes, .policy = policy});
    for (int i = 0; i < 2; ++i) step();
    if (!bounded) {
      result.keep_peak = ts::memory::stats(device).peak_bytes;
      bytes = static_cast<std::size_t>(fraction * static_cast<double>(result.keep_peak));
      continue;
    }
    result.reactive = budget->report();
    ts::memory::reset_peak(device);
    for (int i = 0; i < 5; ++i) step();
    result.planned = budget->report();
    result.peak = ts::memory::stats(device).peak_bytes;
    CHECK(budget->plan_json().find("\"decisions\"") != std::string::npos);
    CHECK(budget->plan_table().find("activation") != std::string::npos);
    CHECK(budget->plan_timeline().find("\"traceEvents\"") != std::string::npos);
    CHECK(result.peak <= bytes);
  }
  return result;
}

}  // namespace

TEST_CASE("planned steps: the predicted peak is the measured one, nothing is improvised, and the host never waits") {
  const ts::Device device = ts::Device::sim(2, {.bytes = 256_MiB});
  for (const Policy policy : {Policy::swap, Policy::recompute, Policy::automatic})
    for (const double fraction : {0.8, 0.6, 0.5}) {
      CAPTURE(ts::memory::name_of(policy), fraction);
      const PlannedRun s = train(device, policy, fraction);
      INFO(s.planned.to_string());
      CHECK(s.planned.planned_steps == 5);
      // Storages too small to be moved count as if they were always there: some statistics and sums here.
      CHECK(s.peak <= s.planned.predicted_peak_bytes);
      CHECK(s.peak + 8_KiB > s.planned.predicted_peak_bytes);
      CHECK(s.planned.forced_departures == s.reactive.forced_departures);
      CHECK(s.planned.late_arrivals == s.reactive.late_arrivals);
      CHECK(s.planned.host_synchronizations == 0);
    }
}

TEST_CASE("planned steps: on the CPU, within the budget and by the plan") {
  for (const Policy policy : {Policy::swap, Policy::recompute, Policy::automatic}) {
    CAPTURE(ts::memory::name_of(policy));
    const PlannedRun s = train(ts::Device::cpu(), policy, 0.6);
    INFO(s.planned.to_string());
    CHECK(s.planned.planned_steps == 5);
    CHECK(s.planned.forced_departures == s.reactive.forced_departures);
  }
}
