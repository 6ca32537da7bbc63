#pragma once
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>

#include "tasuki/memory/policy.hpp"
#include "tasuki/runtime/storage.hpp"

namespace tasuki::memory {

/// What a budget has done since it began. Printed, it is a table:
///
///     std::cout << budget.report();
struct Report {
  std::string device;
  Policy policy{};
  std::size_t budget_bytes = 0;
  std::size_t peak_bytes = 0;            ///< as the device counted it
  std::size_t predicted_peak_bytes = 0;  ///< of the latest plan; 0 before there is one

  std::uint64_t steps = 0;           ///< that have ended
  std::uint64_t planned_steps = 0;   ///< of these, by a plan to the end
  std::uint64_t reactive_steps = 0;  ///< of these, the rest: something had to be moved when room ran out
  std::uint64_t signatures = 0;      ///< different steps that are known
  std::uint64_t plans = 0;           ///< made
  double plan_seconds = 0;           ///< that took

  /// What went to a lower tier and came back, and what the tier holds.
  struct Traffic {
    std::size_t bytes_out = 0, bytes_in = 0;
    std::size_t held_bytes = 0, limit_bytes = 0;  ///< at the most so far; allowed (0: no such tier)
  };
  Traffic host, file;

  /// What has left the device, summed over the steps, by what it was for: copied away, or dropped to be computed again.
  struct Departures {
    std::size_t swapped_bytes = 0, dropped_bytes = 0;
  };
  static constexpr int owner_classes = static_cast<int>(OwnerClass::temporary) + 1;
  Departures departures[owner_classes] = {};
  Departures& of(OwnerClass owner) { return departures[static_cast<int>(owner)]; }
  const Departures& of(OwnerClass owner) const { return departures[static_cast<int>(owner)]; }

  std::uint64_t replayed_ops = 0;
  double replay_seconds = 0;             ///< these took
  double exposed_seconds = 0;            ///< that launches waited for transfers
  std::uint64_t late_arrivals = 0;       ///< in planned steps; a launch waited for them
  std::uint64_t forced_departures = 0;   ///< that no plan foresaw
  std::uint64_t host_synchronizations = 0;

  std::string to_string() const;
  /// One object; its keys are the names of these fields.
  std::string to_json() const;
};

std::ostream& operator<<(std::ostream& out, const Report& report);

}  // namespace tasuki::memory
