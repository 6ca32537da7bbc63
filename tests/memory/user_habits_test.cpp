// What users do without thinking of a budget: buffers that are used again, writes into what has just left, graphs that are never
// the same, evaluations between epochs, thousands of steps.
#include <malloc.h>

#include <cstring>
#include <functional>
#include <set>

#include "src/memory/manager.hpp"
#include "tests/catch.hpp"
#include "tests/memory/devices.hpp"
#include "tests/memory/training.hpp"

namespace ts = tasuki;
using namespace ts::literals;
using namespace ts::memory;
using namespace testing_memory;

namespace {

constexpr Policy policies[] = {Policy::swap, Policy::recompute, Policy::automatic};

/// Runs a program within part of what it takes, with each policy, and expects the same bits. What cannot be computed again may be too
/// much for a policy that does nothing else.
std::vector<Report> same_bits(Program program, ts::Device device, double part, bool recompute_may_fail = false) {
  const Run keep = run(program, device, std::nullopt);
  std::vector<Report> reports;
  for (const Policy policy : policies) {
    CAPTURE(device.to_string(), ts::memory::name_of(policy));
    try {
      const Run bounded = run(program, device, BudgetOptions{.bytes = static_cast<std::size_t>(part * static_cast<double>(keep.peak)), .policy = policy});
      INFO(bounded.report.to_string());
      CHECK(bounded.moved_bytes > 0);
      REQUIRE(bounded.numbers.size() == keep.numbers.size());
      CHECK(std::memcmp(bounded.numbers.data(), keep.numbers.data(), keep.numbers.size() * sizeof(float)) == 0);
      reports.push_back(bounded.report);
    } catch (const ts::OutOfMemory& error) {
      INFO(error.what());
      CHECK((recompute_may_fail && policy == Policy::recompute));
    }
  }
  return reports;
}

/// Fills the memory of a batch as a loader does, behind the back of everybody but its handle.
void refill(ts::Tensor& batch, int step) {
  const auto to = batch.data<float>();
  for (std::int64_t i = 0; i < batch.numel(); ++i) to[i] = static_cast<float>((i * 7 + step * 13) % 101) / 101 - 0.5f;
}

/// Sums save nothing, so the batch may change between forward and backward, as far as autograd is concerned.
void reused_buffer(ts::Device device, Notes& notes, ts::Tensor batch, const std::function<void(int)>& fill) {
  ts::Tensor w = ts::randn({256, 512}).to(device).requires_grad_();
  ts::optim::SGD opt{{w}, {.lr = 0.01}};
  for (int step = 0; step < 6; ++step) {
    fill(step);
    opt.zero_grad();
    ts::Tensor h = batch + w;
    for (int i = 0; i < 6; ++i) h = ts::tanh(h + batch);
    fill(step + 1);  // the next batch is read ahead
    const ts::Tensor loss = ts::mean(h * h);
    loss.backward();
    opt.step();
    notes.add(loss);
  }
  notes.add(w);
}

}  // namespace

TEST_CASE("a loader that fills the same tensor again, before backward has run") {
  same_bits(
      [](ts::Device device, Notes& notes) {
        ts::Tensor batch = ts::empty({256, 512});
        reused_buffer(device, notes, batch, [&](int step) { refill(batch, step); });
      },
      cpu, 0.7, true);
}

TEST_CASE("a loader that fills memory of its own again, which no tensor hears of") {
  same_bits(
      [](ts::Device device, Notes& notes) {
        std::vector<float> memory(256 * 512);
        const ts::Tensor batch = ts::from_blob(memory.data(), {256, 512});
        reused_buffer(device, notes, batch, [&](int step) {
          for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = static_cast<float>((i * 7 + static_cast<std::size_t>(step) * 13) % 101) / 101 - 0.5f;
        });
      },
      cpu, 0.8, true);
}

TEST_CASE("a batch on the device that is copied into") {
  for (const ts::Device device : {cpu, seeded_sim(9)})
    same_bits(
        [](ts::Device on, Notes& notes) {
          ts::Tensor batch = ts::empty({256, 512}, {.device = on}), next = ts::empty({256, 512});
          reused_buffer(on, notes, batch, [&](int step) {
            refill(next, step);
            batch.copy_(next);
          });
        },
        device, 0.75, true);
}

