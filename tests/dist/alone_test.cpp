// One process: what mpirun would share among several is all done here.
#include "kernels/sum_sources.hpp"
#include "tasuki/autograd/after_backward.hpp"
#include "tasuki/ops/global_count.hpp"
#include "tasuki/tasuki.hpp"
#include "tasuki/tensor/tensor_impl.hpp"
#include "tests/catch.hpp"
#include "tests/support/expect_error.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;

TEST_CASE("a world of one process") {
  const ts::dist::World world = ts::dist::world();
  CHECK(world.rank() == 0);
  CHECK(world.size() == 1);
  CHECK(world.sum(2.5) == 2.5);
  const ts::Tensor x = ts::arange(5);
  const ts::Tensor sum = world.sum(x);
  CHECK_FALSE(sum.is_same(x));
  CHECK(sum.to_vector<std::int64_t>() == x.to_vector<std::int64_t>());
  CHECK(world.gather_texts("a", ",") == "a");
  const ts::data::Shard shard = world;
  CHECK(shard.size == 1);
  expect_error([&] { world.broadcast(ts::ones({2}), 1); },
               "ValueError: broadcast\n"
               "  expected  a root among 1 processes\n"
               "  actual    1\n"
               "  x: f32[2] cpu\n"
               "  called at <here>");
}

TEST_CASE("means and balance of one process") {
  ts::dist::Average mean{ts::dist::world()};
  mean.add(3, 4);
  mean.add(0, 0);
  mean.add(2, 1);
  CHECK(mean.value() == 1);
  ts::dist::Balance balance{ts::dist::world()};
  balance.count({ts::zeros({3, 5}), ts::zeros({3}, {.dtype = ts::i64})});
  balance.count({ts::zeros({0, 5}), {}});
  const auto report = balance.end_epoch();
  CHECK(report.samples == std::vector<double>{3});
  CHECK(report.bytes == std::vector<double>{3 * 5 * 4 + 3 * 8});
  CHECK(report.seconds[0] >= 0);
  CHECK(report.to_string() == "balance over 1 processes (Jain's index): samples 1.0000, bytes 1.0000, seconds 1.0000");
  CHECK(balance.end_epoch().samples == std::vector<double>{0});
}

TEST_CASE("Jain's index is 1 for equal shares and 1/n when one has all") {
  CHECK(ts::dist::jain_index({5, 5, 5, 5}) == 1);
  CHECK(ts::dist::jain_index({0, 7, 0, 0}) == 0.25);
  CHECK(ts::dist::jain_index({1, 2, 3}) == Approx(36.0 / 42));
  CHECK(ts::dist::jain_index({0, 0}) == 1);
}

TEST_CASE("data parallel on one process changes nothing") {
  std::vector<float> results[2];
  for (const bool parallel : {false, true}) {
    ts::manual_seed(1);
    ts::models::MLP net{{8, 16, 3}};
    ts::optim::SGD opt{net.parameters(), {.lr = 0.1}};
    std::optional<ts::dist::DataParallel> wrapped;
    if (parallel) wrapped.emplace(ts::dist::world(), net, opt);
    const ts::Tensor x = ts::randn({7, 8}), t = ts::randint(0, 3, {7});
    for (int i = 0; i < 3; ++i) {
      opt.zero_grad();
      ts::cross_entropy(net(x), t).backward();
      opt.step();
    }
    for (const ts::Tensor& p : net.parameters()) {
      const auto values = p.detach().to_vector<float>();
      results[parallel].insert(results[parallel].end(), values.begin(), values.end());
    }
  }
  CHECK(results[0] == results[1]);
}

namespace {
/// Three processes that have as much as this one.
struct Thrice final : ts::BatchCount {
  int asked = 0;
  double total(double mine) override {
    ++asked;
    return 3 * mine;
  }
};
}  // namespace

