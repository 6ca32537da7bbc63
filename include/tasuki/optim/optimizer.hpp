#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "tasuki/autograd/flat_layout.hpp"
#include "tasuki/core/intrusive.hpp"
#include "tasuki/tensor/named_tensor.hpp"
#include "tasuki/tensor/tensor.hpp"

namespace tasuki::optim {

class BackwardUpdates;
class StepShare;

/// Some of the parameters with options of their own: `AdamW opt{{{body.parameters(), {.lr = 1e-4}}, {head.parameters(), {.lr = 1e-3}}}};`
template <class Options>
struct ParameterGroup {
  std::vector<Tensor> parameters;
  Options options{};
};

/// What one launch of an update works on: a few parameters that have gradients.
struct Update {
  std::vector<Tensor> parameters, gradients;
  std::vector<std::vector<Tensor>> state;  ///< state[k][i]: k-th kind of state of parameter i
  std::vector<std::int64_t> steps;         ///< how many updates each parameter has had, this one included
  SourceLocation at;
};

/// Base of the optimizers. It packs the parameters through a FlatLayout, so that backward writes their gradients side by side, and
/// hands them to update() in a few launches. Parameters without a gradient are left alone, with their state and their count of
/// updates; so are frozen ones.
///
/// An optimizer of one's own derives from it and writes update(), with tensors and ops (it is called under NoGrad):
///
///     struct SignSGD : ts::optim::Optimizer {
///       explicit SignSGD(std::vector<ts::Tensor> p, double lr) : Optimizer("SignSGD", {std::move(p)}, {lr}) {}
///       void update(std::size_t group, ts::optim::Update& u) override {
///         for (std::size_t i = 0; i < u.parameters.size(); ++i) u.parameters[i].sub_(ts::sign(u.gradients[i]) * lr(group));
///       }
///     };
class Optimizer {
 public:
  virtual ~Optimizer();
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// Updates every parameter that has a gradient. Gradients stay; zero_grad drops them.
  void step(SourceLocation at = SourceLocation::current());
  /// Makes all gradients undefined; their memory stays with the layout.
  void zero_grad();

  /// Learning rate of a group; the form without a group sets all. Throws IndexError for a group that is not there, ValueError for a
  /// negative rate.
  double lr(std::size_t group = 0) const;
  void set_lr(double lr, SourceLocation at = SourceLocation::current());
  void set_lr(std::size_t group, double lr, SourceLocation at = SourceLocation::current());
  std::size_t group_count() const { return groups_.size(); }
  /// How often step() was called.
  std::int64_t step_count() const { return step_count_; }
  /// All parameters, each once.
  std::vector<Tensor> parameters() const;
  /// Order and place of parameters and gradients; a gradient reducer works through it.
  FlatLayout& layout() { return *layout_; }

  /// All that a checkpoint needs besides the parameters: "step", "steps", "lr", and per parameter i and kind of state "exp_avg.<i>".
  /// Parameters count in the order in which they were given. The tensors are the optimizer's own, not copies.
  std::vector<NamedTensor> named_state() const;
  /// Takes back what named_state gave. Throws ValueError for another optimizer's state: names and shapes must agree.
  void load_state(const std::vector<NamedTensor>& state);
  /// A part of the state of one kind, in the order in which the parameter lies in memory; an empty one where this process has none.
  struct StatePart {
    std::string name;       ///< as named_state has it
    std::size_t parameter;  ///< its number in layout()
    std::int64_t begin;     ///< first element
    Tensor values;          ///< one dimension; the optimizer's own
  };
  /// With a StepShare, what this process has of the state, without asking the others.
  std::vector<StatePart> state_parts() const;
  /// What named_state has besides: "step", "steps" and "lr".
  std::vector<NamedTensor> named_counters() const;
  void load_counters(const std::vector<NamedTensor>& counters);
  /// "AdamW"
  const std::string& name() const { return name_; }

  /// Whether an element's update depends on nothing but that element's value, gradient and state, so that parameters may be
  /// updated in pieces.
  virtual bool is_elementwise() const { return false; }
  /// From now on step() updates the share's pieces, and the state is cut to them; named_state gathers it, and is then called by all
  /// processes. nullptr ends that, and with it the use of this optimizer. Throws ValueError unless is_elementwise.
  void share_step(StepShare* share);
  StepShare* step_share() const { return share_; }
  /// Whether there is a StepInBackward for it.
  bool steps_in_backward() const;