TEST_CASE("in place on a tensor that has left") {
  for (const ts::Device device : {cpu, seeded_sim(9)}) {
    CAPTURE(device.to_string());
    const auto program = [&](std::size_t bytes, Policy policy) {
      ts::manual_seed(1);
      const ts::Tensor x = ts::randn({256, 1024}).to(device), w = ts::ones({256, 1024}, {.device = device}).requires_grad_();  // 1 MiB each
      ts::Tensor constant = ts::randn({256, 1024}).to(device);
      ts::memory::reset_peak(device);
      std::optional<Budget> budget;
      if (bytes) budget.emplace(device, BudgetOptions{.bytes = ts::memory::stats(device).reserved_bytes - 3_MiB + bytes, .policy = policy});
      std::set<ts::Residency> found;
      std::vector<float> numbers;
      for (int step = 0; step < 5; ++step) {
        ts::Tensor recorded = w * x;  // nobody saves it
        ts::Tensor free = constant * 2;
        ts::Tensor h = x;
        for (int i = 0; i < 6; ++i) h = ts::tanh(h * w);
        found.insert(recorded.storage().residency());
        found.insert(free.storage().residency());
        recorded.add_(1);
        free.mul_(3);
        constant.add_(free * 0.1f);
        ts::mean(h * recorded).backward();
        for (const ts::Tensor& t : {recorded, free, constant, w.grad()}) {
          const auto values = t.detach().cpu().to_vector<float>();
          numbers.insert(numbers.end(), values.begin(), values.end());
        }
        if (budget) budget->mark();
      }
      if (policy == Policy::swap && bytes) CHECK(found.count(ts::Residency::away) == 1);
      if (policy == Policy::recompute && bytes) CHECK(found.count(ts::Residency::dropped) == 1);
      return numbers;
    };
    const auto expected = program(0, Policy::keep);
    for (const Policy policy : policies) {
      CAPTURE(ts::memory::name_of(policy));
      CHECK(program(policy == Policy::recompute ? 10_MiB : 9_MiB, policy) == expected);
    }
  }
}

TEST_CASE("a graph that is another one in every step") {
  for (const ts::Device device : {cpu, seeded_sim(9)}) {
    const auto reports = same_bits(
        [](ts::Device on, Notes& notes) {
          ts::Tensor w = ts::randn({192, 192}).to(on).requires_grad_(), v = ts::randn({192, 192}).to(on).requires_grad_();
          ts::optim::SGD opt{{w, v}, {.lr = 1e-3}};
          for (int step = 0; step < 40; ++step) {
            opt.zero_grad();
            ts::Tensor h = ts::randn({64 + 8 * (step % 7), 192}).to(on);
            for (int i = 0; i < 3 + step * 5 % 11; ++i) {
              h = ts::matmul(h, i % 2 ? w : v) * 0.1f;
              if (i * step % 3 == 0) h = ts::tanh(h);
              if (i + step % 4 == 5) h = ts::dropout(h, 0.2);
            }
            const ts::Tensor loss = ts::mean(h * h);
            loss.backward();
            opt.step();
            notes.add(loss);
          }
          notes.add(w);
        },
        device, part_of_peak(device, 0.25, 0.7));
    for (const Report& r : reports) {
      CHECK(r.steps == 40);
      CHECK(r.signatures <= 16);
    }
  }
}

TEST_CASE("an exception in the middle of backward") {
  for (const ts::Device device : {cpu, seeded_sim(9)})
    same_bits(
        [](ts::Device on, Notes& notes) {
          ts::Tensor w = ts::randn({256, 512}).to(on).requires_grad_();
          ts::optim::SGD opt{{w}, {.lr = 0.01}};
          for (int step = 0; step < 8; ++step) {
            opt.zero_grad();
            ts::Tensor h = w;
            for (int i = 0; i < 3; ++i) h = ts::tanh(h * 0.9f);
            if (step == 3 || step == 6) h.register_hook([](const ts::Tensor&) -> ts::Tensor { TASUKI_THROW(ts::ValueError, "not this time"); });
            for (int i = 0; i < 3; ++i) h = ts::sigmoid(h * 0.9f);
            const ts::Tensor loss = ts::mean(h * h);
            try {
              loss.backward();
              opt.step();
            } catch (const ts::ValueError&) {
            }
            notes.add(loss);
          }
          notes.add(w);
        },
        device, part_of_peak(device, 0.75, 0.75));
}

