// How much of the time that gradients take on a link is hidden behind backward. One process trains a network of equal layers as the
// first of several, behind an emulated link (two processes on two cores could not overlap anything); the communication thread
// sleeps as long as the alpha-beta model says, as it would while a network card works. `./run bench distributed`, or
//
//     bench_overlap [--rounds N] [--processes P] [--threads N] [--json FILE] [--svg FILE]
//
// A row is a link speed. `hidden` is (compute + link - step) / link, where `compute` is a step whose gradients stay, `link` all buckets
// without computing, and `step` both; the three take turns, and medians over the turns are printed. `bound` is the same for a perfect overlap, in
// which each bucket leaves as soon as its last gradient is there and the link is free: not all can be hidden, since the last
// bucket leaves when backward is over.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "benchmarks/support/report.hpp"
#include "examples/support/svg_plot.hpp"
#include "tasuki/dist/studies.hpp"
#include "tasuki/runtime/threads.hpp"
#include "tasuki/tasuki.hpp"

namespace ts = tasuki;
using namespace tasuki::benchmark;

namespace {

constexpr int layers = 8, width = 1024, batch = 128;
constexpr double gradient_bytes = 4.0 * width * width * layers;

/// Of a round, or medians over rounds.
struct Times {
  double compute, link, step, ideal;
  double hidden() const { return (compute + link - step) / link; }
  double bound() const { return (compute + link - ideal) / link; }
};

struct Row {
  Times medians;
  Sample hidden, bound, of_bound;
};

class Study {
 public:
  explicit Study(const ts::dist::World& world) : world_(world) {
    for (int i = 0; i < layers; ++i) {  // each layer is one parameter, and one bucket
      net_.append(ts::nn::Linear{width, width, {.bias = false}});
      net_.append(ts::nn::Tanh{});
    }
    optimizer_.emplace(net_.parameters(), ts::optim::SGDOptions{.lr = 1e-3});
    parallel_.emplace(world_, net_, *optimizer_, ts::dist::DataParallelOptions{.bucket_bytes = 1});
    for (const ts::Tensor& p : net_.parameters())
      p.register_post_accumulate_hook([this](const ts::Tensor&) { ready_now_.push_back(now() - begin_); });
    x_ = ts::randn({batch, width});
  }

  /// A step; `synced`: with the link.
  double step(bool synced) {
    begin_ = now();
    ready_now_.clear();
    optimizer_->zero_grad();
    {
      std::optional<ts::dist::DataParallel::NoSync> alone;
      if (!synced) alone.emplace(*parallel_);
      ts::mean(ts::square(net_(x_))).backward();
    }
    const double backward = now() - begin_;
    optimizer_->step();
    const double all = now() - begin_;
    if (!synced) {
      quiet_ = ready_now_;
      tail_ = all - backward;
      backward_ = backward;
    }
    return all;
  }
  /// What a step sends, and nothing else.
  double link() {
    static std::vector<float> gradient(width * width);
    static std::vector<std::int32_t> in_use(layers);
    const double begin = now();
    for (int i = 0; i < layers; ++i) world_.post("gradients", gradient.size() * 4, [](ts::dist::Communicator& c) { c.all_reduce(gradient.data(), width * width, ts::f32); });
    world_.post("parameters in use", layers * 4, [](ts::dist::Communicator& c) { c.all_reduce(in_use.data(), layers, ts::i32); }).wait();
    return now() - begin;
  }

  /// Fractions are taken within each round, whose three measurements meet the same machine.
  Row measure(int rounds) {
    std::vector<double> compute, link_alone, both, ideal, hidden, bound, of_bound;
    step(true), step(false), link();
    for (int r = 0; r < rounds; ++r) {
      Times t{step(false), link(), step(true), 0};
      t.ideal = ideal_step(t.link);
      compute.push_back(t.compute), link_alone.push_back(t.link), both.push_back(t.step), ideal.push_back(t.ideal);
      hidden.push_back(t.hidden()), bound.push_back(t.bound()), of_bound.push_back(t.hidden() / t.bound());
    }
    return {{summarize(compute).median, summarize(link_alone).median, summarize(both).median, summarize(ideal).median}, summarize(hidden), summarize(bound), summarize(of_bound)};
  }

