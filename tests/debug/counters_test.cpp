#include "tasuki/debug/counters.hpp"

#include <string>
#include <thread>
#include <vector>

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/autograd/listener.hpp"
#include "tasuki/autograd/node.hpp"
#include "tasuki/ops/matmul.hpp"
#include "tests/catch.hpp"
#include "tests/support/host_array.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Tensor;

static Tensor matrix(std::int64_t rows, std::int64_t columns) { return to_tensor(HostArray({rows, columns}, 1), ts::f32); }

TEST_CASE("counters add up launches, bytes and the operations of a product, by phase") {
  const Tensor a = matrix(4, 6).requires_grad_(), b = matrix(6, 5).requires_grad_();
  ts::debug::Counters counters;
  const Tensor y = ts::matmul(a, b);
  const ts::debug::Counts forward = counters.forward();
  CHECK(forward.launches == 1);
  CHECK(forward.flops == 2 * 4 * 6 * 5);
  CHECK(forward.bytes_read == (4 * 6 + 6 * 5) * 4);
  CHECK(forward.bytes_written == 4 * 5 * 4);
  CHECK(counters.backward().launches == 0);
  y.backward(matrix(4, 5), {.retain_graph = true});
  CHECK(counters.backward().flops == 2 * forward.flops);  // one product per operand
  CHECK(counters.forward().launches == 1);
  ts::replay(y);
  CHECK(counters.replay().launches == 1);
  CHECK(counters.replay().flops == forward.flops);
  CHECK(counters.total().flops == 4 * forward.flops);
  counters.reset();
  CHECK(counters.total().launches == 0);
}

TEST_CASE("views launch nothing") {
  const Tensor a = matrix(4, 6);
  ts::debug::Counters counters;
  a.transpose(0, 1).slice(0, 1, 3).unsqueeze(0);
  CHECK(counters.total().launches == 0);
}

TEST_CASE("launches of all threads are counted") {
  const Tensor a = matrix(2, 2);
  ts::debug::Counters counters;
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) a + a;
    });
  for (auto& t : threads) t.join();
  CHECK(counters.forward().launches == 150);
}

TEST_CASE("listeners come and go while other threads launch") {
  const Tensor a = matrix(2, 2);
  bool stop = false;
  std::thread launching([&] {
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) a + a;
  });
  for (int i = 0; i < 500; ++i) ts::debug::Counters counters;
  __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
  launching.join();
  SUCCEED("nobody was called after it had gone");
}

namespace {
struct Recorder : ts::LaunchListener {
  Recorder(std::string& l, char before, char after) : log(l), before_name(before), after_name(after) {}
  void before_launch(const ts::LaunchRecord&) override { log += before_name; }
  void after_launch(const ts::LaunchRecord&) override { log += after_name; }
  std::string& log;
  char before_name, after_name;
};
}  // namespace

TEST_CASE("listeners are told in the order of registration, before and after the kernel") {
  std::string log;
  Recorder first(log, 'a', 'A'), second(log, 'b', 'B');
  ts::add_listener(first);
  ts::add_listener(second);
  const Tensor x = matrix(2, 2);
  x + x;
  ts::remove_listener(first);
  x + x;
  ts::remove_listener(second);
  x + x;
  CHECK(log == "abABbB");
}
