#include "tasuki/memory/budget.hpp"

#include "src/core/annotated.hpp"
#include "src/memory/manager.hpp"
#include "src/memory/steps.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/memory/simulation.hpp"

namespace tasuki::memory {

Budget::Budget(Device device, const BudgetOptions& options, SourceLocation at) : manager_(nullptr) {
  annotated("Budget", at, [&] {
    if (options.bytes == 0) TASUKI_THROW(ValueError, "expected  a budget of some bytes\nactual    0\nwrite for example ts::memory::Budget budget{device, 4_GiB}");
    Manager& manager = Manager::of(device);
    manager.start(options);
    manager_ = &manager;
  });
}

Budget::~Budget() { manager_->stop(); }
void Budget::mark() { manager_->end_step(); }

Report Budget::report() const { return manager_->report(); }

std::string Budget::trace_json() const {
  const std::lock_guard lock(manager_->mutex());
  const Signature* planned = manager_->steps().planned();
  return planned ? to_json(planned->trace) : "";
}

std::string Budget::plan_json() const {
  const std::lock_guard lock(manager_->mutex());
  const Signature* planned = manager_->steps().planned();
  return planned ? to_json(*planned->plan) : "";
}

std::string Budget::plan_table() const {
  const std::lock_guard lock(manager_->mutex());
  const Signature* planned = manager_->steps().planned();
  return planned ? to_table(planned->trace, *planned->plan) : "";
}

std::string Budget::plan_timeline() const {
  const std::lock_guard lock(manager_->mutex());
  const Signature* planned = manager_->steps().planned();
  return planned ? to_timeline(planned->trace, simulate(planned->trace, manager_->steps().machine(), *planned->plan)) : "";
}

}  // namespace tasuki::memory
