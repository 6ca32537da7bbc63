// The simulator against steps that were played by hand.
#include "tasuki/memory/simulation.hpp"
#include "tests/catch.hpp"

using namespace tasuki;
using namespace tasuki::memory;
using Catch::Contains;

namespace {

/// x -> a -> b -> c forward, and backward: c' reads b, b' reads a. Each activation has 100 bytes, each launch takes 1 s.
///   0: a = f(x)   1: b = g(a)   2: c = h(b)   3: reads c, b   4: reads b, a   5: reads a, x
/// x is an input of 10 bytes.
Trace chain() {
  Trace t;
  t.device = "by hand";
  const auto activation = [](int last) { return TraceStorage{100, OwnerClass::activation, false, false, last, false}; };
  t.storages = {{10, OwnerClass::input, true, false, 5, false}, activation(5), activation(4), activation(3)};
  const auto launch = [&](const char* op, std::vector<int> reads, std::vector<int> writes, bool forward) {
    t.launches.push_back({op, "", forward ? LaunchPhase::forward : LaunchPhase::backward, 1.0, 0, std::move(reads), std::move(writes), 0, forward});
  };
  launch("f", {0}, {1}, true);
  launch("g", {1}, {2}, true);
  launch("h", {2}, {3}, true);
  launch("h'", {3, 2}, {}, false);
  launch("g'", {2, 1}, {}, false);
  launch("f'", {1, 0}, {}, false);
  return t;
}

/// Copies take as many seconds as they have hundreds of bytes.
Machine machine() {
  Machine m;
  m.out = m.in = m.file_out = m.file_in = {0, 100};
  return m;
}

Plan with(std::vector<Decision> decisions) {
  Plan p;
  p.decisions = std::move(decisions);
  return p;
}

Simulation play(std::vector<Decision> decisions, const Machine& m = machine(), const Trace& t = chain()) { return simulate(t, m, with(std::move(decisions))); }

using MemoryCourse = std::vector<std::size_t>;

}  // namespace

TEST_CASE("without decisions the memory is what is alive, and the time is that of the launches") {
  const Simulation s = play({});
  REQUIRE(s.possible);
  CHECK(s.memory == MemoryCourse{110, 210, 310, 310, 210, 110});
  CHECK(s.peak_bytes == 310);
  CHECK(s.peak_launch == 2);
  CHECK(s.seconds == 6.0);
  CHECK(s.exposed_seconds == 0.0);
}

TEST_CASE("the workspace counts while its launch runs") {
  Trace t = chain();
  t.launches[1].workspace = 1000;
  t.base_bytes = 7;
  CHECK(play({}, machine(), t).memory == MemoryCourse{117, 1217, 317, 317, 217, 117});
}

TEST_CASE("a departing source counts until it is free, an arriving destination from its issue on") {
  // a is used by launch 1 and again by 4
  const Simulation s = play({{1, 1, 4, Move::swap, Tier::host, 3, 4}});
  REQUIRE(s.possible);
  CHECK(s.memory == MemoryCourse{110, 210, 310, 210, 210, 110});
  CHECK(play({{1, 1, 4, Move::swap, Tier::host, 2, 3}}).memory == MemoryCourse{110, 210, 210, 310, 210, 110});
}

TEST_CASE("copies beside launches are hidden, and what is not is waited for") {
  // out during launch 2 (2..3 s), in during launch 3 (3..4 s): nothing to wait for
  const Simulation hidden = play({{1, 1, 4, Move::swap, Tier::host, 3, 3}});
  CHECK(hidden.seconds == 6.0);
  CHECK(hidden.exposed_seconds == 0.0);
  CHECK(hidden.bytes_out == 100);
  CHECK(hidden.bytes_in == 100);
  REQUIRE(hidden.copies.size() == 2);
  CHECK(hidden.copies[0].begin == 2.0);
  CHECK(hidden.copies[0].end == 3.0);
  CHECK(hidden.copies[1].begin == 3.0);
  // free before launch 2 at once: the device waits 1 s for the copy; issued only before launch 4: another second
  const Simulation exposed = play({{1, 1, 4, Move::swap, Tier::host, 2, 4}});
  CHECK(exposed.exposed_seconds == 2.0);
  CHECK(exposed.seconds == 8.0);
}

