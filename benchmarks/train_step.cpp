// A training step of LeNet and of an MLP (784-1000-1000-10) at batch 64 in f32, against PyTorch where there is one: forward, loss,
// backward, SGD. Both start from the same weights and see the same batches, their losses are compared (a fast wrong answer voids
// the row), and their runs alternate: Tasuki, PyTorch, PyTorch with malloc kept from returning pages ("tuned"), Tasuki, ...
//
// Usage: bench_train_step [--rounds N] [--threads N] [--python PROGRAM] [--peers DIRECTORY] [--json FILE]
// Without PyTorch, or with --python none, only Tasuki's time is printed.
#include <chrono>
#include <cmath>
#include <memory>
#include <thread>

#include "benchmarks/support/peer.hpp"
#include "benchmarks/support/report.hpp"
#include "tasuki/io/safetensors.hpp"
#include "tasuki/models/lenet.hpp"
#include "tasuki/models/mlp.hpp"
#include "tasuki/ops/cross_entropy.hpp"
#include "tasuki/ops/random.hpp"
#include "tasuki/optim/sgd.hpp"
#include "tasuki/runtime/threads.hpp"

namespace ts = tasuki;
using namespace tasuki::benchmark;

namespace {

constexpr int batch = 64, batches = 8, checked_steps = 24;
constexpr double lr = 0.05;

/// The model under test, its data and its optimizer.
template <class Net>
class Trainer {
 public:
  explicit Trainer(Net net) : net_(std::move(net)), optimizer_(net_.parameters(), {.lr = lr}) {
    ts::Generator generator(3);
    x_ = ts::randn({batches, batch, 1, 28, 28}, {}, &generator);
    t_ = ts::randint(0, 10, {batches, batch}, {}, &generator);
    for (int i = 0; i < batches; ++i) {
      inputs_.push_back(x_[i].clone());
      labels_.push_back(t_[i].clone());
    }
  }
  void save(const std::string& path) const {
    auto tensors = net_.named_state();
    tensors.push_back({"batches.x", x_});
    tensors.push_back({"batches.t", t_});
    ts::save_tensors(tensors, path);
  }
  ts::Tensor step() {
    const std::size_t i = steps_++ % batches;
    optimizer_.zero_grad();
    const ts::Tensor loss = ts::cross_entropy(net_(inputs_[i]), labels_[i]);
    loss.backward();
    optimizer_.step();
    return loss;
  }
  double seconds_per_step(int count) {
    const double begin = now();
    for (int i = 0; i < count; ++i) step();
    return (now() - begin) / count;
  }

