#pragma once
#include <cstdint>
#include <utility>
#include <vector>

#include "tasuki/core/error.hpp"
#include "tasuki/core/function_ref.hpp"
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
    const double now = factor(count_);
    if (!(now >= 0)) TASUKI_THROW(ValueError, "expected  a schedule's factor of at least 0\nactual    ", now, " at step ", count_);
    for (std::size_t g = 0; g < first_.size(); ++g) optimizer_->set_lr(g, first_[g] * now);
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
    TASUKI_CHECK_OP(ValueError, options.gamma, >=, 0.0, "StepLR");
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
    TASUKI_CHECK_OP(ValueError, options.start_factor, >=, 0.0, "LinearWarmup");
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
    TASUKI_CHECK_OP(ValueError, options.end_factor, >=, 0.0, "CosineAnnealing");
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

/// gamma^step.
class ExponentialLR : public Schedule {
 public:
  ExponentialLR(Optimizer& optimizer, double gamma) : Schedule(optimizer), gamma_(gamma) {
    TASUKI_CHECK_OP(ValueError, gamma, >=, 0.0, "ExponentialLR");
    apply();
  }
  double factor(std::int64_t step) const override { return __builtin_pow(gamma_, static_cast<double>(step)); }

 private:
  double gamma_;
};

struct MultiStepLROptions {
  std::vector<std::int64_t> milestones;  ///< in any order
  double gamma = 0.1;
};
/// Falls by gamma at each milestone.
class MultiStepLR : public Schedule {
 public:
  MultiStepLR(Optimizer& optimizer, const MultiStepLROptions& options) : Schedule(optimizer), options_(options) {
    TASUKI_CHECK_OP(ValueError, options.gamma, >=, 0.0, "MultiStepLR");
    apply();
  }
  double factor(std::int64_t step) const override {
    double f = 1;
    for (const std::int64_t m : options_.milestones)
      if (step >= m) f *= options_.gamma;
    return f;
  }

 private:
  MultiStepLROptions options_;
};

struct PolynomialLROptions {
  std::int64_t steps = 1000;
  double power = 1;
};
/// (1 - step / steps)^power; 0 afterwards.
class PolynomialLR : public Schedule {
 public:
  explicit PolynomialLR(Optimizer& optimizer, const PolynomialLROptions& options = {}) : Schedule(optimizer), options_(options) {
    TASUKI_CHECK_OP(ValueError, options.steps, >=, 1, "PolynomialLR");
    apply();
  }
  double factor(std::int64_t step) const override {
    if (step >= options_.steps) return 0;
    return __builtin_pow(1 - static_cast<double>(step) / static_cast<double>(options_.steps), options_.power);
  }

 private:
  PolynomialLROptions options_;
};

/// Any function of the step.
///
///     ts::optim::LambdaLR schedule{opt, [](std::int64_t step) { return 1 / std::sqrt(1.0 + step); }};
class LambdaLR : public Schedule {
 public:
  LambdaLR(Optimizer& optimizer, Callback<double(std::int64_t)> factor) : Schedule(optimizer), factor_(std::move(factor)) { apply(); }
  double factor(std::int64_t step) const override { return factor_(step); }

 private:
  Callback<double(std::int64_t)> factor_;
};

struct CosineAnnealingWarmRestartsOptions {
  std::int64_t first = 10;  ///< steps of the first cycle
  std::int64_t growth = 1;  ///< each next cycle is so many times as long
  double end_factor = 0;    ///< of the first learning rate, towards which each cycle falls
};
/// Loshchilov and Hutter, 2017: cosines that start again from 1.
class CosineAnnealingWarmRestarts : public Schedule {
 public:
  explicit CosineAnnealingWarmRestarts(Optimizer& optimizer, const CosineAnnealingWarmRestartsOptions& options = {}) : Schedule(optimizer), options_(options) {
    TASUKI_CHECK_OP(ValueError, options.first, >=, 1, "CosineAnnealingWarmRestarts");
    TASUKI_CHECK_OP(ValueError, options.growth, >=, 1, "CosineAnnealingWarmRestarts");
    TASUKI_CHECK_OP(ValueError, options.end_factor, >=, 0.0, "CosineAnnealingWarmRestarts");
    apply();
  }
  double factor(std::int64_t step) const override {
    std::int64_t length = options_.first;
    if (options_.growth == 1) step %= length;
    for (; step >= length; length *= options_.growth) step -= length;
    const double progress = static_cast<double>(step) / static_cast<double>(length);
    return options_.end_factor + (1 - options_.end_factor) * 0.5 * (1 + __builtin_cos(3.14159265358979323846 * progress));
  }

