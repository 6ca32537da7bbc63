#include "src/memory/signatures.hpp"

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tasuki/tasuki.hpp"
#include "tests/catch.hpp"
#include "tests/memory/recording.hpp"

namespace ts = tasuki;
using tasuki::memory::Decision;
using tasuki::memory::Move;
using tasuki::memory::Plan;
using tasuki::memory::Signature;
using tasuki::memory::Signatures;
using ts::Tensor;

namespace {

/// A small network with an optimizer; every step is one of these.
struct Training {
  ts::models::MLP net{{64, 128, 64}};
  ts::optim::SGD opt{net.parameters(), {.lr = 0.01}};
  void backward(std::int64_t batch) { ts::cross_entropy(net(ts::ones({batch, 64})), ts::zeros({batch}, {.dtype = ts::i64})).backward(); }
  void step(std::int64_t batch, int accumulate = 1) {
    opt.zero_grad();
    for (int i = 0; i < accumulate; ++i) backward(batch);
    opt.step();
  }
  void evaluate(std::int64_t batch) {
    const ts::NoGrad off;
    net(ts::ones({batch, 64}));
  }
};

bool is_all(const std::string& text, char c) { return !text.empty() && text.find_first_not_of(c) == std::string::npos; }

/// Launches an op on x for each letter, and ends the step.
void run(Recording& r, const Tensor& x, const std::string& ops) {
  std::vector<Tensor> results{x};
  for (const char op : ops) {
    const Tensor& last = results.back();
    results.push_back(op == 'e' ? ts::exp(last) : op == 't' ? ts::tanh(last) : op == 's' ? ts::sqrt(last) : ts::abs(last));
  }
  results.clear();
  r.end();
}

}  // namespace

TEST_CASE("a step that repeats is unknown once, and followed from then on") {
  Recording r;
  Training training;
  r.end();
  training.step(64);
  CHECK(r.ended_courses.find('f') == std::string::npos);
  const Signature* first = r.seen;
  CHECK_FALSE(first->has_trace());
  for (int i = 0; i < 3; ++i) {
    training.step(64);
    CHECK(is_all(r.ended_courses, 'f'));
    CHECK(r.seen == first);
    CHECK(first->has_trace());
    CHECK(first->needs_plan());
    CHECK(first->hashes == r.ended_hashes);
    CHECK(text_of(first->trace) == text_of(r.trace()));
  }
}

TEST_CASE("changing batch size: the step is known by its first launch, and its turn is foreseen where there is a pattern") {
  Recording r;
  Training training;
  for (const int batch : {64, 96, 64, 96}) training.step(batch);
  for (const int batch : {64, 96, 64, 96}) {
    training.step(batch);
    CHECK(is_all(r.ended_courses, 'f'));
  }
  training.step(96);  // after a 96 came always a 64
  CHECK(r.ended_courses[0] == 'l');
  CHECK(is_all(r.ended_courses.substr(1), 'f'));
  training.step(32);
  CHECK(is_all(r.ended_courses, 'u'));
}

TEST_CASE("gradient accumulation: one micro-batch and two begin alike, and part after the first") {
  Recording r;
  Training training;
  for (int i = 0; i < 2; ++i) {
    training.step(64, 2);
    training.step(64, 1);
  }
  training.step(64, 2);
  REQUIRE(is_all(r.ended_courses, 'f'));
  training.step(64, 2);  // a step of one was due
  const auto parting = r.ended_courses.find('l');
  REQUIRE(parting != std::string::npos);
  CHECK(is_all(r.ended_courses.substr(0, parting), 'f'));
  CHECK(is_all(r.ended_courses.substr(parting + 1), 'f'));
  // the first micro-batch is zeros, ones, three ops and a loss, and their gradients
  CHECK(parting > 10);
}

