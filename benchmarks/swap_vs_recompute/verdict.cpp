#include "benchmarks/swap_vs_recompute/verdict.hpp"

#include <algorithm>
#include <functional>

namespace tasuki::benchmark {

namespace {

std::string number(double value, int decimals) {
  char text[32];
  std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return text;
}

std::string place(const Row& r) {
  return describe(r.task) + ", " + r.machine + " (" + r.how + "), phi " + number(r.phi, 2);
}

/// One line for a target: how many points meet it, and each that does not.
class Target {
 public:
  explicit Target(std::string what) : what_(std::move(what)) {}
  void see(bool met, const std::string& miss) {
    ++all_;
    if (!met) misses_.push_back(miss);
  }
  void print(Report& report) const {
    if (all_ == 0) return;
    std::printf("  %-88s %s (%zu of %zu)\n", what_.c_str(), misses_.empty() ? "met" : "MISSED", all_ - misses_.size(), all_);
    std::string list;
    for (const std::string& miss : misses_) {
      std::printf("      %s\n", miss.c_str());
      list += (list.empty() ? "" : "; ") + miss;
    }
    report.begin_row();
    report.add("kind", std::string("target"));
    report.add("target", what_);
    report.add("points", static_cast<double>(all_));
    report.add("missed", static_cast<double>(misses_.size()));
    report.add("misses", list);
  }
  bool met() const { return misses_.empty(); }