 private:
  /// With the gradients of the last quiet step, and a link that never waits longer than it must.
  double ideal_step(double link_seconds) const {
    double free = 0;
    for (const double ready : quiet_) free = std::max(free, ready) + link_seconds / layers;
    return std::max(free, backward_) + tail_;
  }

  ts::dist::World world_;
  ts::nn::Sequential net_;
  std::optional<ts::optim::SGD> optimizer_;
  std::optional<ts::dist::DataParallel> parallel_;
  ts::Tensor x_;
  double begin_ = 0;
  std::vector<double> ready_now_, quiet_;  ///< when gradients were there: in this step, in the last one without the link
  double backward_ = 0, tail_ = 0;         ///< of that one: when backward ended, and how long what followed took
};

double load() {
  double one = 0;
  std::ifstream("/proc/loadavg") >> one;
  return one;
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = std::atoi(option(argc, argv, "rounds", "15").c_str()), processes = std::atoi(option(argc, argv, "processes", "8").c_str());
  const std::string json = option(argc, argv, "json", ""), svg = option(argc, argv, "svg", "");
  const double alpha = 5e-6;
  const ts::dist::World world = ts::dist::init(argc, argv);
  ts::set_num_threads(std::atoi(option(argc, argv, "threads", "1").c_str()));
  ts::dist::emulate_link({.seconds = alpha, .processes = processes});
  ts::manual_seed(1);
  Study study(world);
  for (int i = 0; i < 3; ++i) study.step(false);
  const double compute = study.measure(5).medians.compute;

  std::printf("%d layers of %d x %d, batch %d, as 1 of %d processes behind an emulated link (alpha %.0f us); load %.2f at the start\n", layers, width, width, batch, processes, alpha * 1e6, load());
  std::printf("%12s %12s %12s %12s %10s %10s %10s\n", "link GB/s", "compute ms", "link ms", "step ms", "hidden", "bound", "of bound");
  Report report("overlap");
  plot::Plot picture("Communication hidden behind backward");
  picture.x.label = "time on the link / time of computing", picture.left.label = "hidden fraction";
  plot::Series hidden_curve{"hidden", "#1d4ed8", plot::Side::left, {}, {}, true}, bound_curve{"bound", "#6b7280", plot::Side::left, {}, {}, false, true};
  for (const double ratio : {0.25, 0.5, 0.75, 1.0}) {
    const double bytes_per_second = 2.0 * (processes - 1) / processes * gradient_bytes / (ratio * compute);
    ts::dist::emulate_link({.seconds = alpha, .bytes_per_second = bytes_per_second, .processes = processes});
    const Row row = study.measure(rounds);
    const Times& t = row.medians;
    std::printf("%12.3f %12.2f %12.2f %12.2f %10.3f %10.3f %10.3f\n", bytes_per_second / 1e9, 1e3 * t.compute, 1e3 * t.link, 1e3 * t.step, row.hidden.median, row.bound.median, row.of_bound.median);
    std::fflush(stdout);
    report.begin_row();
    report.add("link_bytes_per_second", bytes_per_second);
    report.add("compute_seconds", t.compute);
    report.add("link_seconds", t.link);
    report.add("step_seconds", t.step);
    report.add("ideal_step_seconds", t.ideal);
    report.add("hidden", row.hidden.median);
    report.add("bound", row.bound.median);
    report.add("of_bound", row.of_bound.median);
    report.add("of_bound_low", row.of_bound.low);
    report.add("of_bound_high", row.of_bound.high);
    report.add("load", load());
    hidden_curve.add(t.link / t.compute, row.hidden.median);
    bound_curve.add(t.link / t.compute, row.bound.median);
  }
  picture.left.set(0, 1, 0.2);
  picture.series = {hidden_curve, bound_curve};
  if (!svg.empty()) picture.write(svg);
  return json.empty() || report.save(json) ? 0 : 1;
}