TEST_CASE("what copies compute delays the launches, however well the copies are hidden, and plans count with it") {
  Machine m = machine();
  m.delay_per_byte = 0.005;
  const Simulation s = play({{1, 1, 4, Move::swap, Tier::host, 3, 3}}, m);
  CHECK(s.begin == std::vector<double>{0, 1, 2.5, 4, 5, 6});
  CHECK(s.seconds == 7.0);
  CHECK(s.exposed_seconds == 1.0);
  // Where that is more than the replay takes, a plan drops instead.
  m.out = m.in = {0, 10000};
  const auto move_with = [&](double delay_per_byte) {
    m.delay_per_byte = delay_per_byte;
    return plan(chain(), m, {.budget_bytes = 210}).decisions.at(0).move;
  };
  CHECK(move_with(0) == Move::swap);
  CHECK(move_with(0.02) == Move::drop);
}

TEST_CASE("copies of one direction take their turns") {
  Machine slow = machine();
  slow.out.bytes_per_s = 40;  // 2.5 s for each
  // a leaves at 2 s and is out at 4.5 s; b leaves at 3 s, has to wait for it, and would be out at 7 s; launch 3 waits for both
  const Simulation s = play({{1, 1, 4, Move::swap, Tier::host, 3, 4}, {2, 2, 3, Move::swap, Tier::host, 3, 3}}, slow);
  REQUIRE(s.possible);
  CHECK(s.copies[1].begin == Approx(4.5));
  CHECK(s.begin[3] == Approx(8.0));  // and b comes back, 1 s
}

TEST_CASE("both directions at once go at the duplex speed") {
  Trace t = chain();
  for (TraceLaunch& l : t.launches) l.seconds = 0;
  t.launches[2].seconds = 10;
  Machine m = machine();
  m.duplex = 0.5;
  // a and b leave together: a is out at 1 s (alone). Then b goes out while a comes back: both at half speed, until 3 s.
  const Simulation s = play({{1, 1, 4, Move::swap, Tier::host, 2, 2}}, m, t);
  REQUIRE(s.possible);
  CHECK(s.begin[2] == Approx(1.0));
  Trace both = t;
  both.launches[2].reads = {};
  both.storages[3].bytes = 1;
  const Simulation d = play({{1, 1, 4, Move::swap, Tier::host, 2, 2}, {2, 1, 3, Move::swap, Tier::host, 3, 3}}, m, both);
  REQUIRE(d.possible);
  CHECK(d.copies[1].begin == Approx(1.0));
  CHECK(d.copies[1].end == Approx(3.0));
  CHECK(d.copies[2].end == Approx(3.0));
}

TEST_CASE("the file lies behind the host; without a host tier the links lead to it") {
  Machine m = machine();
  m.file_in.bytes_per_s = 50;
  const Decision d{1, 1, 4, Move::swap, Tier::file, 3, 3};
  const Simulation behind = play({d}, m);  // to the host 2..3, to the file 3..4, back to the host 4..6, to the device 6..7
  CHECK(behind.begin[4] == Approx(7.0));
  CHECK(behind.file_bytes == 100);
  CHECK(behind.host_bytes == 0);
  m.host_bytes = 0;
  const Simulation direct = play({d}, m);
  CHECK(direct.begin[4] == Approx(4.0));
  CHECK(direct.copies[0].to == Tier::file);
}

TEST_CASE("a drop frees at once and costs its launch again") {
  const Simulation s = play({{2, 2, 3, Move::drop, Tier::device, 0, 3}});
  REQUIRE(s.possible);
  CHECK(s.seconds == 7.0);
  CHECK(s.replay_seconds == 1.0);
  CHECK(s.bytes_dropped == 100);
  CHECK(play({{1, 1, 4, Move::drop, Tier::device, 0, 4}}).memory == MemoryCourse{110, 210, 210, 210, 210, 110});
}

