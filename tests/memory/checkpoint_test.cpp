// Checkpoints by hand: the same bits in less memory.
#include <cstring>

#include "tests/catch.hpp"
#include "tests/memory/devices.hpp"
#include "tests/memory/training.hpp"

namespace ts = tasuki;
using namespace ts::literals;
using namespace testing_memory;

namespace {

constexpr int blocks = 6;

struct Block : ts::nn::Module {
  ts::nn::Linear wide{this, "wide", 128, 512}, narrow{this, "narrow", 512, 128};
  ts::nn::BatchNorm1d norm{this, "norm", 128};
  ts::Tensor operator()(const ts::Tensor& x) { return ts::dropout(norm(x + narrow(ts::gelu(wide(x)))), 0.1); }
};

template <bool Checkpointed>
void residual_network(ts::Device device, Notes& notes) {
  std::vector<Block> net(blocks);
  std::vector<ts::Tensor> parameters;
  for (Block& b : net) {
    b.to(device);
    for (const ts::Tensor& p : b.parameters()) parameters.push_back(p);
  }
  ts::optim::SGD opt{parameters, {.lr = 0.05}};
  const ts::Tensor x = ts::randn({512, 128}).to(device);
  for (int step = 0; step < 3; ++step) {
    opt.zero_grad();
    ts::Tensor y = x;
    for (Block& b : net) y = Checkpointed ? ts::checkpoint([&](const ts::Tensor& in) { return b(in); }, y) : b(y);
    const ts::Tensor loss = ts::mean(y * y);
    loss.backward();
    opt.step();
    notes.add(loss);
  }
  for (Block& b : net) notes.add(b);
}

}  // namespace

TEST_CASE("checkpoint: the same bits in less memory") {
  const ts::Device device = ts::Device::sim(0, {.bytes = 256_MiB});  // whose peak is exact
  const Run plain = run(residual_network<false>, device, std::nullopt);
  const Run saving = run(residual_network<true>, device, std::nullopt);
  REQUIRE(plain.numbers.size() == saving.numbers.size());
  CHECK(std::memcmp(plain.numbers.data(), saving.numbers.data(), plain.numbers.size() * sizeof(float)) == 0);
  CHECK(saving.peak < plain.peak * 6 / 10);
  CHECK(ts::runtime_of(device).manager() == nullptr);  // what was dropped is back or gone, so launches are as cheap as ever
}

TEST_CASE("checkpoint: within a budget") {
  const Run plain = run(residual_network<false>, cpu, std::nullopt);
  const Run saving = run(residual_network<true>, cpu, ts::memory::BudgetOptions{.bytes = plain.peak / 2});
  CHECK(std::memcmp(plain.numbers.data(), saving.numbers.data(), plain.numbers.size() * sizeof(float)) == 0);
}

TEST_CASE("checkpoint: nested, of several results, and left by an exception") {
  const ts::Tensor w = ts::randn({128, 128}, {.requires_grad = true});
  const ts::Tensor x = ts::randn({128, 128});
  const auto inner = [&](const ts::Tensor& a) { return ts::tanh(ts::matmul(a, w)); };
  const auto outer = [&](const ts::Tensor& a) {
    const ts::Tensor b = ts::checkpoint(inner, ts::sigmoid(ts::matmul(a, w)));
    return std::vector<ts::Tensor>{b, ts::exp(b)};
  };
  const auto plain = outer(x);
  ts::sum(plain[0] * plain[1]).backward();
  const auto expected = w.grad().to_vector<float>();
  w.zero_grad();
  const auto saving = ts::checkpoint(outer, x);
  ts::sum(saving[0] * saving[1]).backward();
  CHECK(w.grad().to_vector<float>() == expected);

  CHECK_THROWS_AS(ts::checkpoint([&](const ts::Tensor& a) { return ts::matmul(a, ts::ones({3, 3})); }, x), ts::ShapeError);
  w.zero_grad();
  ts::sum(ts::checkpoint(inner, x)).backward();
  CHECK(w.grad().defined());
}

TEST_CASE("checkpoint: what a changed weight made is made before the change") {
  const ts::Tensor w = ts::randn({128, 128}, {.requires_grad = true});
  const ts::Tensor x = ts::randn({128, 128});
  ts::Tensor hidden;
  const ts::Tensor y = ts::checkpoint(
      [&](const ts::Tensor& a) {
        hidden = ts::relu(ts::matmul(a, w));  // escapes, and is dropped nevertheless
        return ts::exp(hidden * 0.01f);
      },
      x);
  REQUIRE(hidden.storage().residency() == ts::Residency::dropped);
  const auto expected = [&] {
    const ts::NoGrad off;
    return ts::relu(ts::matmul(x, w)).to_vector<float>();
  }();
  {
    const ts::NoGrad off;
    w.fill_(0);
  }
  CHECK(hidden.to_vector<float>() == expected);
}
