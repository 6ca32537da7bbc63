// Swap, recompute, or both: what a step costs within a budget of bytes. Three parts, whose pictures and tables docs/memory.md explains:
//
//   curves of steps that are simulated: networks at the size of papers, recorded from the model headers by the clock alone, planned
//   and played through on GPUs and links that are not there ("simulated" stands beside every number);
//   curves of steps that run: small networks on the CPU (wall clock, file tier) and on the simulated device (virtual clock);
//   the largest batch of ResNet-50 and the largest volume of 3D U-Net within a budget.
//
// Usage: bench_swap_vs_recompute [--quick 1] [--parts simulated,sim,cpu,largest] [--models LIST] [--machines LIST] [--phis LIST]
//                                [--threads N] [--budget BYTES] [--json FILE] [--svg FOLDER] [--write-traces FOLDER]
#include <algorithm>
#include <fstream>
#include <sstream>

#include "benchmarks/swap_vs_recompute/largest.hpp"
#include "benchmarks/swap_vs_recompute/pictures.hpp"
#include "benchmarks/swap_vs_recompute/real.hpp"
#include "benchmarks/swap_vs_recompute/simulated.hpp"
#include "benchmarks/swap_vs_recompute/turns.hpp"
#include "benchmarks/swap_vs_recompute/verdict.hpp"
#include "tasuki/memory/simulation.hpp"
#include "tasuki/runtime/bytes.hpp"

namespace ts = tasuki;
using namespace tasuki::benchmark;

namespace {

std::vector<std::string> list(const std::string& text) {
  std::vector<std::string> words;
  std::istringstream in(text);
  for (std::string word; std::getline(in, word, ',');) words.push_back(word);
  return words;
}

class Benchmark {
 public:
  Benchmark(int argc, char** argv)
      : program_(argv[0]), quick_(option(argc, argv, "quick", "") == "1"), parts_(list(option(argc, argv, "parts", "simulated,sim,cpu,largest"))),
        models_(list(option(argc, argv, "models", quick_ ? "lenet,unet3d" : ""))),
        machines_(list(option(argc, argv, "machines", quick_ ? "v100-nvlink" : "v100-nvlink,a100-pcie4,h100-pcie5"))),
        svg_(option(argc, argv, "svg", "")), traces_(option(argc, argv, "write-traces", "")), json_(option(argc, argv, "json", "")),
        budget_(ts::memory::parse_bytes(option(argc, argv, "budget", "16GiB"))), threads_(std::atoi(option(argc, argv, "threads", "2").c_str())) {
    for (const std::string& phi : list(option(argc, argv, "phis", ""))) phis_.push_back(std::stod(phi));
    ts::set_num_threads(threads_);
  }

  int run() {
    const double begin = now();
    if (wants("simulated")) simulated();
    if (wants("sim")) real("sim", machines_.front());
    if (wants("cpu")) real("cpu", "this machine");
    if (wants("largest")) largest();
    const bool sound = verdict_.print(report_);
    std::printf("\n%.0f s in all\n", now() - begin);
    return (json_.empty() || report_.save(json_)) && sound ? 0 : 1;
  }

 private:
  bool wants(const std::string& part) const { return std::find(parts_.begin(), parts_.end(), part) != parts_.end(); }
  std::vector<std::string> models_or(const std::vector<std::string>& all) const { return models_.empty() ? all : models_; }
  std::vector<double> phis_or(std::vector<double> all) const { return !phis_.empty() ? phis_ : quick_ ? std::vector<double>{0.9, 0.5} : all; }

  void keep(const std::vector<Row>& rows) {
    print_table(rows);
    for (const Row& r : rows) {
      add_to(report_, r);
      verdict_.see(r);
    }
  }
  void picture(const std::string& name, const std::vector<std::vector<Row>>& curves) const {
    if (!svg_.empty()) draw(svg_ + "/" + name + ".svg", curves);
  }