TEST_CASE("a chain of drops is replayed from the bytes that exist; what is not due is a temporary") {
  Trace t = chain();
  t.launches.insert(t.launches.begin() + 3, {"loss", "", LaunchPhase::forward, 1.0, 0, {3}, {}, 0, false});
  for (TraceStorage& s : t.storages) ++s.released_after;
  // 3: loss; 4: reads c, b; 5: reads b, a; 6: reads a, x. Both a and b are dropped.
  const Decision a{1, 1, 5, Move::drop, Tier::device, 0, 5}, b{2, 2, 4, Move::drop, Tier::device, 0, 4};
  const Simulation apart = play({b, a}, machine(), t);
  REQUIRE(apart.possible);
  CHECK(apart.replay_seconds == 3.0);  // f, g for b; f for a
  CHECK(apart.memory == MemoryCourse{110, 210, 210, 110, 310, 210, 110});
  Decision early = a;
  early.issue_at = 4;  // comes back with the replay of b, and stays
  const Simulation together = play({b, early}, machine(), t);
  REQUIRE(together.possible);
  CHECK(together.replay_seconds == 2.0);
  CHECK(together.memory == MemoryCourse{110, 210, 210, 110, 310, 210, 110});
}

TEST_CASE("what a replay starts from is held, though the program has let it go") {
  Trace t = chain();
  t.storages[0].released_after = 3;
  t.launches[5].reads = {1};
  // a is dropped in 1..4; x would go after launch 3, but the replay needs it
  const Simulation s = play({{1, 1, 4, Move::drop, Tier::device, 0, 4}}, machine(), t);
  REQUIRE(s.possible);
  CHECK(s.memory == MemoryCourse{110, 210, 210, 210, 210, 100});
}

TEST_CASE("gaps that wrap around the end: steps are alike, and begin as the last one ended") {
  Trace t;
  t.storages = {{100, OwnerClass::parameter, true, true, 3, false}, {100, OwnerClass::activation, false, false, 3, false}};
  for (int k = 0; k < 4; ++k) t.launches.push_back({"op", "", LaunchPhase::forward, 1.0, 0, {}, {}, 0, false});
  t.launches[1].reads = {0};
  t.launches[0].writes = {1};
  t.launches[3].reads = {1};
  const Simulation s = play({{0, 1, 1, Move::swap, Tier::host, 3, 1}}, machine(), t);
  REQUIRE(s.possible);
  CHECK(s.memory == MemoryCourse{100, 200, 100, 100});
  CHECK(s.exposed_seconds == Approx(1.0));  // it comes back only when it is needed
  CHECK(s.bytes_out == 0);                  // and has not changed since it first left
  CHECK(s.bytes_in == 100);
  t.launches[1].writes = {0};
  const Simulation changed = play({{0, 1, 1, Move::swap, Tier::host, 3, 0}}, machine(), t);
  CHECK(changed.bytes_out == 100);
  CHECK(changed.exposed_seconds == Approx(0.0));
  CHECK(changed.memory == MemoryCourse{200, 200, 200, 100});
}

TEST_CASE("a clean storage leaves for free") {
  Trace t;
  t.storages = {{100, OwnerClass::parameter, true, true, 3, true}};
  for (int k = 0; k < 4; ++k) t.launches.push_back({"op", "", LaunchPhase::forward, 1.0, 0, {}, {}, 0, false});
  t.launches[0].reads = t.launches[3].reads = {0};
  const Simulation s = play({{0, 0, 3, Move::swap, Tier::host, 2, 2}}, machine(), t);
  REQUIRE(s.possible);
  CHECK(s.bytes_out == 0);
  CHECK(s.memory == MemoryCourse{100, 0, 100, 100});  // gone at once
}

