// Disks that fail, fill up or lose bytes in the middle of training: training goes on more slowly, or ends with an error that says
// why. No number is ever wrong, and nothing is left behind.
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>

#include "src/memory/manager.hpp"
#include "tests/catch.hpp"
#include "tests/memory/faulty_calls.hpp"
#include "tests/memory/training.hpp"

namespace ts = tasuki;
using namespace ts::literals;
using namespace ts::memory;
using namespace testing_memory;
using Catch::Contains;

namespace {

/// Eight short steps whose planning takes no time. Sums save nothing, so that what is dropped takes a chain to compute again.
void chain(ts::Device device, Notes& notes) {
  ts::Tensor w = ts::randn({128, 512}).to(device).requires_grad_();
  ts::optim::SGD opt{{w}, {.lr = 0.01, .momentum = 0.9}};
  const ts::Tensor x = ts::randn({128, 512}).to(device);
  for (int step = 0; step < 8; ++step) {
    opt.zero_grad();
    ts::Tensor h = w * x;
    for (int i = 0; i < 6; ++i) h = ts::tanh(h + x);
    const ts::Tensor loss = ts::mean(h * h);
    loss.backward();
    opt.step();
    notes.add(loss);
  }
  notes.add(w);
}

struct RunOutcome {
  std::vector<float> numbers;  ///< up to the error
  std::string error;
  Report report;
  int reads = 0, writes = 0;
};

using Arm = std::function<void(FaultyCalls&)>;

RunOutcome run_with(Program program, ts::Device device, BudgetOptions options, const Arm& arm) {
  static std::vector<std::unique_ptr<FaultyCalls>> all;  // an engine may outlive its budget
  FaultyCalls& calls = *all.emplace_back(std::make_unique<FaultyCalls>());
  ts::manual_seed(1);
  Manager& manager = Manager::of(device);
  ts::memory::reset_peak(device);  // and what is cached
  options.bytes += ts::memory::stats(device).reserved_bytes;
  manager.start(options, &calls);
  const int reads = calls.made(FaultyCalls::reading), writes = calls.made(FaultyCalls::writing);
  arm(calls);
  RunOutcome result;
  Notes notes;
  try {
    program(device, notes);
    notes.add(ts::rand({4}));
  } catch (const ts::Error& error) {
    result.error = error.what();
  }
  result.numbers = notes.numbers;
  result.report = manager.report();
  result.reads = calls.made(FaultyCalls::reading) - reads;
  result.writes = calls.made(FaultyCalls::writing) - writes;
  manager.stop();
  CHECK(result.report.peak_bytes <= options.bytes);
  return result;
}

std::size_t open_files() {
  std::size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

/// Part of what the steps take fits; most are planned.
struct Trial {
  ts::Device device;
  BudgetOptions options;
  Run keep;
  RunOutcome undisturbed;

  Trial(ts::Device on, Policy policy) : device(on), keep(run(chain, on, std::nullopt)) {
    options.bytes = keep.peak * 6 / 10;
    options.policy = policy;
    options.host_bytes = 0;  // so that an accelerator uses the file
    undisturbed = run_with(chain, device, options, [](FaultyCalls&) {});
    REQUIRE(undisturbed.error.empty());
    REQUIRE(undisturbed.report.planned_steps >= 4);
    REQUIRE(undisturbed.reads > 8);
    REQUIRE(undisturbed.writes > 8);
  }

  /// Faults at places from the first call to the last: in reactive steps and in planned ones.
  template <class Check>
  void at_many_places(FaultyCalls::Call call, const std::function<void(FaultyCalls&, int place)>& arm, const Check& check) {
    const int calls = call == FaultyCalls::reading ? undisturbed.reads : undisturbed.writes;
    for (int i = 0; i < 5; ++i) {
      const int place = 1 + i * (calls - 2) / 4;  // the very first one only asks whether the file can be read
      CAPTURE(device.to_string(), ts::memory::name_of(options.policy), place);
      const auto before = ts::memory::stats(device);
      const std::size_t files = open_files();
      const RunOutcome outcome = run_with(chain, device, options, [&](FaultyCalls& c) { arm(c, place); });
      INFO(outcome.error);
      REQUIRE(outcome.numbers.size() <= keep.numbers.size());
      const std::size_t compared = outcome.numbers.size();
      CHECK((compared == 0 || std::memcmp(outcome.numbers.data(), keep.numbers.data(), compared * sizeof(float)) == 0));
      CHECK(outcome.error.empty() == (outcome.numbers.size() == keep.numbers.size()));
      check(outcome);
      CHECK(ts::memory::stats(device).current_bytes == before.current_bytes);
      CHECK(ts::memory::stats(device).limit_bytes == before.limit_bytes);
      CHECK(ts::runtime_of(device).manager() == nullptr);
      CHECK(open_files() == files);
    }
  }
};

ts::Device any_device() {
  return GENERATE(0, 1) ? ts::Device::cpu() : ts::Device::sim(0, {.bytes = 256_MiB, .schedule = ts::SimSchedule::seeded, .seed = 5, .poison = true});
}

void goes_on(const RunOutcome& outcome) { CHECK(outcome.error.empty()); }

}  // namespace

TEST_CASE("in mid-step: short and interrupted calls are continued") {
  Trial trial(any_device(), Policy::swap);
  for (const auto call : {FaultyCalls::reading, FaultyCalls::writing}) {
    trial.at_many_places(call, [&](FaultyCalls& c, int place) { c.cut(call, place, 4096, 3); }, goes_on);
    trial.at_many_places(call, [&](FaultyCalls& c, int place) { c.fail(call, place, EINTR, 2); }, goes_on);
  }
}

TEST_CASE("in mid-step: a disk that is full for a while makes the step slower, or says so") {
  Trial automatic(any_device(), Policy::automatic);
  automatic.at_many_places(FaultyCalls::writing, [](FaultyCalls& c, int place) { c.fail(FaultyCalls::writing, place, ENOSPC, 2); }, goes_on);
}

TEST_CASE("in mid-step: a full disk, and nowhere else to go") {
  Trial swap(any_device(), Policy::swap);
  int ended = 0;
  swap.at_many_places(
      FaultyCalls::writing, [](FaultyCalls& c, int place) { c.fail(FaultyCalls::writing, place, ENOSPC, 100000); },
      [&](const RunOutcome& outcome) {
        if (outcome.error.empty()) return;  // what could not leave any more was not needed
        ++ended;
        CHECK_THAT(outcome.error, Contains("OutOfMemory") && Contains("No space left on device"));
      });
  CHECK(ended > 0);
}

TEST_CASE("in mid-step: an error of the disk while writing") {
  Trial automatic(any_device(), Policy::automatic);
  automatic.at_many_places(
      FaultyCalls::writing, [](FaultyCalls& c, int place) { c.fail(FaultyCalls::writing, place, EIO); },
      [](const RunOutcome& outcome) {  // the disk is not used again; what can be computed again may be enough
        if (!outcome.error.empty()) CHECK_THAT(outcome.error, Contains("Input/output error"));
      });
}

TEST_CASE("in mid-step: an error of the disk while reading") {
  Trial swap(any_device(), Policy::swap);
  swap.at_many_places(
      FaultyCalls::reading, [](FaultyCalls& c, int place) { c.fail(FaultyCalls::reading, place, EIO); },
      [](const RunOutcome& outcome) { CHECK_THAT(outcome.error, Contains("FileError") && Contains("Input/output error")); });
}

TEST_CASE("in mid-step: a file that somebody shortens") {
  Trial swap(any_device(), Policy::swap);
  swap.at_many_places(
      FaultyCalls::reading,
      [](FaultyCalls& c, int place) { c.before(FaultyCalls::reading, place, [](int file) { REQUIRE(ftruncate(file, 0) == 0); }); },
      [](const RunOutcome& outcome) { CHECK_THAT(outcome.error, Contains("FileError") && Contains("shorten")); });
}

TEST_CASE("an accelerator whose host memory is full goes on with the file") {
  const ts::Device device = ts::Device::sim(0, {.bytes = 256_MiB, .schedule = ts::SimSchedule::seeded, .seed = 6, .poison = true});
  const Run keep = run(chain, device, std::nullopt);
  for (const std::size_t host : {std::size_t{0}, std::size_t{200'000}, std::size_t{1_MiB}}) {
    CAPTURE(host);
    const RunOutcome bounded = run_with(chain, device, {.bytes = keep.peak * 6 / 10, .host_bytes = host, .policy = Policy::swap}, [](FaultyCalls&) {});
    INFO(bounded.report.to_string());
    CHECK(bounded.error.empty());
    CHECK(bounded.report.host.held_bytes <= host);
    CHECK(bounded.report.file.bytes_out > 0);
    CHECK(bounded.numbers == keep.numbers);
  }
}

TEST_CASE("with neither room in host memory nor a file, what can be computed again is enough") {
  const ts::Device device = ts::Device::sim(0, {.bytes = 256_MiB});
  const Run keep = run(chain, device, std::nullopt);
  const RunOutcome bounded = run_with(chain, device, {.bytes = keep.peak * 7 / 10, .host_bytes = 0, .file_bytes = 0}, [](FaultyCalls&) {});
  CHECK(bounded.error.empty());
  CHECK(bounded.report.replayed_ops > 0);
  CHECK(bounded.numbers == keep.numbers);
}

TEST_CASE("a disk that cannot be opened or refuses room in mid-training") {
  const Run keep = run(chain, ts::Device::cpu(), std::nullopt);
  for (const int error : {EACCES, ENOSPC, EROFS}) {
    CAPTURE(error);
    const RunOutcome refused = run_with(chain, ts::Device::cpu(), {.bytes = keep.peak * 7 / 10}, [&](FaultyCalls& c) {
      c.fail(FaultyCalls::opening, 0, error, 1000);
      c.fail(FaultyCalls::preallocating, 0, error, 1000);
    });
    INFO(refused.error);
    CHECK(refused.error.empty());
    CHECK(refused.numbers == keep.numbers);
  }
}