  /// GPT-2 in both ways: at the end of its step parameters, gradients and moments would not meet within a small budget.
  std::vector<Task> paper_tasks(const std::string& machine) const {
    std::vector<Task> tasks;
    for (const std::string& model : models_or({"resnet50", "unet3d", "deeplabv3p", "gpt2"})) {
      tasks.push_back(paper_task(model, dtype_on(machine)));
      if (model != "gpt2") continue;
      tasks.push_back(tasks.back());
      tasks.back().step_in_backward = true;
    }
    return tasks;
  }

  /// On the simulated device also what consists of parameters for the most part, updated after backward and in it.
  std::vector<Task> small_tasks(const std::string& how) const {
    std::vector<Task> tasks;
    for (const std::string& model : models_or(all_models())) {
      tasks.push_back(quick_ ? quick_task(model) : small_task(model));
      if (quick_ || how == "cpu" || (model != "resnet50" && model != "deeplabv3p")) continue;
      for (const bool in_backward : {false, true}) {
        tasks.push_back(wide_task(model));
        tasks.back().step_in_backward = in_backward;
      }
    }
    return tasks;
  }

  void simulated() {
    for (const std::string& machine : machines_) {
      std::vector<std::vector<Row>> curves;
      for (const Task& task : paper_tasks(machine)) {
        std::printf("==> %s on %s, simulated\n", describe(task).c_str(), machine.c_str());
        std::fflush(stdout);
        const ts::memory::Trace trace = record(task, machine);
        if (!traces_.empty()) {
          std::ofstream file(traces_ + "/" + task.model + (task.step_in_backward ? "-in-backward-" : "-") + machine + ".json");
          if (!(file << ts::memory::to_json(trace)).flush()) throw std::runtime_error("cannot write to " + traces_);
        }
        curves.push_back(simulated_curve(task, machine, trace, phis_or({1, 0.9, 0.75, 0.6, 0.5, 0.4, 0.25, 0.15, 0.05, 0}), threads_));
        keep(curves.back());
      }
      picture("simulated-" + machine, curves);
    }
  }

  void real(const std::string& how, const std::string& machine) {
    RealSettings settings{.program = program_, .phis = phis_or(how == "cpu" ? std::vector<double>{0.75, 0.5, 0.25} : std::vector<double>{0.75, 0.5, 0.25, 0.1})};
    if (quick_) settings.most_steps = 3;
    std::vector<std::vector<Row>> curves;
    for (const Task& task : small_tasks(how)) {
      std::printf("==> %s on %s, %s\n", describe(task).c_str(), how.c_str(), machine.c_str());
      std::fflush(stdout);
      curves.push_back(real_curve(task, how, machine, settings));
      keep(curves.back());
    }
    picture(how == "cpu" ? "cpu" : "sim-" + machine, curves);
  }

  void largest() {
    for (const std::string& model : models_or({"resnet50", "unet3d"})) {
      if (model != "resnet50" && model != "unet3d") continue;
      for (const std::string& machine : machines_) {
        if (machine == "a100-pcie4") continue;
        std::printf("==> largest %s on %s\n", title_of(model), machine.c_str());
        std::fflush(stdout);
        if (!quick_) verdict_.see(largest_simulated(model, machine, budget_), report_);
        const std::size_t small = (quick_ ? 6u : model == "resnet50" ? 512u : 160u) * (std::size_t{1} << 20);
        if (machine == machines_.front()) verdict_.see(largest_on_sim(model, machine, small), report_);
      }
    }
  }

  std::string program_;
  bool quick_;
  std::vector<std::string> parts_, models_, machines_;
  std::string svg_, traces_, json_;
  std::size_t budget_;
  int threads_;
  std::vector<double> phis_;
  Report report_{"swap_vs_recompute"};
  Verdict verdict_;
};

}  // namespace

int main(int argc, char** argv) {
  try {
    if (const std::optional<int> served = serve_turns(argc, argv)) return *served;
    return Benchmark(argc, argv).run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