TEST_CASE("losses that average ask for the global count when they are recorded, and only then") {
  Thrice three;
  ts::BatchCount* const before = ts::set_batch_count(&three);
  const ts::Tensor x = ts::randn({4, 5}).requires_grad_(), t = ts::from(std::vector<std::int64_t>{1, 2, -100, 4}), weight = ts::rand({5});
  const auto check = [&](const ts::Tensor& spread, auto&& whole) {
    const float part = spread.item<float>();
    const ts::NoGrad off;
    const int asked = three.asked;
    CHECK(part == Approx(whole().template item<float>() / 3).epsilon(1e-6));
    CHECK(three.asked == asked);
  };
  check(ts::cross_entropy(x, t), [&] { return ts::cross_entropy(x, t); });
  check(ts::cross_entropy(x, t, {.weight = weight}), [&] { return ts::cross_entropy(x, t, {.weight = weight}); });
  check(ts::cross_entropy(x, ts::softmax(x.detach(), 1)), [&] { return ts::cross_entropy(x, ts::softmax(x.detach(), 1)); });
  check(ts::nll_loss(ts::log_softmax(x, 1), t), [&] { return ts::nll_loss(ts::log_softmax(x, 1), t); });
  check(ts::mse_loss(x, ts::zeros_like(x)), [&] { return ts::mse_loss(x, ts::zeros_like(x)); });
  const int asked = three.asked;
  CHECK(asked == 5);
  ts::cross_entropy(x, t, {.reduction = ts::Reduction::sum});
  ts::mean(x);
  CHECK(three.asked == asked);
  const ts::Tensor nothing = ts::cross_entropy(x.slice(0, 0, 0), t.slice(0, 0, 0));
  CHECK(nothing.item<float>() == 0);
  nothing.backward();
  CHECK(ts::sum(x.grad().ne(0)).item<std::int64_t>() == 0);
  ts::set_batch_count(before);
}

TEST_CASE("sums over sources are carried in f32 or wider, in the order of the sources") {
  const std::int64_t n = 5003;
  for (const ts::DType dtype : {ts::f32, ts::f64, ts::bf16, ts::f16}) {
    CAPTURE(ts::name_of(dtype));
    std::vector<ts::Tensor> parts;
    std::vector<const void*> sources;
    ts::Tensor expected = ts::zeros({n}, {.dtype = ts::kernels::cpu::sum_type(dtype)});
    for (int s = 0; s < 5; ++s) {
      parts.push_back(ts::randn({n}).to(dtype));
      sources.push_back(parts.back().impl()->address());
      expected = expected + parts.back().to(expected.dtype());
    }
    ts::Tensor sum = ts::empty({n}, {.dtype = expected.dtype()}), rounded = ts::empty({n}, {.dtype = dtype});
    ts::kernels::cpu::sum_sources_wide(sources.data(), sources.size(), n, dtype, sum.impl()->address());
    CHECK(ts::sum(sum.ne(expected)).item<std::int64_t>() == 0);
    ts::kernels::cpu::round_sum(sum.impl()->address(), n, dtype, rounded.impl()->address());
    CHECK(ts::sum(rounded.ne(expected.to(dtype))).item<std::int64_t>() == 0);
    // At once to several, of which some are sources.
    const ts::Tensor other = ts::empty({n}, {.dtype = dtype});
    void* const destinations[] = {parts[1].impl()->address(), other.impl()->address(), parts[4].impl()->address()};
    ts::kernels::cpu::sum_sources(sources.data(), sources.size(), n, dtype, destinations, 3);
    for (const ts::Tensor& x : {parts[1], other, parts[4]}) CHECK(ts::sum(x.ne(rounded)).item<std::int64_t>() == 0);
  }
}

TEST_CASE("after_backward runs once all gradients are there, and is refused outside a pass") {
  const ts::Tensor x = ts::ones({3}).requires_grad_(), y = ts::ones({3}).requires_grad_();
  int calls = 0;
  x.register_post_accumulate_hook([&](const ts::Tensor&) {
    ts::after_backward([&] {
      CHECK(x.grad().defined());
      CHECK(y.grad().defined());
      ++calls;
    });
  });
  (x * y).sum().backward();
  CHECK(calls == 1);
  expect_error([] { ts::after_backward([] {}); },
               "AutogradError: after_backward() was called outside a backward pass\n"
               "  call it from a hook");
}
