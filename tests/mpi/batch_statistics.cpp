// Layers that depend on the whole batch, or draw for it, while it is spread over processes.
#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "tests/mpi/ranks.hpp"

namespace ts = tasuki;

namespace {

struct Net : ts::nn::Module {
  ts::nn::Conv2d conv{this, "conv", 2, 6, {.kernel = 3}};
  ts::nn::BatchNorm2d first{this, "first", 6};
  ts::nn::Linear middle{this, "middle", 6 * 16, 20};
  ts::nn::BatchNorm1d second{this, "second", 20};
  ts::nn::Linear last{this, "last", 20, 5};
  bool again = false;  ///< parts are computed again for backward
  ts::Tensor operator()(const ts::Tensor& x) {
    const auto body = [this](const ts::Tensor& in) { return ts::tanh(first(conv(in))); };
    const ts::Tensor h = again ? ts::checkpoint(body, x) : body(x);
    return last(ts::tanh(second(middle(ts::flatten(h, 1)))));
  }
};

struct Run {
  std::vector<double> losses;
  std::vector<float> state;
};

/// Process r has the examples from bounds[r] to bounds[r + 1]; no bounds for one process that has all of it.
Run train(const ts::dist::World& world, const std::vector<std::int64_t>& bounds, bool again, int zero = 0) {
  constexpr int steps = 50, batch = 24;
  ts::manual_seed(21);
  Net net;
  net.again = again;
  CHECK(ts::nn::synchronize_batch_norm(net) == 2);
  ts::optim::SGD opt{net.parameters(), {.lr = 0.05, .momentum = 0.9}};
  std::optional<ts::dist::DataParallel> parallel;
  const bool spread = !bounds.empty();
  if (spread) parallel.emplace(world, net, opt, ts::dist::DataParallelOptions{.zero = zero});
  const ts::Tensor x = ts::randn({steps, batch, 2, 6, 6}) + 3, t = ts::randint(0, 5, {steps, batch});
  const auto r = static_cast<std::size_t>(world.rank());
  const std::int64_t begin = spread ? bounds[r] : 0, end = spread ? bounds[r + 1] : batch;
  Run run;
  for (int step = 0; step < steps; ++step) {
    opt.zero_grad();
    const ts::Tensor loss = ts::cross_entropy(net(x[step].slice(0, begin, end)), t[step].slice(0, begin, end));
    loss.backward();
    opt.step();
    run.losses.push_back(spread ? world.sum(static_cast<double>(loss.item<float>())) : loss.item<float>());
  }
  for (const ts::NamedTensor& b : net.named_buffers()) {
    const auto values = b.tensor.to_vector<float>();
    run.state.insert(run.state.end(), values.begin(), values.end());
  }
  return run;
}

}  // namespace

/// On three processes or more: shares of any size, none for one process; one sample, of which alone there would be no variance, for another.
void batch_statistics(const ts::dist::World& world) {
  const int n = world.size();
  std::vector<std::int64_t> even, uneven{0, 1, 1};
  for (int r = 0; r <= n; ++r) even.push_back(24 * r / n);
  for (int r = 3; r <= n; ++r) uneven.push_back(24 * r / n);
  const Run alone = train(world, {}, false);
  for (const bool again : {false, true})
    for (const auto& bounds : {even, uneven}) {
      const Run spread = train(world, bounds, again, again ? 1 : 0);
      for (std::size_t i = 0; i < alone.losses.size(); ++i) CHECK(std::fabs(spread.losses[i] - alone.losses[i]) <= 1e-6 * std::max(1.0, std::fabs(alone.losses[i])));
      for (std::size_t i = 0; i < alone.state.size(); ++i) CHECK(std::fabs(spread.state[i] - alone.state[i]) <= 1e-5f * std::max(1.0f, std::fabs(alone.state[i])));
      const std::string bits(reinterpret_cast<const char*>(spread.state.data()), spread.state.size() * sizeof(float)), all = world.gather_texts(bits, "");
      for (int other = 0; other < n; ++other) CHECK(all.compare(static_cast<std::size_t>(other) * bits.size(), bits.size(), bits) == 0);
    }

  Net net;
  ts::nn::synchronize_batch_norm(net);
  ts::optim::SGD opt{net.parameters(), {.lr = 0.05}};
  ts::dist::DataParallel parallel{world, net, opt};
  const ts::Tensor one = ts::ones({world.rank() == 0 ? 1 : 0, 20});
  CHECK(contains(message_of([&] { net.second(one); }), "the variance of one value per channel, over all processes, is undefined"));
  const ts::Tensor x = ts::randn({4, 20}).requires_grad_(), y = net.second(x);
  CHECK(contains(message_of([&] { ts::grad({ts::sum(ts::square(y))}, {x}, {.create_graph = true}); }), "batch_norm over several processes (synchronized) has no double backward"));
}

/// Masks of the processes differ, the default stream stays the same everywhere, and the same seed gives the same masks again.
void spread_dropout(const ts::dist::World& world) {
  ts::nn::Linear net{8, 8};
  ts::optim::SGD opt{net.parameters(), {.lr = 0.05}};
  ts::dist::DataParallel parallel{world, net, opt};
  const auto masks = [&] {
    ts::manual_seed(9);
    std::string bits;
    for (int i = 0; i < 2; ++i) {
      ts::dropout(ts::ones({world.rank() * 3, 5}).requires_grad_(), 0.5);  // as many words as nobody else
      for (const float v : ts::dropout(ts::ones({64}).requires_grad_(), 0.5).detach().to_vector<float>()) bits += v > 0 ? '1' : '0';
      bits += ' ';
    }
    return bits;
  };
  const std::string mine = masks(), all = world.gather_texts(mine, "");
  CHECK(masks() == mine);
  CHECK(mine.substr(0, 64) != mine.substr(65, 64));
  for (int other = 0; other < world.size(); ++other) CHECK((all.substr(static_cast<std::size_t>(other) * mine.size(), mine.size()) == mine) == (other == world.rank()));
  const std::string drawn = std::to_string(ts::rand({1}).item<float>()), everywhere = world.gather_texts(drawn, "");
  std::string expected;
  for (int other = 0; other < world.size(); ++other) expected += drawn;
  CHECK(everywhere == expected);
  {
    const ts::NoGrad off;  // evaluation draws from the common stream
    const auto values = ts::dropout(ts::ones({64}), 0.5).to_vector<float>();
    const std::string common(reinterpret_cast<const char*>(values.data()), 256), of_all = world.gather_texts(common, "");
    for (int other = 0; other < world.size(); ++other) CHECK(of_all.compare(static_cast<std::size_t>(other) * 256, 256, common) == 0);
  }
}
