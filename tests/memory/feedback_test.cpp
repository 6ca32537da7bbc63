// Plans are held against what their steps really take.
#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <thread>

#include "src/memory/feedback.hpp"
#include "src/memory/file_calls.hpp"
#include "src/memory/manager.hpp"
#include "tests/catch.hpp"
#include "tests/memory/training.hpp"

namespace ts = tasuki;
using namespace ts::literals;
using tasuki::memory::Manager;
using tasuki::memory::PlanFeedback;
using Advice = PlanFeedback::Advice;

namespace {

ts::memory::Plan plan_of(double seconds) {
  ts::memory::Plan plan;
  plan.seconds = seconds;
  return plan;
}

Advice three(PlanFeedback& feedback, double launch_seconds, double waited_seconds, const ts::memory::Plan& plan) {
  CHECK(feedback.add({launch_seconds, 0, waited_seconds}, plan) == Advice::go_on);
  CHECK(feedback.add({launch_seconds, 0, 50 * waited_seconds}, plan) == Advice::go_on);  // once is no measurement
  return feedback.add({launch_seconds, 0, waited_seconds}, plan);
}

/// A disk whose reads begin to take their time. It is made of memory: a real one may be busy with other things from the start, and a plan
/// that expects that stays.
struct SlowDisk final : ts::memory::FileCalls {
  std::atomic<int> milliseconds{0};
  ssize_t read(int file, void* to, std::size_t bytes, off_t offset) override {
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    if (!holds(bytes, offset)) return FileCalls::read(file, to, bytes, offset);
    std::memcpy(to, memory_.get() + offset, bytes);
    return static_cast<ssize_t>(bytes);
  }
  ssize_t write(int file, const void* from, std::size_t bytes, off_t offset) override {
    if (!holds(bytes, offset)) return FileCalls::write(file, from, bytes, offset);
    std::memcpy(memory_.get() + offset, from, bytes);
    return static_cast<ssize_t>(bytes);
  }

 private:
  static constexpr std::size_t size = std::size_t{256} << 20;
  static bool holds(std::size_t bytes, off_t offset) { return static_cast<std::size_t>(offset) + bytes <= size; }
  std::unique_ptr<char[]> memory_{new char[size]};
};

}  // namespace

TEST_CASE("feedback: a plan that keeps its word stays") {
  PlanFeedback feedback;
  const auto plan = plan_of(1.2);
  CHECK(three(feedback, 1, 0.21, plan) == Advice::go_on);
  for (int i = 0; i < 10; ++i) CHECK(three(feedback, 1, 0.29, plan) == Advice::go_on);
}

TEST_CASE("feedback: a step that takes longer than planned asks for other plans, and the best of them stays") {
  PlanFeedback feedback;
  CHECK(three(feedback, 1, 0.5, plan_of(1)) == Advice::try_another);
  CHECK(three(feedback, 1.2, 0.4, plan_of(1)) == Advice::try_another);
  CHECK(feedback.tried() == 3);
  CHECK(three(feedback, 1.1, 0.2, plan_of(1.1)) == Advice::try_another);
  CHECK(feedback.best_seconds() == 1.1 + 0.2);
  CHECK(three(feedback, 1.3, 0, plan_of(1.1)) == Advice::go_back);
  CHECK(feedback.best().seconds == 1.1);
  CHECK(three(feedback, 1, 0.3, feedback.best()) == Advice::go_on);
}

TEST_CASE("feedback: kernels that are slower beside transfers count as well as waiting") {
  PlanFeedback feedback;
  CHECK(three(feedback, 1.4, 0, plan_of(1)) == Advice::try_another);
  CHECK(three(feedback, 1.1, 0, plan_of(1.1)) == Advice::go_on);
}

TEST_CASE("feedback: plans are compared by all that their steps take") {
  PlanFeedback feedback;
  const auto three_of = [&](double launches, double all, double promised) {
    for (int i = 0; i < 2; ++i) CHECK(feedback.add({launches, 0, 0, 3 * all}, plan_of(promised)) == Advice::go_on);  // beside something else
    return feedback.add({launches, 0, 0, all}, plan_of(promised));
  };
  CHECK(three_of(1.2, 1.3, 1) == Advice::try_another);
  CHECK(three_of(1.1, 1.5, 1) == Advice::try_another);
  CHECK(three_of(1.25, 1.28, 1) == Advice::try_another);  // by less than what is noise
  CHECK(three_of(1.2, 1.27, 1.1) == Advice::go_back);
  CHECK(feedback.best_seconds() == 1.3);
}

