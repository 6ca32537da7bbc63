#include "src/memory/feedback.hpp"

#include <algorithm>

namespace tasuki::memory {

namespace {

/// What another plan must win, and by what a step must be longer than its plan says, as a part of the step: less is noise.
constexpr double noticeable = 0.03;
/// What waiting must be above that of the settled plan.
constexpr double alarming = 0.1;

template <class Of>
double median(const SmallVector<PlanFeedback::Step, PlanFeedback::steps_per_look>& steps, Of of) {
  double values[PlanFeedback::steps_per_look];
  std::transform(steps.begin(), steps.end(), values, of);
  std::nth_element(values, values + steps.size() / 2, values + steps.size());
  return values[steps.size() / 2];
}

}  // namespace

PlanFeedback::Advice PlanFeedback::add(const Step& step, const Plan& plan) {
  seen_.push_back(step);
  if (seen_.size() < steps_per_look) return Advice::go_on;
  const auto shortest = [&](auto of) { return of(*std::min_element(seen_.begin(), seen_.end(), [&](const Step& a, const Step& b) { return of(a) < of(b); })); };
  const double counted = shortest([](const Step& s) { return s.fair_seconds(); }), seconds = shortest([](const Step& s) { return s.all_seconds(); });
  const double waited = median(seen_, [](const Step& s) { return s.waited_seconds; });
  seen_.clear();
  if (settled_) {
    least_waiting_ = std::min(least_waiting_, waited);
    if (++looks_ <= patience_ || waited - least_waiting_ <= alarming * seconds) return Advice::go_on;
    *this = PlanFeedback(2 * patience_);
  }
  is_best_ = !best_ || seconds < (1 - noticeable) * best_seconds_;
  if (is_best_) {
    best_ = plan;
    best_seconds_ = seconds;
    least_waiting_ = waited;
    settled_ = counted - plan.seconds <= noticeable * counted;
    if (settled_) return Advice::go_on;
  }
  return skip();
}

PlanFeedback::Advice PlanFeedback::skip() {
  if (tried_++ < most_plans) return Advice::try_another;
  settled_ = true;
  return is_best_ ? Advice::go_on : Advice::go_back;
}

}  // namespace tasuki::memory
