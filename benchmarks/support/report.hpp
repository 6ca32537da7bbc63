#pragma once
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

/// What the benchmarks share: a clock, medians with their spread, a table on stdout and a JSON file.
namespace tasuki::benchmark {

inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Sample {
  double median = 0, low = 0, high = 0;  ///< quartiles
};
inline Sample summarize(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto at = [&](double q) { return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1) + 0.5)]; };
  return {at(0.5), at(0.25), at(0.75)};
}

/// Seconds per call of `f`: batches of `calls` until `seconds` have passed, at least 7 of them.
template <class F>
Sample time_per_call(F f, int calls, double seconds = 0.2) {
  f();
  std::vector<double> batches;
  const double end = now() + seconds;
  while (batches.size() < 7 || now() < end) {
    const double begin = now();
    for (int i = 0; i < calls; ++i) f();
    batches.push_back((now() - begin) / calls);
  }
  return summarize(std::move(batches));
}

/// Rows of name = value pairs, written as JSON.
class Report {
 public:
  explicit Report(std::string benchmark) : benchmark_(std::move(benchmark)) {}
  void begin_row() { rows_.emplace_back(); }
  void add(const std::string& key, double value) {
    char text[64];
    std::snprintf(text, sizeof text, std::isfinite(value) ? "%.9g" : "null", value);
    rows_.back().push_back("\"" + key + "\": " + text);
  }
  void add_flag(const std::string& key, bool value) { rows_.back().push_back("\"" + key + "\": " + (value ? "true" : "false")); }
  void add(const std::string& key, const std::string& value) { rows_.back().push_back("\"" + key + "\": \"" + value + "\""); }
  std::string json() const {
    std::string text = "{\"benchmark\": \"" + benchmark_ + "\", \"rows\": [";
    for (std::size_t r = 0; r < rows_.size(); ++r) {
      text += r ? ",\n  {" : "\n  {";
      for (std::size_t i = 0; i < rows_[r].size(); ++i) text += (i ? ", " : "") + rows_[r][i];
      text += "}";
    }
    return text + "\n]}\n";
  }
  /// Returns false, having said why, when the file cannot be written.
  bool save(const std::string& path) const {
    std::FILE* file = std::fopen(path.c_str(), "wb");
    const std::string text = json();
    const bool ok = file && std::fwrite(text.data(), 1, text.size(), file) == text.size();
    if (!file || std::fclose(file) != 0 || !ok) {
      std::fprintf(stderr, "cannot write %s\n", path.c_str());
      return false;
    }
    return true;
  }

 private:
  std::string benchmark_;
  std::vector<std::vector<std::string>> rows_;
};

/// The value after `--name`, or a default.
inline std::string option(int argc, char** argv, const std::string& name, const std::string& otherwise) {
  for (int i = 1; i + 1 < argc; ++i)
    if (argv[i] == "--" + name) return argv[i + 1];
  return otherwise;
}

}  // namespace tasuki::benchmark
