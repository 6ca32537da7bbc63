// Processes of different speed: shares of any size, and the gradient of the global batch.
#include <cmath>
#include <optional>
#include <vector>

#include "tests/mpi/ranks.hpp"

namespace ts = tasuki;

namespace {

std::vector<double> train(const ts::dist::World& world, bool spread) {
  ts::manual_seed(41);
  ts::models::MLP net{{6, 30, 3}};
  const ts::data::TensorDataset data(ts::randn({50, 6}), ts::randint(0, 3, {50}));
  ts::optim::AdamW opt{net.parameters(), {.lr = 1e-2}};
  std::optional<ts::dist::DataParallel> parallel;
  if (spread) parallel.emplace(world, net, opt);
  ts::data::Loader loader(&data, {.global_batch = 12, .shuffle = true, .seed = 3, .workers = 1, .shard = spread ? ts::data::Shard(world) : ts::data::Shard()});
  std::vector<double> losses;
  for (int epoch = 0; epoch < 10; ++epoch) {
    double mine = 0;
    for (const auto& [x, t] : loader) {
      opt.zero_grad();
      const ts::Tensor loss = ts::cross_entropy(net(x), t);
      loss.backward();
      opt.step();
      losses.push_back(spread ? world.sum(static_cast<double>(loss.item<float>())) : loss.item<float>());
      mine += static_cast<double>(x.size(0));
    }
    if (!spread) continue;
    CHECK(world.sum(mine) == 50);
    // Of four batches of 12, and one of 2.
    if (epoch == 1) CHECK(mine == std::vector<double>({8, 34, 8})[static_cast<std::size_t>(world.rank())]);
    // Another distribution in each epoch: equal, of 1 : 3 : 1, one without any, none.
    const std::vector<double> shares[] = {{1, 3, 1}, {0, 0.1, 0.2}, {5, 5, 0.5}, {}};
    loader.set_shares(shares[epoch % 4]);
  }
  return losses;
}

}  // namespace

void shares(const ts::dist::World& world) {
  const auto alone = train(world, false), spread = train(world, true);
  CHECK(alone.size() == 50 && spread.size() == 50);
  for (std::size_t i = 0; i < alone.size(); ++i) CHECK(std::fabs(spread[i] - alone[i]) <= 1e-6 * std::fabs(alone[i]));

  const ts::dist::BalanceReport report{{30, 10, 0}, {0, 0, 0}, {2, 2, 1}};
  CHECK(report.speeds() == std::vector<double>({15, 5, 10}));
}
