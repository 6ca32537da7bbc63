// The thread that talks to other processes, with a communicator that does what a test wants.
#include "src/dist/communication_thread.hpp"

#include <atomic>
#include <chrono>
#include <vector>

#include "src/dist/patience.hpp"
#include "src/dist/self_communicator.hpp"
#include "tests/catch.hpp"
#include "tests/support/expect_error.hpp"

using namespace tasuki;
using namespace tasuki::testing;
using dist::CommunicationThread;
using dist::Communicator;
using dist::Work;

TEST_CASE("operations run one after the other, in the order in which they were posted") {
  dist::SelfCommunicator alone;
  CommunicationThread thread(alone, 60);
  std::vector<int> order;
  std::atomic<int> running{0};
  std::vector<Work> works;
  for (int i = 0; i < 200; ++i)
    works.push_back(thread.post("test", 8, [&order, &running, i](Communicator&) {
      CHECK(running.fetch_add(1) == 0);
      order.push_back(i);
      running.fetch_sub(1);
    }));
  works.back().wait();
  REQUIRE(order.size() == 200);
  for (int i = 0; i < 200; ++i) {
    CHECK(order[static_cast<std::size_t>(i)] == i);
    CHECK(works[static_cast<std::size_t>(i)].ready());
  }
}

TEST_CASE("posting and waiting from several threads") {
  dist::SelfCommunicator alone;
  CommunicationThread thread(alone, 60);
  long sum = 0;  // only the communication thread touches it
  std::vector<std::thread> posters;
  for (int t = 0; t < 4; ++t)
    posters.emplace_back([&] {
      for (int i = 0; i < 100; ++i) thread.post("test", 8, [&sum](Communicator&) { ++sum; }).wait();
    });
  for (std::thread& t : posters) t.join();
  thread.post("test", 0, [](Communicator&) {}).wait();
  CHECK(sum == 400);
}

TEST_CASE("what fails on the communication thread fails where it is waited for, and everything after it") {
  dist::SelfCommunicator alone;
  CommunicationThread thread(alone, 60);
  bool ran = false;
  const Work bad = thread.post("test", 8, [](Communicator&) { TASUKI_THROW(ValueError, "no"); });
  const Work next = thread.post("test", 8, [&ran](Communicator&) { ran = true; });
  expect_error([&] { bad.wait(); }, "DistributedError: no");
  expect_error([&] { next.wait(); }, "DistributedError: no");
  CHECK_FALSE(ran);
}

TEST_CASE("each operation has a deadline of its own, however many are ahead of it") {
  dist::SelfCommunicator alone;
  CommunicationThread thread(alone, 4);
  Work last;
  for (int i = 0; i < 12; ++i) last = thread.post("test", 8, [](Communicator&) { std::this_thread::sleep_for(std::chrono::milliseconds(500)); });
  last.wait();
  CHECK(last.ready());
}

TEST_CASE("time in which this process was stopped does not count as waiting") {
  using dist::Patience;
  using std::chrono::milliseconds;
  Patience::Clock::time_point now{};
  Patience patience(now);
  CHECK(patience.seconds(now += milliseconds(500)) == 0.5);
  CHECK(patience.seconds(now += std::chrono::hours(3)) == 1.5);
  CHECK(patience.seconds(now += milliseconds(250)) == 1.75);
}

TEST_CASE("whoever waits too long is told for what, and what was done before") {
  struct Slow final : dist::Communicator {
    std::atomic<bool> go{false};
    int rank() const override { return 1; }
    int size() const override { return 2; }
    int local_rank() const override { return 1; }
    int local_size() const override { return 2; }
    std::string description() const override { return "slow"; }
    void all_reduce(void*, std::int64_t, DType) override {
      while (!go) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    void broadcast(void*, std::size_t, int) override {}
    void all_gather(const void*, std::size_t, void*) override {}
    void barrier() override {}
    [[noreturn]] void abort(int) override { std::abort(); }
  };
  static Slow slow;                                              // outlives the detached thread
  static auto& thread = *new CommunicationThread(slow, 1);
  thread.post("barrier", 0, [](Communicator& c) { c.barrier(); }).wait();
  const Work work = thread.post("gradients", 4096, [](Communicator& c) { c.all_reduce(nullptr, 1024, f32); });
  CHECK_FALSE(work.ready());
  expect_error([&] { work.wait(); },
               "DistributedError: rank 1 of 2 has waited 1 s for the others in gradients of 4096 bytes, its operation 2\n"
               "  one of them has ended, hangs, or does fewer steps; the latest operations here were\n"
               "    1 barrier of 0 bytes\n"
               "    2 gradients of 4096 bytes");
  CHECK(thread.is_stuck());
  slow.go = true;
  work.wait();
  CHECK(work.ready());
}
