#include "tasuki/nn/summary.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <unordered_map>
#include <unordered_set>

#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/autograd/listener.hpp"
#include "tasuki/core/context.hpp"

namespace tasuki::nn {

namespace {

/// Notes outputs as scopes are left, and the work of launches under the path of the module that launched them.
class Observer : public LaunchListener, public ScopeWatcher {
 public:
  Observer(Module& network, Summary& summary) : summary_(summary) {
    std::unordered_set<const TensorImpl*> counted;
    for (const NamedModule& m : network.named_modules()) {
      SummaryRow row;
      row.path = m.name;
      row.type = m.module->type_name();
      std::vector<Tensor> below;
      for (const Module* child : m.module->children())
        for (Tensor& p : child->parameters()) below.push_back(std::move(p));
      for (const Tensor& p : m.module->parameters()) {
        const bool own = std::none_of(below.begin(), below.end(), [&](const Tensor& b) { return b.is_same(p); });
        if (!own || !counted.insert(p.impl()).second) continue;
        row.parameters += p.numel();
        summary.parameters += p.numel();
        summary.parameter_bytes += p.nbytes();
        if (p.requires_grad()) summary.trainable_parameters += p.numel();
      }
      by_module_[m.module] = summary.rows.size();
      summary.rows.push_back(std::move(row));
    }
    running_.push_back(0);
    add_listener(*this);
  }
  ~Observer() override { remove_listener(*this); }

  void entered(const Module& m) override {
    const auto row = by_module_.find(&m);
    running_.push_back(row == by_module_.end() ? running_.back() : row->second);
    if (row != by_module_.end()) ++summary_.rows[row->second].calls;
  }
  void left(const Module& m, const Tensor& output) override {
    const auto row = by_module_.find(&m);
    if (row != by_module_.end()) note_output(row->second, output);
  }
  void exited(const Module&) override { running_.pop_back(); }
  void after_launch(const LaunchRecord& launch) override {
    if (this_thread() != thread_) return;  // listeners hear the whole process
    summary_.rows[running_.back()].macs += launch.flops / 2;
    summary_.macs += launch.flops / 2;
  }
  void note_output(std::size_t row, const Tensor& output) {
    if (!output.defined()) return;
    summary_.rows[row].output = output.shape();
    summary_.rows[row].has_output = true;
  }

 private:
  static const void* this_thread() {
    static thread_local const char place = 0;
    return &place;
  }
  const void* thread_ = this_thread();
  Summary& summary_;
  std::unordered_map<const Module*, std::size_t> by_module_;
  std::vector<std::size_t> running_;  // rows of the modules whose forward runs, outermost first
};

/// Evaluation mode for a scope, whatever mode each module was in.
class Evaluating {
 public:
  explicit Evaluating(Module& network) {
    for (const NamedModule& m : network.named_modules()) modes_.push_back({m.module, m.module->is_training()});
    network.eval();
  }
  ~Evaluating() {
    // Parents first: each call reaches the children too, whose own mode follows.
    for (const auto& [module, training] : modes_) module->train(training);
  }

 private:
  struct Mode {
    Module* module;
    bool training;
  };
  std::vector<Mode> modes_;
};

std::string grouped(double value) {
  std::string digits = std::to_string(static_cast<long long>(std::llround(value)));
  for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

}  // namespace

Summary detail::summarize(Module& network, function_ref<Tensor()> forward) {
  Summary summary;
  const NoGrad off;
  const Evaluating evaluating(network);
  Observer observer(network, summary);
  observer.note_output(0, forward());
  return summary;
}

std::string Summary::to_string() const {
  constexpr int columns = 5;
  std::vector<std::vector<std::string>> cells{{"module", "type", "output", "parameters", "MACs"}};
  for (const SummaryRow& row : rows)
    cells.push_back({row.path.empty() ? "(network)" : row.path, row.type, row.has_output ? row.output.to_string() : "-",
                     row.parameters ? grouped(static_cast<double>(row.parameters)) : "-", row.macs >= 0.5 ? grouped(row.macs) : "-"});
  std::size_t width[columns] = {};
  for (const auto& line : cells)
    for (int c = 0; c < columns; ++c) width[c] = std::max(width[c], line[static_cast<std::size_t>(c)].size());
  std::string text;
  const auto rule = [&] {
    std::size_t total = 2 * (columns - 1);
    for (std::size_t w : width) total += w;
    text += std::string(total, '-') + "\n";
  };
  for (std::size_t r = 0; r < cells.size(); ++r) {
    std::string line;
    for (int c = 0; c < columns; ++c) {
      const std::string& cell = cells[r][static_cast<std::size_t>(c)];
      const std::string gap(width[c] - cell.size(), ' ');
      line += c < 3 ? cell + gap : gap + cell;  // words to the left, numbers to the right
      if (c + 1 < columns) line += "  ";
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
    if (r == 0) rule();
  }
  rule();
  char bytes[32];
  std::snprintf(bytes, sizeof bytes, "%.2f MB", static_cast<double>(parameter_bytes) / 1e6);
  text += "parameters " + grouped(static_cast<double>(parameters)) + " (" + grouped(static_cast<double>(trainable_parameters)) + " trainable, " + bytes +
          "), MACs " + grouped(macs) + "\n";
  return text;
}

}  // namespace tasuki::nn