TEST_CASE("evaluation between steps is unknown once, and known in the next epoch") {
  Recording r;
  Training training;
  std::string last;
  for (int epoch = 0; epoch < 3; ++epoch) {
    for (int i = 0; i < 4; ++i) {
      if (i == 0 && epoch > 0) training.evaluate(64);
      training.step(64);
      if (i == 0) last = r.ended_courses;
      if (i > 1) CHECK(is_all(r.ended_courses, 'f'));
    }
  }
  // the plain step was due; the first launches are like its, but not recorded
  CHECK(last.find('l') < 3);
  CHECK(is_all(last.substr(last.find('l') + 1), 'f'));
}

TEST_CASE("two optimizers take turns, and each step is foreseen") {
  Recording r;
  Training generator, discriminator;
  for (int i = 0; i < 3; ++i) {
    generator.step(64);
    discriminator.step(96);
  }
  for (int i = 0; i < 3; ++i) {
    generator.step(64);
    CHECK(is_all(r.ended_courses, 'f'));
    discriminator.step(96);
    CHECK(is_all(r.ended_courses, 'f'));
  }
}

TEST_CASE("what leads nowhere known stays unknown until the step ends") {
  Recording r;
  const Tensor x = ts::ones({64, 64});
  r.end();
  run(r, x, "eee");
  run(r, x, "ete");
  CHECK(r.ended_courses == "fuu");
  CHECK(r.signatures.active());
  run(r, x, "et");  // a beginning of the step before, which began like the first one
  CHECK(r.ended_courses.substr(1) == "f");
  CHECK(r.seen->runs == 1);
}

TEST_CASE("the commonest follower is expected, and of equals the first") {
  Recording r;
  const Tensor x = ts::ones({64, 64});
  r.end();
  for (const char* ops : {"e", "t", "e", "s", "e"}) run(r, x, ops);
  CHECK(r.signatures.active()->trace.launches.empty());  // t, which came once, first
  run(r, x, "s");
  CHECK(r.ended_courses == "l");
  run(r, x, "e");
  run(r, x, "s");  // now twice
  CHECK(r.ended_courses == "f");
}

TEST_CASE("the same sequence of steps takes the same course") {
  const auto courses = [] {
    Recording r;
    const Tensor x = ts::ones({64, 64});
    r.end();
    std::mt19937 random(3);
    std::string all;
    for (int i = 0; i < 200; ++i) {
      std::string ops;
      for (std::size_t k = 0, n = 1 + random() % 4; k < n; ++k) ops += "ets"[random() % 3];
      run(r, x, ops);
      all += r.ended_courses + " ";
    }
    return all;
  };
  const std::string first = courses();
  CHECK(courses() == first);
  for (const char c : std::string("flu")) CHECK(first.find(c) != std::string::npos);
}

TEST_CASE("only so many steps are remembered: those that came once go first, then those not seen for longest") {
  Recording r;
  r.signatures = Signatures(3);
  const Tensor x = ts::ones({64, 64});
  r.end();
  for (int i = 0; i < 2; ++i) {
    run(r, x, "e");
    run(r, x, "t");
  }
  for (int length = 2; length < 30; ++length) {
    run(r, x, std::string(static_cast<std::size_t>(length), 's'));
    CHECK(r.signatures.size() <= 3);
  }
  run(r, x, "t");
  CHECK(r.seen->runs == 3);
  run(r, x, "e");
  CHECK(r.seen->runs == 3);
  run(r, x, "a");
  run(r, x, "a");  // seen twice: now t is the oldest
  run(r, x, "s");
  run(r, x, "e");
  CHECK(r.seen->runs == 4);
  run(r, x, "s");
  run(r, x, "s");
  run(r, x, "as");
  run(r, x, "t");
  CHECK(r.seen->runs == 1);
}

TEST_CASE("who looks at a forgotten step finds one without a plan") {
  Recording r;
  r.signatures = Signatures(2);
  const Tensor x = ts::ones({64, 64});
  r.end();
  run(r, x, "e");
  run(r, x, "e");
  const Signature* first = r.seen;
  const std::uint64_t id = first->id;
  r.signatures.set_plan(*r.seen, Plan());
  for (const char* ops : {"t", "t", "s", "s", "ts"}) run(r, x, ops);
  CHECK(first->id != id);
  CHECK_FALSE(first->plan);
  CHECK(r.signatures.size() == 2);
}

