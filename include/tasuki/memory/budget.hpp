#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "tasuki/core/device.hpp"
#include "tasuki/core/source_location.hpp"
#include "tasuki/memory/policy.hpp"
#include "tasuki/memory/report.hpp"
#include "tasuki/runtime/runtime.hpp"

namespace tasuki::memory {

class Manager;

inline constexpr std::size_t automatic_bytes = static_cast<std::size_t>(-1);

struct BudgetOptions {
  std::size_t bytes = 0;                       ///< that the device may hold: tensors, cached blocks, scratch; required
  std::size_t host_bytes = automatic_bytes;    ///< for what leaves an accelerator; by default what the system leaves
  std::size_t file_bytes = automatic_bytes;    ///< for what does not fit there (on the CPU: for all that leaves)
  std::string file = {};                         ///< a file or folder on a local disk; by default a nameless file under /var/tmp
  Policy policy = Policy::automatic;
  std::uint64_t seed = 0;                      ///< of the planner's local search
  bool checksums = false;                      ///< verify what comes back; slower
};

/// While it lives, the device holds at most the stated bytes, and training goes on within them: storages that do not fit leave for
/// host memory or a file, or are dropped and computed again, with the same bits as without a budget.
///
///     ts::memory::Budget budget{device, 4_GiB};
///     ts::memory::Budget budget{device, {.bytes = 4_GiB, .file = "/scratch", .policy = ts::memory::Policy::swap}};
///
/// The first steps move what must move when it must; they are recorded, and from the third on a plan decides. A step ends with
/// Optimizer::step, or where mark() says. Launches of other threads are within the budget, but not part of the plan.
///
/// Throws ValueError for a budget of zero bytes, of more than the device has, or beside another one on the same device; FileError
/// for a file that cannot be used. An op that cannot fit throws OutOfMemory before it is launched, and says what would do.
class Budget {
  using At = SourceLocation;

 public:
  Budget(Device device, const BudgetOptions& options, At at = At::current());
  Budget(Device device, std::size_t bytes, At at = At::current()) : Budget(device, BudgetOptions{.bytes = bytes}, at) {}
  /// Brings back what is away, as far as there is room; the rest comes back when it is used.
  ~Budget();
  Budget(const Budget&) = delete;
  Budget& operator=(const Budget&) = delete;

  /// Ends a step, for programs without an optimizer.
  void mark();
  /// What the budget did so far.
  Report report() const;
  /// What plans are made from: the latest step that repeated, as JSON for memory::trace_from_json; empty before there is one.
  std::string trace_json() const;
  /// The plan of the latest planned step: as JSON, as a table for people, and its simulated timeline for chrome://tracing and
  /// ui.perfetto.dev (JSON); empty before there is one.
  std::string plan_json() const;
  std::string plan_table() const;
  std::string plan_timeline() const;

 private:
  Manager* manager_;
};

}  // namespace tasuki::memory