TEST_CASE("feedback: of the plans that could be tried, none may be left") {
  PlanFeedback feedback;
  CHECK(three(feedback, 1, 0.5, plan_of(1)) == Advice::try_another);
  CHECK(feedback.skip() == Advice::try_another);
  CHECK(feedback.skip() == Advice::try_another);
  SECTION("the first was the best") { CHECK(feedback.skip() == Advice::go_on); }
  SECTION("the last was worse") { CHECK(three(feedback, 1, 0.6, plan_of(1)) == Advice::go_back); }
}

TEST_CASE("feedback: a settled plan is given up when waiting grows, later each time") {
  PlanFeedback feedback;
  const auto plan = plan_of(1);
  CHECK(three(feedback, 1, 0, plan) == Advice::go_on);
  for (int looks = 1, times = 0; times < 3; looks *= 2, ++times) {
    for (int i = 0; i < looks; ++i) CHECK(three(feedback, 1, i > 0, plan) == Advice::go_on);
    CHECK(three(feedback, 1, 1, plan) == Advice::try_another);
    for (int plans = 2; plans < PlanFeedback::most_plans; ++plans) CHECK(three(feedback, 1, 1, plan) == Advice::try_another);
    CHECK(three(feedback, 1, 1, plan) == Advice::go_back);
  }
}

TEST_CASE("feedback: waiting that grows as soon as the plan has settled is seen") {
  PlanFeedback feedback;
  const auto plan = plan_of(1);
  CHECK(three(feedback, 1, 0, plan) == Advice::go_on);
  CHECK(three(feedback, 1, 1, plan) == Advice::go_on);  // could be the noise of a moment
  CHECK(three(feedback, 1, 1, plan) == Advice::try_another);
}

TEST_CASE("feedback: it does not plan for ever") {
  PlanFeedback feedback;
  double waited = 64;
  int plans = 1;
  while (three(feedback, 1, waited, plan_of(1)) == Advice::try_another) {
    ++plans;
    waited /= 2;
  }
  CHECK(plans == PlanFeedback::most_plans);
}

TEST_CASE("feedback: when the disk turns slow, steps are planned again") {
  SlowDisk disk;
  ts::manual_seed(1);
  std::vector<ts::Tensor> weights;
  for (int i = 0; i < 10; ++i) weights.push_back((ts::randn({512, 512}) * 0.05).requires_grad_());
  const ts::Tensor x = ts::randn({512, 512});
  const auto step = [&] {
    for (const ts::Tensor& w : weights) w.zero_grad();
    ts::Tensor h = x;
    for (const ts::Tensor& w : weights) h = ts::tanh(ts::matmul(h, w));
    h.sum().backward();
    return weights.front().grad().clone();
  };
  const ts::Tensor expected = step();
  ts::memory::reset_peak(ts::Device::cpu());
  step();
  const std::size_t peak = ts::memory::stats(ts::Device::cpu()).peak_bytes;

  Manager& manager = Manager::of(ts::Device::cpu());
  manager.start({.bytes = peak - 4_MiB, .policy = ts::memory::Policy::swap}, &disk);
  const auto one_more = [&] {
    step();
    manager.end_step();
    return manager.report();
  };
  ts::memory::Report before;
  for (int i = 0; i < 30; ++i) before = one_more();
  REQUIRE(before.file.bytes_in > 0);
  disk.milliseconds = 25;
  ts::memory::Report after = one_more();
  for (int i = 0; i < 60 && after.plans == before.plans; ++i) after = one_more();
  const ts::Tensor result = step();
  INFO(after.to_string());
  CHECK(after.plans > before.plans);
  CHECK(after.peak_bytes <= after.budget_bytes);
  manager.stop();
  CHECK(result.to_vector<float>() == expected.to_vector<float>());
}