// ---- plans

namespace {

Plan swapping(std::vector<Decision> decisions) {
  Plan plan;
  plan.feasible = true;
  plan.decisions = std::move(decisions);
  return plan;
}

/// Two steps that part after launch 2, each with a plan.
struct Fork {
  Recording r;
  Tensor x = ts::ones({64, 64});
  Signature *left, *right;
  Fork() {
    r.end();
    for (int i = 0; i < 3; ++i) {
      run(r, x, "eeeee");
      left = r.seen;
      run(r, x, "eeett");
      right = r.seen;
    }
  }
  /// What advance says where `right` comes in the place of `left`.
  char course(const Plan& of_left, const Plan& of_right) {
    r.signatures.set_plan(*left, of_left);
    r.signatures.set_plan(*right, of_right);
    CHECK(r.signatures.active() == left);
    run(r, x, "eeett");
    CHECK(r.seen == right);
    const std::string courses = r.ended_courses;
    run(r, x, "eeett");
    CHECK(courses.substr(0, 3) == "fff");
    return courses[3];
  }
};

}  // namespace

TEST_CASE("another step goes on with its plan where both plans have done the same so far") {
  const Decision shared{.storage = 1, .from = 1, .to = 4, .move = Move::swap, .freed_before = 2, .issue_at = 4};
  CHECK(Fork().course(swapping({}), swapping({})) == 'c');
  CHECK(Fork().course(swapping({shared}), swapping({shared})) == 'c');
  CHECK(Fork().course(swapping({shared}), swapping({})) == 'l');
  CHECK(Fork().course(swapping({}), swapping({shared})) == 'l');

  Decision other = shared;
  other.storage = 2;
  CHECK(Fork().course(swapping({shared}), swapping({other})) == 'l');
  other = shared;
  other.move = Move::drop;
  CHECK(Fork().course(swapping({shared}), swapping({other})) == 'l');
  other = shared;
  other.tier = tasuki::memory::Tier::file;
  CHECK(Fork().course(swapping({shared}), swapping({other})) == 'l');
  other = shared;
  other.freed_before = 4;  // after they have parted
  CHECK(Fork().course(swapping({shared}), swapping({other})) == 'l');
}

TEST_CASE("what plans do later may differ") {
  Decision soon{.storage = 1, .from = 0, .to = 4, .move = Move::swap, .freed_before = 2, .issue_at = 4};
  Decision late = soon;
  late.issue_at = 5;
  CHECK(Fork().course(swapping({soon}), swapping({late})) == 'c');
  const Decision after{.storage = 2, .from = 3, .to = 4, .move = Move::drop, .issue_at = 4};
  CHECK(Fork().course(swapping({after}), swapping({})) == 'c');
}

TEST_CASE("what a plan does with a storage before its first use means nothing to another step") {
  // storage 4 is first used by launch 3, where the steps have parted: two different ones
  const Decision fetch{.storage = 4, .from = 4, .to = 3, .move = Move::swap, .freed_before = 5, .issue_at = 1};
  CHECK(Fork().course(swapping({fetch}), swapping({fetch})) == 'l');
  // storage 0 has been used by then
  const Decision known{.storage = 0, .from = 4, .to = 0, .move = Move::swap, .freed_before = 5, .issue_at = 0};
  CHECK(Fork().course(swapping({known}), swapping({known})) == 'c');
}

// ---- what is learnt from repetition

TEST_CASE("durations are medians of the latest timings, launch by launch") {
  Recording r;
  const Tensor x = ts::ones({64, 64});
  r.end();
  for (const double seconds : {9.0, 1.0, 2.0}) {
    r.next_seconds = seconds;
    run(r, x, "et");
  }
  CHECK(r.seen->trace.launches[0].seconds == 2);
  CHECK(r.seen->trace.launches[1].seconds == 2);
  for (const double seconds : {3.0, 3.0, 3.0, 3.0}) {
    r.next_seconds = seconds;
    run(r, x, "et");
  }
  CHECK(r.seen->trace.launches[0].seconds == 3);
}

