#include "tasuki/optim/optimizer.hpp"

#include <algorithm>
#include <cmath>

#include "src/optim/launch_size.hpp"
#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/core/small_vector.hpp"
#include "tasuki/runtime/residency.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki::optim {

namespace {

/// An update's launch is told of every operand it writes by one bit of 32; four kinds of operand leave room for seven parameters.
constexpr std::size_t operands_per_launch = 31;

[[noreturn]] void refuse(const std::string& optimizer, SourceLocation at, std::initializer_list<tasuki::detail::Text> body) {
  ValueError error(tasuki::detail::concat(body));
  error.add_op(optimizer, "", "", at);
  throw error;
}

std::vector<Tensor> joined(const std::vector<std::vector<Tensor>>& groups) {
  std::vector<Tensor> all;
  for (const auto& g : groups) all.insert(all.end(), g.begin(), g.end());
  return all;
}

}  // namespace

void detail::check_option(const char* optimizer, const char* option, double value, double low, double high, SourceLocation at) {
  if (value >= low && (value < high || value == low)) return;
  const bool bounded = !std::isinf(high);
  refuse(optimizer, at, {"expected  ", low, " <= ", option, bounded ? " < " : "", bounded ? tasuki::detail::Text(high) : tasuki::detail::Text(""), "\nactual    ", value});
}

void detail::refuse_options(const char* optimizer, const char* why, SourceLocation at) { refuse(optimizer, at, {why}); }

Optimizer::Optimizer(const char* name, const std::vector<std::vector<Tensor>>& groups, const std::vector<double>& lrs,
                     std::initializer_list<const char*> state_names, SourceLocation at)
    : name_(name), state_names_(state_names.begin(), state_names.end()) {
  for (double lr : lrs) {
    detail::check_option(name, "lr", lr, 0, HUGE_VAL, at);
    groups_.push_back({lr});
  }
  const std::vector<Tensor> all = joined(groups);
  if (all.empty()) refuse(name, at, {"the list of parameters is empty\na network whose layers are members made with `this` lists them in parameters()"});
  try {
    layout_ = new FlatLayout(all);
  } catch (Error& error) {
    error.add_op(name, "", "", at);
    throw;
  }
  const auto& entries = layout_->entries();
  group_of_.assign(entries.size(), groups_.size());
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (const Tensor& p : groups[g]) {
      const auto entry = std::find_if(entries.begin(), entries.end(), [&](const FlatLayout::Entry& e) { return e.parameter.is_same(p); });
      std::size_t& owner = group_of_[static_cast<std::size_t>(entry - entries.begin())];
      if (owner != groups_.size() && owner != g) {
        delete std::exchange(layout_, nullptr);
        refuse(name, at, {"the parameter ", p.describe(), " is in group ", owner, " and in group ", g, "; each parameter has one set of options"});
      }
      owner = g;
    }
  steps_.assign(entries.size(), 0);
  try {
    allocate_state();
  } catch (Error& error) {
    delete std::exchange(layout_, nullptr);  // no destructor runs for what was not made
    error.add_op(name, "", "", at);
    throw;
  }
}

Optimizer::~Optimizer() { delete layout_; }

void Optimizer::allocate_state() {
  const std::vector<std::vector<Tensor>> old = std::move(state_);
  state_.clear();
  for (std::size_t k = 0; k < state_names_.size(); ++k) {
    state_.push_back(layout_->make_state());
    if (old.empty()) continue;
    const NoGrad off;
    for (std::size_t i = 0; i < state_[k].size(); ++i) state_[k][i].copy_(old[k][i].to(state_[k][i].device()).to(state_[k][i].dtype()));
  }
}

void Optimizer::check_group(std::size_t group) const {
  if (group >= groups_.size()) TASUKI_THROW(IndexError, "expected  a group below ", groups_.size(), ", the number of groups of this ", name_, "\nactual    ", group);
}
double Optimizer::lr(std::size_t group) const {
  check_group(group);
  return groups_[group].lr;
}
void Optimizer::set_lr(double lr, SourceLocation at) {
  for (std::size_t g = 0; g < groups_.size(); ++g) set_lr(g, lr, at);
}
void Optimizer::set_lr(std::size_t group, double lr, SourceLocation at) {
  check_group(group);
  detail::check_option(name_.c_str(), "lr", lr, 0, HUGE_VAL, at);
  groups_[group].lr = lr;
}

std::vector<Tensor> Optimizer::parameters() const {
  std::vector<Tensor> list;
  for (const FlatLayout::Entry& e : layout_->entries()) list.push_back(e.parameter);
  return list;
}

void Optimizer::zero_grad() {
  layout_->drop_gradients();
}

