#pragma once
#include <csignal>
#include <vector>

#include "tasuki/dist/world.hpp"

namespace tasuki::dist {

/// What a batch system tells a job by a signal: its time is nearly over. The step is finished, a checkpoint written, and the job ends
/// with a code of its own, by which whoever started it knows that it wants to go on:
///
///     ts::dist::Interruption interruption{world};
///     ...
///       opt.step();
///       const bool ends = interruption.requested();
///       if (++step % 100 == 0 || ends) checkpoints.save(step);
///       if (ends) return ts::dist::Interruption::exit_code;
///
/// While it lives, the signals do nothing else to this process; afterwards they do what they did before, unless one has come.
class Interruption {
 public:
  static constexpr int exit_code = 85;
  /// Throws ValueError for numbers that are none of a signal that can be caught.
  explicit Interruption(const World& world, std::vector<int> signals = {SIGUSR1, SIGTERM}, SourceLocation at = SourceLocation::current());
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  /// Whether a signal has come to any of the processes; all of them call it, and hear the same. A message of 4 bytes.
  bool requested();

 private:
  struct Before;
  World world_;
  std::vector<Before> before_;
  bool requested_ = false;
};

}  // namespace tasuki::dist