 private:
  CosineAnnealingWarmRestartsOptions options_;
};

struct OneCycleLROptions {
  std::int64_t steps = 1000;    ///< of the whole cycle
  double rise = 0.3;            ///< the part of them in which the rate rises
  double start_factor = 1 / 25.0;  ///< at first; PyTorch's 1 / div_factor
  double end_factor = 1 / 25.0 / 1e4;  ///< at the end; PyTorch's 1 / div_factor / final_div_factor
};
/// Smith and Topin, 2018: rises to the optimizer's learning rate and falls far below it, along half cosines. Momentum stays.
class OneCycleLR : public Schedule {
 public:
  explicit OneCycleLR(Optimizer& optimizer, const OneCycleLROptions& options = {}) : Schedule(optimizer), options_(options) {
    TASUKI_CHECK_OP(ValueError, options.steps, >=, 2, "OneCycleLR");
    TASUKI_CHECK(ValueError, options.rise > 0 && options.rise < 1, "OneCycleLR was asked to rise for ", options.rise, " of its steps");
    apply();
  }
  double factor(std::int64_t step) const override {
    const double top = options_.rise * static_cast<double>(options_.steps) - 1, last = static_cast<double>(options_.steps - 1), s = static_cast<double>(step);
    if (s >= last) return options_.end_factor;
    return s <= top ? between(options_.start_factor, 1, top > 0 ? s / top : 1) : between(1, options_.end_factor, (s - top) / (last - top));
  }

 private:
  static double between(double from, double to, double progress) { return to + (from - to) * 0.5 * (1 + __builtin_cos(3.14159265358979323846 * progress)); }
  OneCycleLROptions options_;
};

struct ReduceLROnPlateauOptions {
  double factor = 0.1;         ///< what the rates are multiplied with
  std::int64_t patience = 10;  ///< how many measurements in a row may be no better
  double threshold = 1e-4;     ///< better: by this part of the best one
  bool maximize = false;       ///< whether larger is better
  double least_factor = 0;     ///< of the first learning rates: it falls no further
};
/// Falls when a measurement, such as the loss on held-out data, no longer gets better: `schedule.step(loss)`.
class ReduceLROnPlateau : public Schedule {
 public:
  explicit ReduceLROnPlateau(Optimizer& optimizer, const ReduceLROnPlateauOptions& options = {}) : Schedule(optimizer), options_(options) {
    TASUKI_CHECK(ValueError, options.factor > 0 && options.factor < 1, "ReduceLROnPlateau was asked for the factor ", options.factor);
    apply();
  }
  /// Takes a measurement in, and then a step.
  void step(double measured) {
    const double bound = best_ * (options_.maximize ? 1 + options_.threshold : 1 - options_.threshold);
    if (!has_best_ || (options_.maximize ? measured > bound : measured < bound)) {
      best_ = measured;
      has_best_ = true;
      waited_ = 0;
    } else if (++waited_ > options_.patience) {
      factor_ = __builtin_fmax(factor_ * options_.factor, options_.least_factor);
      waited_ = 0;
    }
    Schedule::step();
  }
  double factor(std::int64_t) const override { return factor_; }

 private:
  ReduceLROnPlateauOptions options_;
  double best_ = 0, factor_ = 1;
  bool has_best_ = false;
  std::int64_t waited_ = 0;
};

}  // namespace tasuki::optim
