#pragma once
#include <cstddef>
#include <vector>

#include "tasuki/optim/optimizer.hpp"

namespace tasuki::optim {

/// What backward does of an optimizer's step: StepInBackward switches it on and off. Hooks of the parameters own it, together with the
/// optimizer, since they cannot be taken off again.
class BackwardUpdates {
 public:
  explicit BackwardUpdates(Optimizer& optimizer);
  void retain() noexcept { ++references_; }
  void release() noexcept {
    if (--references_ == 0) delete this;
  }

  void switch_on(SourceLocation at);
  void switch_off() noexcept;
  /// The optimizer goes.
  void detach() noexcept;
  bool is_on() const { return on_; }
  void be_quiet(int change) { quiet_ += change; }
  /// Whether it is the one who updates this parameter in backward.
  bool has(const Tensor& parameter) const;
  const Optimizer& optimizer() const { return *optimizer_; }

  /// Throws AutogradError, about `what` the user does, when backward has updated some of the parameters in the step under way.
  void check_between_steps(const char* what) const;
  /// Throws AutogradError when there is a gradient that would update a parameter for the second time in this step.
  void check_end() const;
  /// The step under way is over, and the next one may begin.
  void end_step();
  /// Parameters have moved: the layout has made slots for gradients again.
  void repacked();

 private:
  void hook_up();
  void arrived(std::size_t entry);
  void begin_pass();
  void flush(std::size_t group);
  struct PassEnd;
  [[noreturn]] void refuse_second_gradient(std::size_t entry) const;

  Optimizer* optimizer_;
  bool on_ = false, hooked_up_ = false, in_pass_ = false;
  int quiet_ = 0;
  SourceLocation at_;
  /// Entries whose gradients are complete and wait for some more, by group.
  struct Waiting {
    std::vector<std::size_t> entries;
    std::size_t bytes = 0;
  };
  std::vector<Waiting> waiting_;
  std::vector<bool> updated_;  ///< by entry, in the step under way
  std::size_t updated_count_ = 0;
  unsigned references_ = 1;
};

/// Whose backward updates a parameter, or nullptr.
const Optimizer* updated_in_backward(const Tensor& parameter);

}  // namespace tasuki::optim
