#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/sim/fresh_device.hpp"
#include "tests/support/expect_error.hpp"

namespace ts = tasuki;
using namespace ts::testing;
using Catch::Contains;
using Schedule = ts::SimSchedule;

static const std::vector<Schedule> schedules{Schedule::concurrent, Schedule::delayed, Schedule::seeded};

TEST_CASE("a queue runs its work in the order in which it was queued") {
  for (const Schedule schedule : schedules) {
    ts::SimRuntime& device = fresh_device({.schedule = schedule, .seed = 7});
    std::vector<int> order;
    for (int i = 0; i < 100; ++i) submit(device, 0, [&order, i] { order.push_back(i); });
    device.synchronize(0);
    REQUIRE(order.size() == 100);
    for (int i = 0; i < 100; ++i) CHECK(order[static_cast<std::size_t>(i)] == i);
  }
}

TEST_CASE("work behind an event runs after what the event stands for, whatever the schedule") {
  for (const Schedule schedule : schedules)
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
      ts::SimRuntime& device = fresh_device({.schedule = schedule, .seed = seed});
      std::string order;  // no lock: the events are all that keeps the threads apart
      for (int round = 0; round < 5; ++round)
        for (ts::StreamId s = 0; s < 3; ++s) {
          submit(device, s, [&order, s] { order += static_cast<char>('0' + s); });
          device.wait_event((s + 1) % 3, device.record_event(s));
        }
      synchronize_all(device);
      CHECK(order == "012012012012012");
    }
}

TEST_CASE("without events the seeded schedule runs queues in many orders, and in the same one for the same seed") {
  const auto order_of = [](std::uint64_t seed) {
    ts::SimRuntime& device = fresh_device({.schedule = Schedule::seeded, .seed = seed});
    std::string order;
    for (int i = 0; i < 4; ++i)
      for (ts::StreamId s = 0; s < 3; ++s) submit(device, s, [&order, s] { order += static_cast<char>('0' + s); });
    synchronize_all(device);
    return order;
  };
  std::vector<std::string> seen;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::string order = order_of(seed);
    CHECK(order == order_of(seed));
    if (std::find(seen.begin(), seen.end(), order) == seen.end()) seen.push_back(order);
  }
  CHECK(seen.size() >= 18);
}

TEST_CASE("the host goes on while a queue works, and an event tells when it is done") {
  ts::SimRuntime& device = fresh_device();
  std::atomic<bool> let_go{false};
  submit(device, 0, [&] {
    while (!let_go) std::this_thread::yield();
  });
  const ts::Event done = device.record_event(0);
  CHECK_FALSE(device.has_happened(done));
  CHECK(device.has_happened(device.record_event(1)));
  CHECK(device.has_happened(ts::Event{}));
  let_go = true;
  while (!device.has_happened(done)) std::this_thread::yield();
  CHECK(device.queues().clock().synchronizations == 0);
}

TEST_CASE("on the seeded schedule a host that only asks makes progress, too") {
  ts::SimRuntime& device = fresh_device({.schedule = Schedule::seeded});
  bool ran = false;
  submit(device, 2, [&] { ran = true; });
  device.wait_event(0, device.record_event(2));
  const ts::Event done = device.record_event(0);
  CHECK_FALSE(ran);
  int asked = 0;
  while (!device.has_happened(done)) REQUIRE(++asked < 10);
  CHECK(ran);
}

TEST_CASE("an exception of a worker is raised at the next synchronization of its queue, once, and nothing else stops") {
  for (const Schedule schedule : schedules) {
    ts::SimRuntime& device = fresh_device({.schedule = schedule});
    int after = 0;
    submit(device, 0, [] { throw ts::ValueError("first"); });
    submit(device, 0, [] { throw ts::ValueError("second"); });
    submit(device, 0, [&] { ++after; });
    CHECK_NOTHROW(device.synchronize(1));
    CHECK(error_text([&] { device.synchronize(0); }) == "ValueError: first");
    CHECK_NOTHROW(device.synchronize(0));
    CHECK(after == 1);
  }
}

TEST_CASE("exceptions that are not Tasuki's arrive as they are") {
  ts::SimRuntime& device = fresh_device();
  submit(device, 0, [] { throw std::bad_alloc(); });
  CHECK_THROWS_AS(device.synchronize(0), std::bad_alloc);
}

TEST_CASE("several host threads may queue and wait at once") {
  for (const Schedule schedule : schedules) {
    ts::SimRuntime& device = fresh_device({.schedule = schedule, .seed = 3});
    std::atomic<int> ran{0};
    std::vector<std::thread> hosts;
    for (ts::StreamId s = 0; s < 3; ++s)
      hosts.emplace_back([&, s] {
        for (int i = 0; i < 50; ++i) {
          submit(device, s, [&] { ++ran; });
          device.wait_event((s + 1) % 3, device.record_event(s));
          if (i % 10 == 0) device.synchronize(s);
        }
        device.synchronize(s);
      });
    for (std::thread& t : hosts) t.join();
    CHECK(ran == 150);
  }
}

TEST_CASE("what work owns is destroyed by a thread that launches, not by a worker") {
  ts::SimRuntime& device = fresh_device();
  struct Owned {
    std::thread::id* destroyed_by;
    ~Owned() { *destroyed_by = std::this_thread::get_id(); }
  };
  std::thread::id destroyed_by;
  device.launch(std::make_unique<Task>([owned = std::make_shared<Owned>(Owned{&destroyed_by})] {}), 0);
  destroyed_by = {};
  device.synchronize(0);
  CHECK(destroyed_by == std::this_thread::get_id());
}
