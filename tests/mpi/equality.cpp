// The promise of data parallel training: whatever the number of processes, the shares and what is spread over them, fifty steps have the
// losses of one process, to 1e-6 of each; and every run on as many processes has the same bits.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "tests/mpi/ranks.hpp"

namespace ts = tasuki;

namespace {

constexpr int steps = 50, batch = 48;

struct Mode {
  const char* name;
  int zero = 0, parts = 1;  ///< backward passes of a step
  bool uneven = false;
  int width = 80;           ///< with 400 the parameters take a megabyte, and lie in memory that the processes share
};
constexpr Mode modes[] = {{"plain"}, {"accumulated", 0, 3}, {"uneven", 0, 1, true}, {"zero = 1", 1}, {"zero = 2", 2}, {"zero = 3", 3}, {"zero = 2, accumulated, uneven", 2, 3, true}, {"plain, large", 0, 1, false, 400}, {"zero = 1, large", 1, 1, false, 400}, {"zero = 2, large", 2, 1, false, 400}};

struct Net : ts::nn::Module {
  explicit Net(int width) : a{this, "a", 20, width * 3 / 2}, b{this, "b", width * 3 / 2, width}, c{this, "c", width, 10} {}
  ts::nn::Linear a, b, c;
  ts::Tensor operator()(const ts::Tensor& x) { return c(ts::gelu(b(ts::tanh(a(x))))); }
};

/// Examples of a part of a batch that come before rank r's. Uneven: more for higher ranks, and in each fifth step all for one of them.
std::int64_t begin_of(const Mode& mode, int step, int r, int n) {
  constexpr auto whole = [](const Mode& m) { return batch / m.parts; };
  if (!mode.uneven) return whole(mode) * r / n;
  if (step % 5 == 4) return r > step % n ? whole(mode) : 0;
  return whole(mode) * r * (r + 1) / (n * (n + 1));
}

/// The global loss of each step, and behind them the parameters. With `alone` one process takes all examples of each part.
std::vector<double> train(const ts::dist::World& world, const Mode& mode, bool alone) {
  const int n = alone ? 1 : world.size(), r = alone ? 0 : world.rank();
  ts::manual_seed(13);
  Net net{mode.width};
  ts::optim::AdamW opt{net.parameters(), {.lr = 0.32 / mode.width}};
  std::optional<ts::dist::DataParallel> parallel;
  if (!alone) parallel.emplace(world, net, opt, ts::dist::DataParallelOptions{.bucket_bytes = static_cast<std::size_t>(mode.width) * 250, .zero = mode.zero});
  const ts::Tensor x = ts::randn({steps, batch, 20}), t = ts::argmax(x.slice(2, 0, 10), 2);
  std::vector<double> results;
  for (int step = 0; step < steps; ++step) {
    opt.zero_grad();
    double loss = 0;
    for (int part = 0; part < mode.parts; ++part) {
      const std::int64_t from = part * (batch / mode.parts), begin = from + begin_of(mode, step, r, n), end = alone ? from + batch / mode.parts : from + begin_of(mode, step, r + 1, n);
      std::optional<ts::dist::DataParallel::NoSync> later;
      if (parallel && part + 1 < mode.parts) later.emplace(*parallel);
      const ts::Tensor mine = ts::cross_entropy(net(x[step].slice(0, begin, end)), t[step].slice(0, begin, end));
      mine.backward();
      loss += static_cast<double>(mine.item<float>());
    }
    opt.step();
    results.push_back(alone ? loss : world.sum(loss));
  }
  std::optional<ts::dist::DataParallel::WholeParameters> whole;
  if (parallel) whole.emplace(*parallel);
  for (const ts::Tensor& p : net.parameters())
    for (const float v : p.detach().to_vector<float>()) results.push_back(v);
  return results;
}

}  // namespace

void equality(const ts::dist::World& world) {
  for (const Mode& mode : modes) {
    const auto alone = train(world, mode, true), together = train(world, mode, false), again = train(world, mode, false);
    double apart = 0;
    for (std::size_t i = 0; i < steps; ++i) apart = std::max(apart, std::fabs(together[i] - alone[i]) / alone[i]);
    if (world.rank() == 0) std::printf("%d processes, %-30s loss %.9g after %d steps, at most %.1e apart from one process\n", world.size(), mode.name, together[steps - 1], steps, apart);
    CHECK(apart <= 1e-6);
    CHECK(alone[steps - 1] < 0.6 * alone[0]);
    CHECK(together == again);
    const std::string bits(reinterpret_cast<const char*>(together.data()), together.size() * sizeof(double)), all = world.gather_texts(bits, "");
    for (int r = 0; r < world.size(); ++r) CHECK(all.compare(static_cast<std::size_t>(r) * bits.size(), bits.size(), bits) == 0);
  }
}
