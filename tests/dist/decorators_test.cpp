// Links that are slower than they are, and faults. Times are only compared with what they cannot be below.
#include <chrono>
#include <vector>

#include "src/dist/communication_thread.hpp"
#include "src/dist/decorators.hpp"
#include "src/dist/self_communicator.hpp"
#include "tasuki/tasuki.hpp"
#include "tests/catch.hpp"
#include "tests/support/expect_error.hpp"

using namespace tasuki;
using namespace tasuki::testing;
using dist::Communicator;

namespace {

std::unique_ptr<Communicator> alone() { return std::make_unique<dist::SelfCommunicator>(); }

template <class F>
double seconds_of(const F& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

TEST_CASE("operations on an emulated link take as long as the alpha-beta model says") {
  const double alpha = 1e-3, beta = 1e6;  // bytes per second
  const auto link = dist::make_emulated_link(alone(), {.seconds = alpha, .bytes_per_second = beta, .processes = 4});
  CHECK(link->size() == 4);
  CHECK(link->rank() == 0);
  std::vector<float> data(1000, 1.0f);
  const double bytes = 4000;
  CHECK(seconds_of([&] { link->all_reduce(data.data(), 1000, f32); }) >= 6 * (alpha + bytes / 4 / beta));
  const std::int64_t bounds[] = {0, 250, 500, 750, 1000};
  CHECK(seconds_of([&] { link->reduce_scatter(data.data(), bounds, f32); }) >= 3 * (alpha + bytes / 4 / beta));
  CHECK(seconds_of([&] { link->all_gather_parts(data.data(), bounds); }) >= 3 * (alpha + 1000 / 4 / beta));
  CHECK(seconds_of([&] { link->broadcast(data.data(), 4000, 0); }) >= 2 * alpha + bytes / beta);
  CHECK(seconds_of([&] { link->barrier(); }) >= 2 * alpha);
  CHECK(data == std::vector<float>(1000, 1.0f));  // the others contribute nothing
}

TEST_CASE("one process behind an emulated link hears its own words from the others") {
  const auto link = dist::make_emulated_link(alone(), {.processes = 3});
  const char mine[] = {'a', 'b'};
  char all[6];
  link->all_gather(mine, 2, all);
  CHECK(std::string(all, 6) == "ababab");
}

TEST_CASE("a fault befalls one operation of one process") {
  const auto late = dist::make_faulty(alone(), {.kind = dist::Fault::Kind::delay, .operation = 2, .seconds = 0.05});
  late->barrier();
  CHECK(seconds_of([&] { late->barrier(); }) >= 0.05);
  // Never destroyed, since the thread never comes back.
  static auto& dropping = *dist::make_faulty(alone(), {.kind = dist::Fault::Kind::drop, .operation = 2}).release();
  static auto& thread = *new dist::CommunicationThread(dropping, 2);
  thread.post("barrier", 0, [](Communicator& c) { c.barrier(); }).wait();
  const dist::Work lost = thread.post("gradients", 16, [](Communicator& c) { c.barrier(); });
  CHECK_THROWS_WITH(lost.wait(), Catch::Contains("has waited 2 s for the others in gradients of 16 bytes, its operation 2"));
  CHECK_FALSE(lost.ready());
}

TEST_CASE("gradients that others add nothing to are what they were") {
  std::vector<float> values[2];
  for (const bool emulated : {false, true}) {
    dist::emulate_link({.seconds = 1e-6, .processes = emulated ? 4 : 1});
    CHECK(dist::world().size() == (emulated ? 4 : 1));
    manual_seed(2);
    models::MLP net{{8, 40, 40, 3}};
    optim::SGD opt{net.parameters(), {.lr = 0.1}};
    dist::DataParallel parallel{dist::world(), net, opt, {.bucket_bytes = 2000}};
    const Tensor x = randn({7, 8}), t = randint(0, 3, {7});
    for (int step = 0; step < 5; ++step) {
      opt.zero_grad();
      cross_entropy(net(x), t).backward();
      opt.step();
    }
    for (const Tensor& p : net.parameters()) {
      const auto some = p.detach().to_vector<float>();
      values[emulated].insert(values[emulated].end(), some.begin(), some.end());
    }
  }
  dist::emulate_link({.processes = 1});
  CHECK(values[0] == values[1]);
}

TEST_CASE("buckets are summed in the order in which their gradients came in the first pass") {
  struct Reversed : nn::Module {
    nn::Linear last{this, "last", 5, 2}, middle{this, "middle", 5, 5}, first{this, "first", 3, 5};
    Tensor operator()(const Tensor& x) { return last(tanh(middle(tanh(first(x))))); }
  };
  dist::emulate_link({.seconds = 1e-6, .processes = 4});
  {
    Reversed net;
    optim::SGD opt{net.parameters(), {.lr = 0.1}};
    dist::DataParallel parallel{dist::world(), net, opt, {.bucket_bytes = 1}};
    CHECK(parallel.bucket_order() == std::vector<std::size_t>{0, 1, 2, 3, 4, 5});
    for (int step = 0; step < 3; ++step) {
      opt.zero_grad();
      sum(net(ones({4, 3}))).backward();
      const auto& order = parallel.bucket_order();
      REQUIRE(order.size() == 6);
      // two buckets of each layer, those of the first one being the last
      for (std::size_t i = 0; i < 6; ++i) CHECK(order[i] / 2 == 2 - i / 2);
    }
  }
  dist::emulate_link({.processes = 1});
}

TEST_CASE("buckets are larger where each costs more") {
  const auto bytes_on = [](double latency, double speed) {
    dist::emulate_link({.seconds = latency, .bytes_per_second = speed, .processes = 4});
    nn::Linear net{1000, 1000};
    optim::SGD opt{net.parameters(), {.lr = 0.1}};
    return dist::DataParallel(dist::world(), net, opt).bucket_bytes();
  };
  CHECK(bytes_on(1e-2, 1e9) > bytes_on(1e-6, 1e8));
  dist::emulate_link({.processes = 1});
}

TEST_CASE("links and faults that cannot be leave the communicator where it was") {
  auto inner = alone();
  expect_error([&] { dist::make_emulated_link(std::move(inner), {.seconds = -1}); }, "ValueError: expected  a link of some seconds and bytes per second\n  actual    -1 s and 0 bytes/s");
  expect_error([&] { dist::make_faulty(std::move(inner), {.rank = 1}); },
               "ValueError: expected  a rank among 1 processes, an operation from 1 on and some seconds\n  actual    rank 1, operation 1, 0 s");
  CHECK(inner != nullptr);
}
