#pragma once
#include <cstdint>
#include <vector>

#include "tasuki/core/error.hpp"
#include "tasuki/optim/optimizer.hpp"

/// Learning rates over time. A schedule multiplies each group's first learning rate by a factor that depends on how often step() was
/// called: per epoch or per batch, as the caller likes. It sets the rates for step 0 when it is made.
///
///     ts::optim::CosineAnnealing schedule{opt, {.steps = epochs * batches, .warmup = 500}};
///     for (...) { ...; opt.step(); schedule.step(); }
namespace tasuki::optim {

/// Base of the schedules; one of one's own overrides factor() and calls apply() in its constructor.
class Schedule {
 public:
  virtual ~Schedule() = default;
  /// Moves on by one and sets the optimizer's learning rates.
  void step() { set_step_count(count_ + 1); }
  std::int64_t step_count() const { return count_; }
  /// Where a checkpoint left off.
  void set_step_count(std::int64_t count) {
    count_ = count;
    apply();
  }
  /// What the learning rates are multiplied with at a step.
  virtual double factor(std::int64_t step) const = 0;

 protected:
  explicit Schedule(Optimizer& optimizer) : optimizer_(&optimizer) {
    for (std::size_t g = 0; g < optimizer.group_count(); ++g) first_.push_back(optimizer.lr(g));
  }
  void apply() {
    for (std::size_t g = 0; g < first_.size(); ++g) optimizer_->set_lr(g, first_[g] * factor(count_));
  }

 private:
  Optimizer* optimizer_;
  std::vector<double> first_;
  std::int64_t count_ = 0;
};

struct StepLROptions {
  std::int64_t step_size = 30;
  double gamma = 0.1;
};
/// gamma^(step / step_size), rounded down: falls by gamma every step_size steps.
class StepLR : public Schedule {
 public:
  explicit StepLR(Optimizer& optimizer, const StepLROptions& options = {}) : Schedule(optimizer), options_(options) {
    TASUKI_CHECK_OP(ValueError, options.step_size, >=, 1, "StepLR");
    apply();
  }
  double factor(std::int64_t step) const override {
    return __builtin_pow(options_.gamma, static_cast<double>(step / options_.step_size));
  }

 private:
  StepLROptions options_;
};

struct LinearWarmupOptions {
  std::int64_t steps = 1000;
  double start_factor = 0;
};
/// Rises from start_factor to 1 in a straight line, and stays there.
class LinearWarmup : public Schedule {
 public:
  explicit LinearWarmup(Optimizer& optimizer, const LinearWarmupOptions& options = {}) : Schedule(optimizer), options_(options) {
    TASUKI_CHECK_OP(ValueError, options.steps, >=, 1, "LinearWarmup");
    apply();
  }
  double factor(std::int64_t step) const override {
    if (step >= options_.steps) return 1;
    return options_.start_factor + (1 - options_.start_factor) * static_cast<double>(step) / static_cast<double>(options_.steps);
  }

 private:
  LinearWarmupOptions options_;
};

struct CosineAnnealingOptions {
  std::int64_t steps = 1000;  ///< until the end, warm-up included
  double end_factor = 0;      ///< of the first learning rate
  std::int64_t warmup = 0;    ///< steps of a straight rise from 0 before
};
/// Falls from 1 to end_factor along half a cosine, and stays there: end + (1 - end) (1 + cos(pi progress)) / 2.
class CosineAnnealing : public Schedule {
 public:
  explicit CosineAnnealing(Optimizer& optimizer, const CosineAnnealingOptions& options = {}) : Schedule(optimizer), options_(options) {
    TASUKI_CHECK_OP(ValueError, options.steps, >, options.warmup, "CosineAnnealing needs steps after its warm-up");
    TASUKI_CHECK_OP(ValueError, options.warmup, >=, 0, "CosineAnnealing");
    apply();
  }
  double factor(std::int64_t step) const override {
    if (step < options_.warmup) return static_cast<double>(step + 1) / static_cast<double>(options_.warmup + 1);
    if (step >= options_.steps) return options_.end_factor;
    const double progress = static_cast<double>(step - options_.warmup) / static_cast<double>(options_.steps - options_.warmup);
    return options_.end_factor + (1 - options_.end_factor) * 0.5 * (1 + __builtin_cos(3.14159265358979323846 * progress));
  }

 private:
  CosineAnnealingOptions options_;
};

}  // namespace tasuki::optim