void Optimizer::step(SourceLocation at) {
  const NoGrad off;
  if (layout_->refresh()) allocate_state();
  ++step_count_;
  for (std::size_t g = 0; g < groups_.size(); ++g) update_group(g, at);
  SmallVector<ResidencyManager*, 2> told;
  for (const FlatLayout::Group& g : layout_->groups()) {
    ResidencyManager* manager = runtime_of(g.device).manager();
    if (!manager || std::find(told.begin(), told.end(), manager) != told.end()) continue;
    told.push_back(manager);
    manager->end_step();
  }
}

void Optimizer::update_group(std::size_t group, SourceLocation at) {
  const auto& entries = layout_->entries();
  const std::size_t limit = operands_per_launch / (2 + state_.size());
  Update u;
  u.state.resize(state_.size());
  struct Copied {
    Tensor parameter, copy;
  };
  LaunchSize size;
  std::vector<Copied> copied;  // parameters with gaps in memory are updated in a dense copy
  std::size_t taken = 0;
  const auto launch = [&] {
    if (u.parameters.empty()) return;
    u.at = at;
    update(group, u);
    for (Copied& c : copied) c.parameter.copy_(c.copy);
    copied.clear();
    u = Update();
    u.state.resize(state_.size());
    size = {};
  };
  for (; taken < entries.size(); ++taken) {
    const FlatLayout::Entry& e = entries[taken];
    const Tensor grad = e.parameter.grad();
    if (group_of_[taken] != group || !grad.defined() || !e.parameter.requires_grad()) continue;
    Tensor parameter = e.parameter;
    // One launch has one dtype and device.
    if (!u.parameters.empty() && (u.parameters[0].dtype() != parameter.dtype() || u.parameters[0].device() != parameter.device() || size.is_reached(parameter))) launch();
    size.add(parameter);
    if (!is_dense(parameter.shape(), parameter.strides())) {
      parameter = parameter.detach().clone();
      copied.push_back({e.parameter, parameter});
    }
    const auto same_strides = [&](const Tensor& t) { return t.strides() == parameter.strides(); };
    u.parameters.push_back(parameter);
    u.gradients.push_back(same_strides(grad) ? grad : empty_like(parameter).copy_(grad));
    for (std::size_t k = 0; k < state_.size(); ++k) u.state[k].push_back(state_[k][taken]);
    u.steps.push_back(++steps_[taken]);
    if (u.parameters.size() == limit) launch();
  }
  launch();
}

// ---- checkpoints

std::vector<NamedTensor> Optimizer::named_state() const {
  std::vector<double> lrs;
  for (const Group& g : groups_) lrs.push_back(g.lr);
  std::vector<NamedTensor> list;
  list.push_back({"step", from(std::vector<std::int64_t>{step_count_})});
  list.push_back({"steps", from(steps_)});
  list.push_back({"lr", from(lrs)});
  for (std::size_t k = 0; k < state_.size(); ++k)
    for (std::size_t i = 0; i < state_[k].size(); ++i) list.push_back({state_names_[k] + "." + std::to_string(i), state_[k][i]});
  return list;
}

void Optimizer::load_state(const std::vector<NamedTensor>& state) {
  const std::vector<NamedTensor> mine = named_state();
  const auto find = [&](const std::string& name) -> const Tensor& {
    for (const NamedTensor& n : state)
      if (n.name == name) return n.tensor;
    TASUKI_THROW(ValueError, "the state is not that of this ", name_, ": it has no \"", name, "\"");
  };
  if (state.size() != mine.size())
    TASUKI_THROW(ValueError, "the state is not that of this ", name_, ": it has ", state.size(), " tensors, and ", mine.size(), " are expected");
  for (const NamedTensor& n : mine)
    if (find(n.name).shape() != n.tensor.shape())
      TASUKI_THROW(ValueError, "the state is not that of this ", name_, ": \"", n.name, "\" is ", find(n.name).shape(), " there and ", n.tensor.shape(), " here");
  const NoGrad off;
  step_count_ = find("step").to_vector<std::int64_t>()[0];
  steps_ = find("steps").to_vector<std::int64_t>();
  const std::vector<double> lrs = find("lr").to_vector<double>();
  for (std::size_t g = 0; g < groups_.size(); ++g) groups_[g].lr = lrs[g];
  for (std::size_t k = 0; k < state_.size(); ++k)
    for (std::size_t i = 0; i < state_[k].size(); ++i) {
      const Tensor& to = state_[k][i];
      to.copy_(find(state_names_[k] + "." + std::to_string(i)).to(to.device()).to(to.dtype()));
    }
}

}  // namespace tasuki::optim
