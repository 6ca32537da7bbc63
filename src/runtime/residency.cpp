#include "tasuki/runtime/residency.hpp"

#include <atomic>

namespace tasuki {

namespace {
std::atomic<ResidencyManager*> manager_in_charge{nullptr};
}

ResidencyManager* residency_manager() { return manager_in_charge.load(std::memory_order_acquire); }
void set_residency_manager(ResidencyManager* manager) { manager_in_charge.store(manager, std::memory_order_release); }

}  // namespace tasuki
