#include "src/optim/backward_updates.hpp"

#include <algorithm>
#include <utility>

#include "src/core/annotated.hpp"
#include "tasuki/autograd/after_backward.hpp"
#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/autograd/leaf.hpp"
#include "tasuki/optim/step_in_backward.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki::optim {

namespace {

/// Bytes of gradients that share launches, which cost as much for a bias as for a matrix.
constexpr std::size_t enough_for_launch = std::size_t{1} << 20;

/// Those that are switched on.
std::vector<const BackwardUpdates*>& all_updates() {
  static std::vector<const BackwardUpdates*> list;
  return list;
}

}  // namespace

const Optimizer* updated_in_backward(const Tensor& parameter) {
  for (const BackwardUpdates* updates : all_updates())
    if (updates->has(parameter)) return &updates->optimizer();
  return nullptr;
}

BackwardUpdates::BackwardUpdates(Optimizer& optimizer)
    : optimizer_(&optimizer), waiting_(optimizer.group_count()), updated_(optimizer.layout().entries().size(), false) {}

bool BackwardUpdates::has(const Tensor& parameter) const {
  const auto& entries = optimizer_->layout().entries();
  return std::any_of(entries.begin(), entries.end(), [&](const FlatLayout::Entry& e) { return e.parameter.is_same(parameter); });
}

void BackwardUpdates::switch_on(SourceLocation at) {
  Optimizer& opt = *optimizer_;
  if (on_) refuse(ValueError(tasuki::detail::concat({"this ", opt.name(), " steps in backward already"})), "StepInBackward", at);
  if (opt.step_share())
    refuse(ValueError(tasuki::detail::concat({"the steps of this ", opt.name(), " are shared by several processes, which update slices of the parameters when backward is over\n"
                                              "DataParallel with zero = 2 keeps no more gradients than a few buckets, too"})),
           "StepInBackward", at);
  for (const FlatLayout::Entry& e : opt.layout().entries())
    if (const Optimizer* other = updated_in_backward(e.parameter))
      refuse(ValueError(tasuki::detail::concat({"the parameter ", e.parameter.describe(), " is updated in backward by another ", other->name(), " already"})), "StepInBackward", at);
  opt.refresh_layout();
  opt.layout().release_gradient_slots();
  if (!std::exchange(hooked_up_, true)) hook_up();
  at_ = at;
  on_ = true;
  all_updates().push_back(this);
}

void BackwardUpdates::switch_off() noexcept {
  on_ = false;
  std::erase(all_updates(), this);
  if (!optimizer_) return;
  try {
    optimizer_->layout().make_gradient_slots();
  } catch (const Error&) {  // backward makes new tensors wherever there is no slot
  }
}

void BackwardUpdates::detach() noexcept {
  on_ = false;
  std::erase(all_updates(), this);
  optimizer_ = nullptr;
}

/// Frozen parameters as well, for the day when they are trained again.
void BackwardUpdates::hook_up() {
  const auto& entries = optimizer_->layout().entries();
  for (std::size_t i = 0; i < entries.size(); ++i)
    LeafState::of(*entries[i].parameter.impl()).post_accumulate_hooks.push_back([self = intrusive_ptr<BackwardUpdates>(this), i](const Tensor&) { self->arrived(i); });
}

// ---- a step

void BackwardUpdates::check_between_steps(const char* what) const {
  if (updated_count_ == 0) return;
  TASUKI_THROW(AutogradError, what, " in the middle of a step: backward has updated ", updated_count_, " of ", updated_.size(), " parameters, and used their gradients up\n",
               "call step() first, which ends the step");
}

void BackwardUpdates::check_end() const {
  const auto& entries = optimizer_->layout().entries();
  for (std::size_t i = 0; i < entries.size(); ++i)
    if (updated_[i] && entries[i].parameter.grad().defined()) refuse_second_gradient(i);
}

