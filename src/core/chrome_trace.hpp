#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tasuki {

/// Writes a trace for chrome://tracing and ui.perfetto.dev: bars with a name and a category on numbered lines, and curves.
///
///     ChromeTrace trace;
///     trace.name_line(1, "compute");
///     trace.bar("matmul", "forward", 1, begin, end).argument("bytes", bytes);
///     trace.level("memory", end, "bytes", resident);
///     trace.save("step.json");
///
/// Times are seconds from any common start.
class ChromeTrace {
 public:
  /// A line gets a name; lines are shown in the order of their numbers.
  void name_line(int line, std::string_view name);
  /// Something that lasts from `begin` to `end`. Arguments that follow belong to it.
  ChromeTrace& bar(std::string_view name, std::string_view category, int line, double begin, double end);
  ChromeTrace& argument(std::string_view key, std::string_view text);
  ChromeTrace& argument(std::string_view key, std::uint64_t number);
  ChromeTrace& argument(std::string_view key, double number);
  /// A point of a curve, which keeps this value until its next point.
  void level(std::string_view curve, double at, std::string_view series, std::uint64_t value);

  /// The JSON text.
  std::string text() const;
  /// Writes it to a file. Throws FileError.
  void save(std::string_view path) const;

 private:
  void begin_event(std::string_view name, const char* phase);
  void close_event();
  std::string events_;
  bool open_ = false;           ///< a bar whose arguments may follow
  bool has_arguments_ = false;  ///< and some did
};

/// `text` in quotes, as JSON has it.
std::string json_string(std::string_view text);

}  // namespace tasuki
