#include "tasuki/memory/plan.hpp"

namespace tasuki::memory {

// Until the planner is in, no step has a plan, and storages are moved when room runs out.
Plan plan(const Trace&, const Machine&, const PlanOptions& options) {
  Plan none;
  none.budget_bytes = options.budget_bytes;
  return none;
}

}  // namespace tasuki::memory
