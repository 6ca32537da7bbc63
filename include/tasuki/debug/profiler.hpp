#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tasuki::debug {

/// Records every launch of the process while it lives (or until stop): when, how long, which op in which phase and module, on
/// what. `save` writes a trace for chrome://tracing or ui.perfetto.dev; `table` sums up by op.
///
///     ts::debug::Profiler profiler;
///     train_one_step();
///     profiler.save("step.json");
///     std::puts(profiler.table().c_str());
///
/// Costs about a microsecond and 400 bytes per launch. On devices that queue their work every launch is waited for, so that its
/// duration is the kernel's own; copies and compute then overlap less than they would.
class Profiler {
 public:
  Profiler();
  ~Profiler();
  Profiler(const Profiler&) = delete;
  Profiler& operator=(const Profiler&) = delete;

  /// Records no further launches.
  void stop();
  /// Forgets what was recorded.
  void clear();

  /// One op in one phase.
  struct Row {
    std::string op;
    std::string phase;  ///< "forward", "backward", "replay"
    std::uint64_t launches = 0;
    double seconds = 0;
    double flops = 0;
    std::uint64_t bytes = 0;  ///< of operands and results
  };
  std::size_t launches() const;
  /// Longest first.
  std::vector<Row> rows() const;
  /// The rows as aligned text, with their share of the time and their rates.
  std::string table() const;
  /// The trace in Chrome's JSON format: one event per launch.
  std::string trace() const;
  /// Writes the trace to a file. Throws FileError.
  void save(std::string_view path) const;

 private:
  class Listener;
  Listener* listener_;
};

}  // namespace tasuki::debug
