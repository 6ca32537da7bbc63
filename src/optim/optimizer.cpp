#include "tasuki/optim/optimizer.hpp"

#include <algorithm>
#include <cmath>

#include "src/core/annotated.hpp"
#include "src/optim/backward_updates.hpp"
#include "src/optim/flat_part.hpp"
#include "src/optim/launch_size.hpp"
#include "src/optim/pieces.hpp"
#include "src/optim/step_clock.hpp"
#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/core/small_vector.hpp"
#include "tasuki/optim/step_share.hpp"
#include "tasuki/runtime/residency.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki::optim {

namespace {

/// An update's launch is told of every operand it writes by one bit of 32; four kinds of operand leave room for seven parameters.
constexpr std::size_t operands_per_launch = 31;

[[noreturn]] void refuse(const std::string& optimizer, SourceLocation at, std::initializer_list<tasuki::detail::Text> body) {
  tasuki::refuse(ValueError(tasuki::detail::concat(body)), optimizer, at);
}

/// Of all optimizers. Few.
std::vector<StepShare*>& shares() {
  static std::vector<StepShare*> list;
  return list;
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
  layout_ = annotated(name, at, [&] { return new FlatLayout(all); });
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

Optimizer::~Optimizer() {
  if (backward_updates_) backward_updates_->detach();
  delete layout_;
}

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
  if (backward_updates_ && lr != groups_[group].lr) annotated(name_, at, [&] { backward_updates_->check_between_steps("a new learning rate"); });
  groups_[group].lr = lr;
}

std::vector<Tensor> Optimizer::parameters() const {
  std::vector<Tensor> list;
  for (const FlatLayout::Entry& e : layout_->entries()) list.push_back(e.parameter);
  return list;
}

void Optimizer::zero_grad() {
  if (backward_updates_) {
    backward_updates_->check_between_steps("zero_grad()");
    if (backward_updates_->is_on()) refresh_layout();
  }
  layout_->drop_gradients();
  if (share_) share_->drop_gradients();
}

bool Optimizer::steps_in_backward() const { return backward_updates_ && backward_updates_->is_on(); }

void Optimizer::refresh_layout() {
  if (!layout_->refresh()) return;
  allocate_state();
  if (backward_updates_) backward_updates_->repacked();
}

void Optimizer::share_step(StepShare* share) {
  if (!share) {
    share_ended_ = share_ != nullptr;
    std::erase(shares(), share_);
    share_ = nullptr;
    return;
  }
  check_is_elementwise(*this);
  const NoGrad off;
  for (std::size_t k = 0; k < state_.size(); ++k) {
    const std::vector<Tensor> whole = std::move(state_[k]);
    state_[k].clear();
    for (const Piece& piece : share->pieces()) state_[k].push_back(flat_part(whole[piece.parameter], piece.begin, piece.count).clone());
    for (const Tensor& t : state_[k]) t.storage().set_owner(OwnerClass::optimizer);
  }
  share_ = share;
  shares().push_back(share);
}

StepShare* share_of(const Tensor& parameter) {
  for (StepShare* share : shares())
    if (share->number_of(parameter) >= 0) return share;
  return nullptr;
}

/// What is updated: a parameter, or a piece of one.
struct Optimizer::Operand {
  Tensor parameter, gradient;
  std::size_t entry, state;
};

void Optimizer::step(SourceLocation at) {
  const NoGrad off;
  if (share_ended_) refuse(name_, at, {"its state is spread over several processes, and the DataParallel that shared its steps is gone\nlet the DataParallel live as long as the optimizer"});
  if (share_ && !layout_->is_current()) refuse(name_, at, {"parameters have moved to another device, dtype or shape while several processes share their update\nmove them ahead of DataParallel"});
  refresh_layout();
  if (backward_updates_) annotated(name_, at, [&] { backward_updates_->check_end(); });
  latest_step().store(++step_count_, std::memory_order_relaxed);
  for (std::size_t i = 0; i < steps_.size(); ++i) steps_[i] += is_updated(i);
  if (share_) share_->begin_update();
  for (std::size_t g = 0; g < groups_.size(); ++g) update_operands(g, operands_of(g), at);
  if (share_) share_->updated(name_.c_str());
  if (backward_updates_) backward_updates_->end_step();
  SmallVector<ResidencyManager*, 2> told;
  for (const FlatLayout::Group& g : layout_->groups()) {
    ResidencyManager* manager = runtime_of(g.device).manager();
    if (!manager || std::find(told.begin(), told.end(), manager) != told.end()) continue;
    told.push_back(manager);
    manager->end_step();
  }
}

bool Optimizer::is_updated(std::size_t entry) const {
  const Tensor& parameter = layout_->entries()[entry].parameter;
  return parameter.requires_grad() && (share_ ? share_->has_gradient(entry) : parameter.grad().defined());
}

std::vector<Optimizer::Operand> Optimizer::operands_of(std::size_t group) const {
  std::vector<Operand> list;
  if (share_) {
    const auto& pieces = share_->pieces();
    for (std::size_t i = 0; i < pieces.size(); ++i)
      if (const std::size_t entry = pieces[i].parameter; group_of_[entry] == group && is_updated(entry)) list.push_back({pieces[i].values, pieces[i].gradient, entry, i});
  } else {
    const auto& entries = layout_->entries();
    for (std::size_t i = 0; i < entries.size(); ++i)
      if (group_of_[i] == group && is_updated(i)) list.push_back({entries[i].parameter, entries[i].parameter.grad(), i, i});
  }
  return list;
}

void Optimizer::update_entries(std::size_t group, const std::vector<std::size_t>& entries, SourceLocation at) {
  std::vector<Operand> operands;
  for (const std::size_t i : entries) {
    ++steps_[i];
    const Tensor& parameter = layout_->entries()[i].parameter;
    operands.push_back({parameter, parameter.grad(), i, i});
  }
  update_operands(group, operands, at);
}

std::size_t Optimizer::tensors_per_launch() const { return operands_per_launch / (2 + state_.size()); }

void Optimizer::update_operands(std::size_t group, const std::vector<Operand>& operands, SourceLocation at) {
  Update u;
  u.state.resize(state_.size());
  struct Copied {
    Tensor parameter, copy;
  };
  LaunchSize size;
  std::vector<Copied> copied;  // parameters with gaps in memory are updated in a dense copy
  const auto launch = [&] {
    if (u.parameters.empty()) return;
    u.at = at;
    update(group, u);
    for (Copied& c : copied) c.parameter.copy_(c.copy);
    copied.clear();
    u = Update();
    u.state.resize(state_.size());
    size.clear();
  };
  for (const Operand& o : operands) size.expect(o.parameter);
  for (const Operand& o : operands) {
    Tensor parameter = o.parameter;
    // One launch has one dtype and device.
    if (!u.parameters.empty() && (u.parameters[0].dtype() != parameter.dtype() || u.parameters[0].device() != parameter.device() || size.is_reached(parameter))) launch();
    size.add(parameter);
    if (!is_dense(parameter.shape(), parameter.strides())) {
      parameter = parameter.detach().clone();
      copied.push_back({o.parameter, parameter});
    }
    const auto same_strides = [&](const Tensor& t) { return t.strides() == parameter.strides(); };
    u.parameters.push_back(parameter);
    u.gradients.push_back(same_strides(o.gradient) ? o.gradient : empty_like(parameter).copy_(o.gradient));
    for (std::size_t k = 0; k < state_.size(); ++k) u.state[k].push_back(state_[k][o.state]);
    u.steps.push_back(steps_[o.entry]);
    if (u.parameters.size() == tensors_per_launch()) launch();
  }
  launch();
}

// ---- checkpoints

std::vector<NamedTensor> Optimizer::named_counters() const {
  if (backward_updates_) backward_updates_->check_between_steps("named_state()");
  std::vector<double> lrs;
  for (const Group& g : groups_) lrs.push_back(g.lr);
  return {{"step", from(std::vector<std::int64_t>{step_count_})}, {"steps", from(steps_)}, {"lr", from(lrs)}};
}

std::vector<NamedTensor> Optimizer::named_state() const {
  std::vector<NamedTensor> list = named_counters();
  for (std::size_t k = 0; k < state_.size(); ++k) {
    const std::vector<Tensor> whole = share_ ? share_->whole(state_[k]) : state_[k];
    for (std::size_t i = 0; i < whole.size(); ++i) list.push_back({name_of_state(k, i), whole[i]});
  }
  return list;
}

std::vector<Optimizer::StatePart> Optimizer::state_parts() const {
  std::vector<StatePart> parts;
  const PieceNumbers numbers = share_ ? piece_numbers(*share_) : PieceNumbers();
  for (std::size_t k = 0; k < state_.size(); ++k)
    for (std::size_t i = 0; i < layout_->entries().size(); ++i) {
      const bool any = for_each_piece(numbers, i, [&](std::size_t p) { parts.push_back({name_of_state(k, i), i, share_->pieces()[p].begin, state_[k][p]}); });
      if (!any) parts.push_back({name_of_state(k, i), i, 0, empty({0}, {.dtype = layout_->entries()[i].parameter.dtype() == f64 ? f64 : f32})});
    }
  return parts;
}

const Tensor& Optimizer::find(const std::vector<NamedTensor>& state, const std::string& name, const Shape& shape) const {
  for (const NamedTensor& n : state) {
    if (n.name != name) continue;
    if (n.tensor.shape() != shape) TASUKI_THROW(ValueError, "the state is not that of this ", name_, ": \"", name, "\" is ", n.tensor.shape(), " there and ", shape, " here");
    return n.tensor;
  }
  TASUKI_THROW(ValueError, "the state is not that of this ", name_, ": it has no \"", name, "\"");
}

void Optimizer::load_counters(const std::vector<NamedTensor>& counters) {
  const Tensor &step = find(counters, "step", {1}), &steps = find(counters, "steps", Shape(steps_.size())), &lr = find(counters, "lr", Shape(groups_.size()));
  if (backward_updates_) backward_updates_->end_step();
  step_count_ = step.to_vector<std::int64_t>()[0];
  steps_ = steps.to_vector<std::int64_t>();
  const std::vector<double> lrs = lr.to_vector<double>();
  for (std::size_t g = 0; g < groups_.size(); ++g) groups_[g].lr = lrs[g];
}

void Optimizer::load_state(const std::vector<NamedTensor>& state) {
  const std::size_t parameters = layout_->entries().size(), expected = 3 + state_names_.size() * parameters;
  if (state.size() != expected)
    TASUKI_THROW(ValueError, "the state is not that of this ", name_, ": it has ", state.size(), " tensors, and ", expected, " are expected");
  const auto of_kind = [&](std::size_t kind, std::size_t parameter) -> const Tensor& { return find(state, name_of_state(kind, parameter), layout_->entries()[parameter].parameter.shape()); };
  for (std::size_t k = 0; k < state_.size(); ++k)
    for (std::size_t i = 0; i < parameters; ++i) of_kind(k, i);
  const NoGrad off;
  load_counters(state);
  for (std::size_t k = 0; k < state_.size(); ++k)
    for (std::size_t i = 0; i < state_[k].size(); ++i) {
      const Tensor& to = state_[k][i];
      if (!share_) {
        to.copy_(of_kind(k, i).to(to.device()).to(to.dtype()));
        continue;
      }
      const Piece& piece = share_->pieces()[i];
      const Tensor& parameter = layout_->entries()[piece.parameter].parameter;
      const Tensor laid_out = empty_like(parameter, {.dtype = to.dtype(), .device = to.device()});
      laid_out.copy_(of_kind(k, piece.parameter).to(to.device()).to(to.dtype()));
      to.copy_(flat_part(laid_out, piece.begin, piece.count));
    }
}

}  // namespace tasuki::optim