 protected:
  /// Throws ValueError when there are no parameters, when one is in two groups, or for a negative learning rate.
  Optimizer(const char* name, const std::vector<std::vector<Tensor>>& groups, const std::vector<double>& lrs,
            std::initializer_list<const char*> state_names = {}, SourceLocation at = SourceLocation::current());
  virtual void update(std::size_t group, Update& u) = 0;

 private:
  struct Group {
    double lr;
  };
  friend class BackwardUpdates;
  friend class StepInBackward;
  void check_group(std::size_t group) const;
  std::string name_of_state(std::size_t kind, std::size_t parameter) const { return state_names_[kind] + "." + std::to_string(parameter); }
  /// Of that shape; ValueError for another optimizer's.
  const Tensor& find(const std::vector<NamedTensor>& state, const std::string& name, const Shape& shape) const;
  void allocate_state();
  /// Follows parameters that have moved.
  void refresh_layout();
  void update_entries(std::size_t group, const std::vector<std::size_t>& entries, SourceLocation at);
  bool is_updated(std::size_t entry) const;
  std::size_t tensors_per_launch() const;
  struct Operand;
  std::vector<Operand> operands_of(std::size_t group) const;
  void update_operands(std::size_t group, const std::vector<Operand>& operands, SourceLocation at);

  std::string name_;
  std::vector<Group> groups_;
  FlatLayout* layout_ = nullptr;
  std::vector<std::size_t> group_of_;      // by entry of the layout
  std::vector<std::int64_t> steps_;        // by entry
  std::vector<std::string> state_names_;
  std::vector<std::vector<Tensor>> state_;  // by kind, then entry
  std::int64_t step_count_ = 0;
  StepShare* share_ = nullptr;
  bool share_ended_ = false;
  intrusive_ptr<BackwardUpdates> backward_updates_;  // once there has been a StepInBackward
};

namespace detail {

/// Throws ValueError, naming the optimizer, unless low <= value (and value < high).
void check_option(const char* optimizer, const char* option, double value, double low, double high, SourceLocation at);

/// check_option for the options that optimizers share by name, in all groups: shares and decays of means below 1, nothing negative.
template <class Options>
void check_options(const char* optimizer, const std::vector<ParameterGroup<Options>>& groups, SourceLocation at) {
  constexpr double infinite = __builtin_inf();
  for (const auto& g : groups) {
    const Options& o = g.options;
    if constexpr (requires { o.beta1; }) check_option(optimizer, "beta1", o.beta1, 0, 1, at);
    if constexpr (requires { o.beta2; }) check_option(optimizer, "beta2", o.beta2, 0, 1, at);
    if constexpr (requires { o.alpha; }) check_option(optimizer, "alpha", o.alpha, 0, 1, at);
    if constexpr (requires { o.rho; }) check_option(optimizer, "rho", o.rho, 0, 1, at);
    if constexpr (requires { o.momentum; }) check_option(optimizer, "momentum", o.momentum, 0, 1, at);
    if constexpr (requires { o.dampening; }) check_option(optimizer, "dampening", o.dampening, 0, infinite, at);
    if constexpr (requires { o.eps; }) check_option(optimizer, "eps", o.eps, 0, infinite, at);
    if constexpr (requires { o.weight_decay; }) check_option(optimizer, "weight_decay", o.weight_decay, 0, infinite, at);
    if constexpr (requires { o.momentum_decay; }) check_option(optimizer, "momentum_decay", o.momentum_decay, 0, infinite, at);
    if constexpr (requires { o.lr_decay; }) check_option(optimizer, "lr_decay", o.lr_decay, 0, infinite, at);
    if constexpr (requires { o.initial_accumulator_value; })
      check_option(optimizer, "initial_accumulator_value", o.initial_accumulator_value, 0, infinite, at);
  }
}

/// Throws ValueError for options that do not go together.
[[noreturn]] void refuse_options(const char* optimizer, const char* why, SourceLocation at);

template <class Options>
std::vector<std::vector<Tensor>> parameters_of(const std::vector<ParameterGroup<Options>>& groups) {
  std::vector<std::vector<Tensor>> lists;
  for (const auto& g : groups) lists.push_back(g.parameters);
  return lists;
}
template <class Options>
std::vector<double> learning_rates_of(const std::vector<ParameterGroup<Options>>& groups) {
  std::vector<double> rates;
  for (const auto& g : groups) rates.push_back(g.options.lr);
  return rates;
}

}  // namespace detail
}  // namespace tasuki::optim