 private:
  std::string what_;
  std::size_t all_ = 0;
  std::vector<std::string> misses_;
};

}  // namespace

void Verdict::see(const Largest& l, Report& report) {
  largest_.push_back(l);
  const bool volume = l.keep.model == "unet3d";
  std::printf("  %s, %s, within %s: everything kept %s; ceiling %.2fx; any speed %.2fx (%s, at %.2f of the speed); at %.1f of the speed %.2fx (%s)%s\n", title_of(l.keep.model),
              l.how == "sim" ? ("ran on sim, " + l.machine).c_str() : ("simulated, " + l.machine).c_str(), bytes_text(l.budget).c_str(),
              volume ? (std::to_string(l.keep.size) + "^3 voxels").c_str() : ("batch " + std::to_string(l.keep.batch)).c_str(), l.ceiling, l.any_speed,
              l.largest.c_str(), l.speed_at_any, fast_speed, l.fast, l.largest_fast.c_str(), l.how != "sim" ? "" : l.confirmed ? "; trained there, equal bits" : "; DID NOT TRAIN THERE");
  std::fflush(stdout);
  report.begin_row();
  report.add("kind", std::string("largest"));
  report.add("how", l.how);
  report.add("machine", l.machine);
  report.add("model", l.keep.model);
  report.add("keep", describe(l.keep));
  report.add("budget_bytes", static_cast<double>(l.budget));
  report.add("ceiling", l.ceiling);
  report.add("any_speed", l.any_speed);
  report.add("speed_at_any", l.speed_at_any);
  report.add("at_0.6_speed", l.fast);
  report.add("largest", l.largest);
  report.add("largest_at_0.6_speed", l.largest_fast);
  report.add_flag("confirmed", l.confirmed);
}

bool Verdict::print(Report& report) const {
  std::printf("\nTargets\n");
  Target violated("the peak never passes the budget"), bitwise("losses, gradients and parameters equal those with everything kept, bit by bit");
  Target best_simulated("simulated: automatic at or below both swap and recompute"), best_sim("ran on sim: automatic at or below both swap and recompute");
  Target best_cpu("ran on the CPU: automatic at or below both swap and recompute, but for the spread");
  Target half("simulated: at most 1.08x at phi = 0.5"), quarter("simulated: at most 1.20x at phi = 0.25");
  Target half_real("ran: at most 1.08x at phi = 0.5"), quarter_real("ran: at most 1.20x at phi = 0.25");
  Target bound("simulated: within 1.15x of the lower bound (median over the curves at phi >= 0.4)");
  Target used("0.95 of the budget, or all but one largest storage, is used at phi < 0.5"), planning("a plan takes less than 1 s"), predicted("sim: the step takes what its plan predicts, within 1 %");
  std::vector<double> to_bound;
  for (const Row& r : rows_) {
    if (r.feasible) {
      violated.see(r.within_budget(), place(r) + ": " + bytes_text(r.peak) + " of " + bytes_text(r.budget));
      if (r.bitwise) bitwise.see(*r.bitwise, place(r) + ", " + name_of(r.policy));
    }
    planning.see(r.plan_seconds < 1, place(r) + ", " + name_of(r.policy) + ": " + number(r.plan_seconds, 2) + " s");
    if (r.policy != memory::Policy::automatic || !r.planned) continue;
    const bool simulated = r.how == "simulated";
    double other = HUGE_VAL;
    for (const Row& o : rows_)
      if (o.how == r.how && o.machine == r.machine && describe(o.task) == describe(r.task) && o.phi == r.phi && o.policy != r.policy)
        other = std::min(other, r.how == "cpu" ? std::max(o.ratio_high, 1.0) : o.ratio);
    const double mine = r.how == "cpu" ? r.ratio_low : r.ratio;
    (simulated ? best_simulated : r.how == "sim" ? best_sim : best_cpu)
        .see(mine <= other * (1 + 1e-9) || !std::isfinite(other), place(r) + ": " + ratio_text(r.ratio) + " against " + ratio_text(other));
    if (r.phi == 0.5) (simulated ? half : half_real).see(r.ratio <= 1.08, place(r) + ": " + ratio_text(r.ratio));
    if (r.phi == 0.25) (simulated ? quarter : quarter_real).see(r.ratio <= 1.20, place(r) + ": " + ratio_text(r.ratio));
    if (simulated && r.phi >= 0.4) to_bound.push_back(r.ratio / r.lower_bound);
    if (r.feasible && r.phi < 0.5)
      used.see(static_cast<double>(r.peak) >= 0.95 * static_cast<double>(r.budget) || r.peak + r.largest_storage >= r.budget, place(r) + ": " + number(static_cast<double>(r.peak) / static_cast<double>(r.budget), 3));
    if (r.how == "sim" && std::isfinite(r.predicted_ratio))
      predicted.see(std::abs(r.ratio - r.predicted_ratio) <= 0.01 * r.predicted_ratio, place(r) + ": " + ratio_text(r.ratio) + ", predicted " + ratio_text(r.predicted_ratio));
  }
  if (!to_bound.empty()) {
    const double median = summarize(to_bound).median;
    bound.see(median <= 1.15, number(median, 3));
    std::printf("  (median to the lower bound at phi >= 0.4: %.3f)\n", median);
  }
  Target any("largest size: 0.8 of the ceiling at any speed"), fast("largest size: half of the ceiling at 0.6 of the speed"), confirmed("largest size on sim: trains there, with equal bits");
  for (const Largest& l : largest_) {
    const std::string where = std::string(title_of(l.keep.model)) + ", " + l.machine + " (" + l.how + ")";
    any.see(l.meets_any(), where + ": " + number(l.any_speed, 2) + "x of " + number(l.ceiling, 2) + "x");
    fast.see(l.meets_fast(), where + ": " + number(l.fast, 2) + "x of " + number(l.ceiling, 2) + "x");
    if (l.how == "sim") confirmed.see(l.confirmed, where);
  }
  for (const Target* target : {&violated, &bitwise, &confirmed, &best_simulated, &best_sim, &best_cpu, &half, &quarter, &half_real, &quarter_real, &bound, &used, &planning, &predicted, &any, &fast})
    target->print(report);
  if (!largest_.empty())
    std::printf("\nTFLMS's own headlines (TensorFlow Large Model Support, published by IBM, not measured here; V100 16 GB, NVLink 2.0):\n"
                "  ResNet-50 4.9x batch; 3D U-Net 5x resolution; DeepLabv3+ 10x\n");
  return violated.met() && bitwise.met() && confirmed.met();
}

}  // namespace tasuki::benchmark
