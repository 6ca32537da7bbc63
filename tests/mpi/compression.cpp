// Gradients that travel with fewer bytes: what arrives, what is kept back, and that training gets where it gets without.
#include <cmath>
#include <vector>

#include "tests/mpi/ranks.hpp"

namespace ts = tasuki;
using Kind = ts::dist::Compression::Kind;

namespace {

struct Net : ts::nn::Module {
  ts::nn::Linear a{this, "a", 24, 40}, b{this, "b", 40, 40}, c{this, "c", 40, 1};
  ts::Tensor operator()(const ts::Tensor& x) { return c(ts::tanh(b(ts::tanh(a(x))))); }
};

struct Run {
  std::vector<float> gradients;  ///< of all steps together
  std::vector<double> losses;
  ts::dist::CompressionReport report;
  std::size_t states;
};

std::vector<float> flat(const Net& net) {
  std::vector<float> all;
  for (const ts::Tensor& p : net.parameters()) {
    const auto g = p.grad().to_vector<float>();
    all.insert(all.end(), g.begin(), g.end());
  }
  return all;
}

/// `moving`: the optimizer steps; otherwise every step has the same gradients.
Run train(const ts::dist::World& world, const ts::dist::Compression& compression, int steps, bool moving, double momentum = 0.9) {
  ts::manual_seed(31);
  Net net;
  const ts::Tensor x = ts::randn({48, 24}), t = ts::tanh(ts::sum(x.slice(1, 0, 4), 1, true));
  ts::optim::SGD opt{net.parameters(), {.lr = 0.05, .momentum = momentum}};
  ts::dist::DataParallel parallel{world, net, opt, {.bucket_bytes = 4000, .compression = compression}};
  const std::int64_t begin = 48 * world.rank() / world.size(), end = 48 * (world.rank() + 1) / world.size();
  Run run;
  for (int step = 0; step < steps; ++step) {
    opt.zero_grad();
    const ts::Tensor loss = ts::mse_loss(net(x.slice(0, begin, end)), t.slice(0, begin, end));
    loss.backward();
    const auto g = flat(net);
    run.gradients.resize(g.size());
    for (std::size_t i = 0; i < g.size(); ++i) run.gradients[i] += g[i];
    if (moving) opt.step();
    run.losses.push_back(world.sum(static_cast<double>(loss.item<float>())));
  }
  run.report = parallel.compression_report();
  run.states = parallel.compression_state().size();
  return run;
}

double distance(const std::vector<float>& a, const std::vector<float>& b) {
  double apart = 0, norm = 0;
  for (std::size_t i = 0; i < a.size(); ++i) apart += std::pow(a[i] - b[i], 2), norm += std::pow(b[i], 2);
  return std::sqrt(apart / norm);
}

}  // namespace

void compression(const ts::dist::World& world) {
  const auto first = [&](const ts::dist::Compression& c) { return train(world, c, 1, false); };
  const Run exact = first({});
  CHECK(exact.report.sent_bytes == 0 && exact.states == 0);

  const Run half = first({.kind = Kind::bf16}), finer = first({.kind = Kind::f16});
  CHECK(distance(half.gradients, exact.gradients) < 1.0 / 256 && distance(half.gradients, exact.gradients) > 0);
  CHECK(distance(finer.gradients, exact.gradients) < 1.0 / 2048);
  CHECK(2 * half.report.sent_bytes == half.report.whole_bytes);

  // Nothing is held back, so nothing is lost but the order of summation.
  CHECK(distance(first({.kind = Kind::top_k, .fraction = 1}).gradients, exact.gradients) < 1e-6);
  for (const ts::dist::Compression& c : {ts::dist::Compression{.kind = Kind::top_k, .fraction = 0.05}, ts::dist::Compression{.kind = Kind::power_sgd, .rank = 2}}) {
    // Error feedback: what a step holds back later ones deliver, so that the mean over steps comes to the exact gradient.
    const Run few = train(world, c, 2, false), many = train(world, c, 120, false), whole = train(world, {}, 120, false);
    CHECK(distance(many.gradients, whole.gradients) < 0.12);
    CHECK(distance(first(c).gradients, exact.gradients) > distance(many.gradients, whole.gradients));
    CHECK(few.report.residual > 0 && few.report.residual < 1 && few.states > 0);
    CHECK(few.report.sent_bytes < few.report.whole_bytes / 2);
    // In the first steps everything travels.
    const Run warm = train(world, {.kind = c.kind, .fraction = c.fraction, .rank = c.rank, .warm_up = 2}, 2, false), plain = train(world, {}, 2, false);
    CHECK(warm.gradients == plain.gradients && warm.report.sent_bytes == 0);
    // Bitwise from run to run.
    CHECK(train(world, c, 5, true).losses == train(world, c, 5, true).losses);
  }
  const double start = exact.losses[0];
  for (const ts::dist::Compression& c : {ts::dist::Compression{.kind = Kind::bf16}, ts::dist::Compression{.kind = Kind::power_sgd, .rank = 4}})
    CHECK(train(world, c, 80, true).losses.back() < 0.2 * start);
  CHECK(train(world, {.kind = Kind::top_k, .fraction = 0.1, .momentum = 0.9}, 80, true, 0).losses.back() < 0.2 * start);

  const auto text = [&](const ts::dist::DataParallelOptions& options) {
    Net net;
    ts::optim::SGD opt{net.parameters(), {.lr = 1}};
    return message_of([&] { ts::dist::DataParallel(world, net, opt, options); });
  };
  CHECK(contains(text({.zero = 1, .compression = {.kind = Kind::bf16}}), "zero = 1 and compression do not go together"));
  CHECK(contains(text({.compression = {.kind = Kind::top_k, .fraction = 0}}), "expected  0 < fraction <= 1\n  actual    0"));
  CHECK(contains(text({.compression = {.kind = Kind::power_sgd, .rank = 0}}), "expected  a rank of 1 or more\n  actual    0"));
}
