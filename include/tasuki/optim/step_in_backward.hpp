#pragma once
#include "tasuki/core/intrusive.hpp"
#include "tasuki/optim/optimizer.hpp"

namespace tasuki::optim {

/// While it lives, backward() updates each parameter as soon as its gradient is complete and gives the gradient's memory back, so that
/// gradients never take much more than those of the op under way. step() stays where it is: it ends the step, also that of a memory
/// budget, and updates what got its gradient in another way.
///
///     ts::optim::AdamW opt{net.parameters(), {.lr = 3e-4}};
///     ts::optim::StepInBackward eager{opt};
///     for (auto [x, t] : loader) {
///       opt.zero_grad();
///       ts::cross_entropy(net(x), t).backward();   // updates the parameters, with the learning rates of now
///       opt.step();
///       schedule.step();
///     }
///
/// Parameters, optimizer state and checkpoints are the same as without it, bit by bit. Gradients that are accumulated over several
/// calls of backward() are used by the last one:
///
///     {
///       auto later = eager.no_step();
///       loss_of(first).backward();
///     }
///     loss_of(second).backward();
///
/// What is different:
///
///   - grad() of the parameters is undefined after backward(). Hooks of register_hook see, and may change, a gradient before it is used.
///   - Nothing can be decided by all gradients together: clip_grad_norm_, clip_grad_value_ and grad_norm throw ValueError. A hook of each
///     parameter may clip its gradient.
///   - A graph has one backward(): a second one with retain_graph throws AutogradError where it needs a parameter as it was, and so does
///     one that brings a parameter another gradient before step().
///   - A backward() that throws may have updated some of the parameters. zero_grad() throws then until step() or load_state() ends the step.
///   - Parameters move to another device or dtype between step() and the next forward pass, ahead of a zero_grad().
///   - It does not go with dist::DataParallel on several processes, which sums gradients when backward has made many of them.
class StepInBackward {
 public:
  /// Gradients that there are stay, for step(). Throws ValueError where another optimizer already updates one of the parameters in
  /// backward, or where several processes share the steps of this one.
  explicit StepInBackward(Optimizer& optimizer, SourceLocation at = SourceLocation::current());
  ~StepInBackward();
  StepInBackward(const StepInBackward&) = delete;
  StepInBackward& operator=(const StepInBackward&) = delete;

  /// While it lives, backward() only adds to gradients.
  class NoStep {
   public:
    explicit NoStep(StepInBackward& eager);
    ~NoStep();
    NoStep(const NoStep&) = delete;
    NoStep& operator=(const NoStep&) = delete;

   private:
    intrusive_ptr<BackwardUpdates> updates_;
  };
  [[nodiscard]] NoStep no_step() { return NoStep(*this); }

 private:
  intrusive_ptr<BackwardUpdates> updates_;
};

}  // namespace tasuki::optim
