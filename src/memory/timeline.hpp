#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tasuki/autograd/listener.hpp"
#include "tasuki/memory/trace.hpp"

namespace tasuki {
class ChromeTrace;
}

namespace tasuki::memory {

/// What happened in a step, and when: launches, replays and waits of the compute queue, departures, arrivals, the bytes of the
/// device. Written as a trace for chrome://tracing and ui.perfetto.dev, with a line per queue, like the profiler's.
///
/// Times are seconds of any one clock. Names are kept as pointers: literals, or interned.
class StepTimeline {
 public:
  enum class Line : std::uint8_t { compute = 1, out, in, file_out, file_in, host };
  static constexpr std::size_t most_events = std::size_t{1} << 16;  ///< what comes after them is left out

  /// Forgets the step before.
  void begin(double at);
  /// A launch; replays are shown as such.
  void launch(const char* op, LaunchPhase phase, const char* module, double begin, double end);
  void departure(OwnerClass owner, std::size_t bytes, Tier to, double begin, double end);
  void arrival(OwnerClass owner, std::size_t bytes, Tier from, double begin, double end);
  /// The queue, or the host itself, waits.
  void wait(Line line, const char* what_for, double begin, double end);
  /// The bytes of the device from here on.
  void memory(double at, std::size_t bytes);

  bool empty() const { return events_.empty(); }
  /// The JSON text; times start at the step's beginning.
  std::string json() const;
  /// Throws FileError.
  void save(std::string_view path) const;

 private:
  enum class Kind : std::uint8_t { launch, departure, arrival, wait, memory };
  struct Event {
    Kind kind;
    Line line;
    LaunchPhase phase;
    const char *name, *module;
    std::size_t bytes;
    double begin, end;
  };
  void add(const Event& event);
  ChromeTrace chrome_trace() const;
  std::vector<Event> events_;
  double start_ = 0;
};

}  // namespace tasuki::memory