TEST_CASE("durations that settle elsewhere than the plan counted with call for another plan") {
  for (const double later : {1.05, 2.0}) {
    Recording r;
    const Tensor x = ts::ones({64, 64});
    r.end();
    run(r, x, "et");
    run(r, x, "et");
    CHECK(r.seen->needs_plan());
    r.signatures.set_plan(*r.seen, swapping({}));
    CHECK_FALSE(r.seen->needs_plan());
    r.next_seconds = later;
    bool again = false;
    for (int i = 0; i < 5; ++i) {
      run(r, x, "et");
      again |= r.seen->needs_plan();
    }
    CHECK(again == (later == 2.0));
  }
}

TEST_CASE("a storage that lived longer once may do so again: the trace knows the latest release") {
  Recording r;
  const Tensor x = ts::ones({64, 64});
  r.end();
  const auto step = [&](bool keep) {
    Tensor y = ts::exp(x);
    const Tensor z = ts::tanh(y);
    if (!keep) y = Tensor();
    ts::sqrt(z);
    r.end();
  };
  step(false);
  step(false);
  CHECK(r.seen->trace.storages[1].released_after == 1);
  const std::uint64_t revision = r.seen->revision;
  step(false);
  CHECK(r.seen->revision == revision);
  step(true);
  CHECK(r.seen->trace.storages[1].released_after == 2);
  CHECK(r.seen->trace.storages[1].at_end);
  CHECK(r.seen->revision == revision + 1);
  step(false);
  CHECK(r.seen->trace.storages[1].at_end);
  CHECK(r.seen->revision == revision + 1);
}

TEST_CASE("a base that grew, or shrank a good deal, calls for another plan") {
  Recording r;
  const Tensor x = ts::ones({64, 64});
  Tensor beside;
  r.end();
  const auto step = [&](std::int64_t unused) {
    beside = Tensor();
    beside = ts::empty({unused, 1024});
    run(r, x, "et");
  };
  step(1024);
  step(1024);
  const std::size_t base = r.seen->trace.base_bytes;
  CHECK(base >= std::size_t{4} << 20);
  r.signatures.set_plan(*r.seen, swapping({}));
  for (const auto& [unused, again] : {std::pair{1024, false}, {1000, false}, {1280, true}, {512, true}}) {
    step(unused);
    CHECK(r.seen->needs_plan() == again);
    if (again) r.signatures.set_plan(*r.seen, swapping({}));
  }
  CHECK(r.seen->trace.base_bytes < base);
}

TEST_CASE("a signature knows the storages of its last run") {
  Recording r;
  Training training;
  for (int i = 0; i < 3; ++i) {
    training.step(64);
    training.step(96);
  }
  training.step(64);
  const Signature* seen = r.seen;
  training.step(96);
  int parameters = 0;
  for (std::size_t label = 0; label < seen->storages.size(); ++label) {
    const ts::Storage* storage = r.recorder.storage(seen->storages[label]);
    CHECK((storage != nullptr) == seen->trace.storages[label].at_end);
    if (!storage || seen->trace.storages[label].owner != ts::OwnerClass::parameter) continue;
    ++parameters;
    CHECK(storage->owner() == ts::OwnerClass::parameter);
  }
  CHECK(parameters == 2);
}

TEST_CASE("a step too long to be written down is no signature") {
  Recording r;
  const Tensor tiny = ts::ones({2}), x = ts::ones({64, 64});
  for (std::size_t i = 0; i <= tasuki::memory::StepRecorder::most_launches; ++i) tiny + tiny;
  r.end();
  CHECK(r.seen == nullptr);
  CHECK(r.signatures.size() == 0);
  run(r, x, "e");
  CHECK(r.seen);
}