 private:
  Net net_;
  ts::optim::SGD optimizer_;
  ts::Tensor x_, t_;
  std::vector<ts::Tensor> inputs_, labels_;
  std::size_t steps_ = 0;
};

struct Settings {
  int rounds, steps;
  PeerProgram peer;
};

/// A PyTorch that was asked to load the model, and its times.
struct Column {
  const char* name;
  std::vector<std::string> environment;
  std::unique_ptr<Peer> peer{};
  std::vector<double> seconds{};
  double worst_loss = 0;  // largest relative difference from ours
};

bool start(Column& column, const Settings& s, const std::string& model, const std::string& file) {
  std::string version, left_out;
  column.peer = start_peer(s.peer, column.environment, version, left_out);
  if (!column.peer) {
    std::printf("  PyTorch is left out: %s\n", left_out.c_str());
    return false;
  }
  const std::string way = column.peer->ask("load " + model + " " + file + " " + std::to_string(lr));
  std::printf("  %s is PyTorch %s, %s\n", column.name, version.c_str(), way.c_str());
  return true;
}

/// Lets threads that spin for more work go to sleep before the other side runs.
void settle() { std::this_thread::sleep_for(std::chrono::milliseconds(250)); }

template <class Net>
bool compare(const char* model, Net net, double target, const Settings& s, Report& report) {
  std::printf("%s, batch %d, f32, %d threads\n", model, batch, ts::num_threads());
  Trainer<Net> trainer(std::move(net));
  const std::string file = "bench_train_step_" + std::string(model) + ".safetensors";
  trainer.save(file);
  std::vector<double> losses;
  for (int i = 0; i < checked_steps; ++i) losses.push_back(trainer.step().template item<float>());

  std::vector<Column> columns(2);
  columns[0].name = "stock";
  columns[1].name = "tuned";
  columns[1].environment = {"MALLOC_MMAP_THRESHOLD_=4294967296", "MALLOC_TRIM_THRESHOLD_=8589934592", "MALLOC_TOP_PAD_=268435456"};
  if (s.peer.python == "none") columns.clear();
  for (std::size_t c = 0; c < columns.size(); ++c)
    if (!start(columns[c], s, model, file)) columns.resize(c);
  bool same = true;
  for (Column& c : columns) {
    const auto theirs = numbers(c.peer->ask("losses " + std::to_string(checked_steps)));
    if (theirs.size() != losses.size()) c.worst_loss = INFINITY;
    for (std::size_t i = 0; i < theirs.size() && i < losses.size(); ++i)
      c.worst_loss = std::max(c.worst_loss, std::fabs(theirs[i] - losses[i]) / std::fabs(theirs[i]));
    same = same && c.worst_loss < 1e-3;
  }

  std::vector<double> ours;
  trainer.seconds_per_step(s.steps);
  for (int round = 0; round < s.rounds; ++round) {
    settle();
    ours.push_back(trainer.seconds_per_step(s.steps));
    for (Column& c : columns) {
      settle();
      const auto answer = numbers(c.peer->ask("time " + std::to_string(s.steps)));
      c.seconds.push_back(answer.empty() ? NAN : answer[0]);
    }
  }
  std::remove(file.c_str());

  const Sample mine = summarize(ours);
  std::printf("  %-8s %8.3f ms  (%.3f-%.3f)\n", "tasuki", mine.median * 1e3, mine.low * 1e3, mine.high * 1e3);
  report.begin_row();
  report.add("model", model);
  report.add("tasuki_ms", mine.median * 1e3);
  for (const Column& c : columns) {
    const Sample theirs = summarize(c.seconds);
    const double ratio = mine.median / theirs.median;
    std::printf("  %-8s %8.3f ms  (%.3f-%.3f)   tasuki / %s = %.3f%s   losses agree to %.1e\n", c.name, theirs.median * 1e3, theirs.low * 1e3,
                theirs.high * 1e3, c.name, ratio, &c == columns.data() ? (ratio <= target ? " (target met)" : " (misses its target)") : "", c.worst_loss);
    report.add(std::string(c.name) + "_ms", theirs.median * 1e3);
    report.add(std::string("ratio_to_") + c.name, ratio);
    report.add(std::string("loss_difference_") + c.name, c.worst_loss);
  }
  if (!columns.empty()) std::printf("  target: at most %.2f of stock PyTorch\n", target);
  if (!same) std::printf("  THE LOSSES DIFFER: these times say nothing\n");
  return same;
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = std::atoi(option(argc, argv, "threads", "2").c_str());
  setenv("OMP_NUM_THREADS", std::to_string(threads).c_str(), 1);  // the peers read it
  ts::set_num_threads(threads);
  const Settings settings{std::atoi(option(argc, argv, "rounds", "9").c_str()), 100, peer_program(argc, argv, "torch_train_step.py")};
  Report report("train_step");
  ts::manual_seed(1);
  const bool lenet = compare("lenet", ts::models::LeNet(), 0.5, settings, report);
  const bool mlp = compare("mlp", ts::models::MLP({784, 1000, 1000, 10}), 0.6, settings, report);
  const std::string json = option(argc, argv, "json", "");
  return (json.empty() || report.save(json)) && lenet && mlp ? 0 : 1;
}