TEST_CASE("evaluation between epochs, without a word to the budget: training steps go on being planned") {
  for (const ts::Device device : {cpu, seeded_sim(9)}) {
    CAPTURE(device.to_string());
    ts::manual_seed(2);
    ts::nn::Sequential net;
    for (int i = 0; i < 6; ++i) net.append(ts::nn::Linear{128, 128}).append(ts::nn::ReLU{});
    net.to(device);
    ts::optim::Adam opt{net.parameters(), {.lr = 1e-3}};
    const ts::Tensor x = ts::randn({512, 128}).to(device);
    const auto step = [&] {
      opt.zero_grad();
      ts::mean(ts::square(net(x))).backward();
      opt.step();
    };
    const auto evaluate = [&] {
      const ts::NoGrad off;
      for (std::int64_t batch = 0; batch < 4; ++batch) CHECK(ts::mean(net(x.slice(0, 128 * batch, 128 * batch + 128))).item<float>() < 10);
    };
    step();
    ts::memory::reset_peak(device);
    const std::size_t held = ts::memory::stats(device).reserved_bytes;
    step();
    const std::size_t keep = ts::memory::stats(device).peak_bytes - held;
    ts::memory::reset_peak(device);
    Budget budget{device, {.bytes = held + keep * 7 / 10}};
    std::uint64_t reactive = 0;
    std::size_t current = 0;
    for (int epoch = 0; epoch < 8; ++epoch) {
      for (int i = 0; i < 6; ++i) step();
      evaluate();
      const Report r = budget.report();
      INFO(r.to_string());
      if (epoch == 3) reactive = r.reactive_steps, current = ts::memory::stats(device).current_bytes;
      if (epoch > 3) {
        CHECK(r.reactive_steps == reactive);  // neither the evaluation nor the step after it comes as a surprise
        CHECK(ts::memory::stats(device).current_bytes <= current + 16_KiB);
      }
    }
  }
}

TEST_CASE("a thousand steps hold as many bytes as three hundred") {
  for (const ts::Device device : {cpu, seeded_sim(9)})
    for (const Policy policy : policies) {
      CAPTURE(device.to_string(), ts::memory::name_of(policy));
      ts::manual_seed(3);
      ts::nn::Sequential net;
      for (int i = 0; i < 4; ++i) net.append(ts::nn::Linear{64, 64}).append(ts::nn::Tanh{});
      net.to(device);
      ts::optim::SGD opt{net.parameters(), {.lr = 1e-3, .momentum = 0.9}};
      const ts::Tensor x = ts::randn({256, 64}).to(device);
      const auto step = [&] {
        opt.zero_grad();
        ts::mean(ts::square(net(x))).backward();
        opt.step();
      };
      step();
      ts::memory::reset_peak(device);
      const std::size_t held = ts::memory::stats(device).reserved_bytes;
      step();
      const std::size_t keep = ts::memory::stats(device).peak_bytes - held;
      ts::memory::reset_peak(device);
      Budget budget{device, {.bytes = held + keep * 8 / 10, .policy = policy}};
      struct State {
        std::size_t device, host, file, heap;
      };
      const auto state = [&] {
        for (const ts::StreamId stream : {0, 1, 2}) ts::runtime_of(device).synchronize(stream);
        const TierStats t = Manager::of(device).tiers().stats();
        return State{ts::memory::stats(device).current_bytes, t.host_in_use, t.file_in_use, mallinfo2().uordblks};
      };
      State early{};
      for (int i = 1; i <= 1000; ++i) {
        step();
        if (i == 300) early = state();
      }
      const State after_all = state();
      CHECK(budget.report().planned_steps > 900);
      CHECK(after_all.device == early.device);
      CHECK(after_all.host == early.host);
      CHECK(after_all.file == early.file);
      CHECK(after_all.heap <= early.heap + 64_KiB);  // a byte a step would be noise; a record a step is not
    }
}