TEST_CASE("what no launch uses again leaves and does not come back") {
  Trace t = chain();
  t.storages[3] = {100, OwnerClass::activation, false, true, 5, false};  // the program keeps c
  CHECK(play({}, machine(), t).memory == MemoryCourse{110, 210, 310, 310, 310, 210});
  const Simulation swapped = play({{3, 3, 6, Move::swap, Tier::host, 5, 6}}, machine(), t);
  INFO(swapped.reason);
  REQUIRE(swapped.possible);
  CHECK(swapped.memory == MemoryCourse{110, 210, 310, 310, 310, 110});
  CHECK(swapped.bytes_out == 100);
  CHECK(swapped.bytes_in == 0);
  CHECK(swapped.host_bytes == 100);
  CHECK(swapped.seconds == 6.0);
  CHECK(play({{3, 3, 6, Move::swap, Tier::host, 4, 6}}, machine(), t).exposed_seconds == 1.0);
  // The tape may be gone when the program looks at c after the step; b is let go before.
  CHECK_THAT(play({{3, 3, 6, Move::drop, Tier::device, 0, 6}}, machine(), t).reason, Contains("cannot be dropped over the end of the step"));
  t.storages[2].released_after = 5;
  t.launches[4].reads = {1};
  const Simulation dropped = play({{2, 3, 6, Move::drop, Tier::device, 0, 6}}, machine(), t);
  INFO(dropped.reason);
  REQUIRE(dropped.possible);
  CHECK(dropped.memory == MemoryCourse{110, 210, 310, 310, 210, 210});
  CHECK(dropped.replay_seconds == 0.0);
  t.launches[5].writes = {1};
  CHECK_THAT(play({{2, 3, 6, Move::drop, Tier::device, 0, 6}}, machine(), t).reason, Contains("launch 5 (f') writes storage 1, from which storage 2 would be made again"));
}

TEST_CASE("what is gone for good is held for replays, and comes back for them") {
  Trace t = chain();
  t.launches[5].reads = {1};  // x is read by launch 0 alone, and kept to the end
  const Decision x{0, 0, 6, Move::swap, Tier::host, 1, 6}, a{1, 1, 4, Move::drop, Tier::device, 0, 4};
  CHECK_THAT(play({x, a}, machine(), t).reason, Contains("launch 0 (f) runs again before launch 4, but its input, storage 0, is away"));
  Decision back = x;
  back.issue_at = 4;
  const Simulation s = play({back, a}, machine(), t);
  INFO(s.reason);
  REQUIRE(s.possible);
  CHECK(s.memory == MemoryCourse{110, 200, 200, 200, 210, 110});
  CHECK(s.bytes_in == 10);
}

TEST_CASE("a plan that cannot work says why") {
  const auto reason = [](Decision d, Trace t = chain(), Machine m = machine()) {
    const Simulation s = play({d}, m, t);
    CHECK_FALSE(s.possible);
    return s.reason;
  };
  CHECK_THAT(reason({9, 1, 4, Move::swap, Tier::host, 2, 4}), Contains("about storage 9 of 4"));
  CHECK_THAT(reason({1, 0, 4, Move::swap, Tier::host, 2, 4}), Contains("launches 0 and 4 are not consecutive uses of storage 1"));
  CHECK_THAT(reason({1, 1, 4, Move::swap, Tier::host, 4, 3}), Contains("would be free before 4 and come back before 3"));
  CHECK_THAT(reason({1, 1, 6, Move::swap, Tier::host, 2, 6}), Contains("launches 1 and 6 are not consecutive uses of storage 1"));
  CHECK_THAT(reason({1, 5, 6, Move::swap, Tier::host, 0, 6}), Contains("would leave or come back after the program has let it go after launch 5"));
  CHECK_THAT(reason({1, 1, 4, Move::swap, Tier::device, 2, 4}), Contains("swapped to the device itself"));
  CHECK_THAT(reason({0, 0, 5, Move::drop, Tier::device, 0, 5}), Contains("storage 0 cannot be dropped: nothing in this step has written it"));
  Trace unrecorded = chain();
  unrecorded.launches[0].recorded = false;
  CHECK_THAT(reason({1, 1, 4, Move::drop, Tier::device, 0, 4}, unrecorded), Contains("its writer, launch 0 (f), is not on the tape"));
  Trace overwritten = chain();
  overwritten.launches[2].writes.push_back(0);
  CHECK_THAT(reason({1, 1, 4, Move::drop, Tier::device, 0, 4}, overwritten), Contains("launch 0 (f) cannot run again before launch 4: its input, storage 0, was overwritten by launch 2 (h)"));
  Machine small = machine();
  small.host_bytes = 99;
  CHECK_THAT(reason({1, 1, 4, Move::swap, Tier::host, 2, 4}, chain(), small), Contains("has no room in the host tier"));
  const Simulation away = play({{0, 0, 5, Move::swap, Tier::host, 1, 5}, {1, 1, 4, Move::drop, Tier::device, 0, 4}});
  CHECK_THAT(away.reason, Contains("launch 0 (f) runs again before launch 4, but its input, storage 0, is away"));
}