void BackwardUpdates::refuse_second_gradient(std::size_t entry) const {
  TASUKI_THROW(AutogradError, "the parameter ", optimizer_->layout().entries()[entry].parameter.describe(), " has got another gradient after backward had updated it in this step\n",
               "call step() after each backward(); to accumulate gradients, run all backward passes but the last one under no_step()");
}

void BackwardUpdates::end_step() {
  updated_.assign(updated_.size(), false);
  updated_count_ = 0;
}

void BackwardUpdates::repacked() {
  if (on_) optimizer_->layout().release_gradient_slots();
}

/// Runs at the end of the pass, or tells that it was cut short.
struct BackwardUpdates::PassEnd {
  intrusive_ptr<BackwardUpdates> updates;
  explicit PassEnd(BackwardUpdates& u) : updates(&u) {}
  PassEnd(PassEnd&&) = default;
  ~PassEnd() {
    if (!updates) return;
    for (Waiting& w : updates->waiting_) w = {};
    updates->in_pass_ = false;
  }
  void operator()() {
    if (!updates->optimizer_) return;
    for (std::size_t g = 0; g < updates->waiting_.size(); ++g) updates->flush(g);
  }
};

void BackwardUpdates::begin_pass() {
  if (!optimizer_->layout().is_current())
    TASUKI_THROW(AutogradError, "parameters have moved to another device, dtype or shape, and ", optimizer_->name(), ", which updates them in backward, has not followed\n",
                 "call zero_grad() after moving them");
  in_pass_ = true;
  after_backward(PassEnd(*this));
}

void BackwardUpdates::arrived(std::size_t entry) {
  if (!on_) return;
  const auto& entries = optimizer_->layout().entries();
  const Tensor gradient = entries[entry].parameter.grad();
  if (!gradient.defined()) return;
  if (updated_[entry]) {
    for (std::size_t i = 0; i < entries.size(); ++i)
      if (updated_[i]) entries[i].parameter.zero_grad();  // so that step() can end the step
    refuse_second_gradient(entry);
  }
  if (quiet_ > 0 || !optimizer_->is_updated(entry)) return;
  if (gradient.requires_grad())
    TASUKI_THROW(AutogradError, "create_graph keeps gradients for a graph of their own, and ", optimizer_->name(), " uses them up in backward\n",
                 "take them by ts::grad(outputs, inputs, {.create_graph = true}), or run this backward under no_step()");
  if (!in_pass_) begin_pass();
  const std::size_t group = optimizer_->group_of_[entry];
  Waiting& waiting = waiting_[group];
  waiting.entries.push_back(entry);
  waiting.bytes += gradient.nbytes();
  if (waiting.bytes >= enough_for_launch || waiting.entries.size() == optimizer_->tensors_per_launch()) flush(group);
}

void BackwardUpdates::flush(std::size_t group) {
  const Waiting now = std::exchange(waiting_[group], {});
  if (now.entries.empty()) return;
  const NoGrad off;
  for (const std::size_t i : now.entries) {
    updated_[i] = true;
    ++updated_count_;
  }
  optimizer_->update_entries(group, now.entries, at_);
  for (const std::size_t i : now.entries) optimizer_->layout().entries()[i].parameter.zero_grad();
}

// ---- what users see

StepInBackward::StepInBackward(Optimizer& optimizer, SourceLocation at) {
  if (!optimizer.backward_updates_) optimizer.backward_updates_ = intrusive_ptr<BackwardUpdates>::adopt(new BackwardUpdates(optimizer));
  optimizer.backward_updates_->switch_on(at);
  updates_ = optimizer.backward_updates_;
}
StepInBackward::~StepInBackward() { updates_->switch_off(); }

StepInBackward::NoStep::NoStep(StepInBackward& eager) : updates_(eager.updates_) { updates_->be_quiet(1); }
StepInBackward::NoStep::~NoStep() { updates_->be_quiet(-1); }

}  // namespace tasuki::optim
