#include "tasuki/debug/profiler.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>

#include "tasuki/autograd/function.hpp"
#include "tasuki/autograd/listener.hpp"

namespace tasuki::debug {
namespace {

using Clock = std::chrono::steady_clock;

/// A small number for the calling thread, as the trace shows it.
int thread_number() {
  static std::atomic<int> next{1};
  thread_local const int number = next++;
  return number;
}

struct Event {
  const OpInfo* op;
  const char* module;
  const char* file;
  unsigned line;
  LaunchPhase phase;
  int thread;
  Clock::time_point begin, end;
  std::size_t workspace;
  std::uint64_t bytes;
  double flops;
  std::string inputs, outputs;  // "f32[64, 784], f32[10, 784]"
};

std::string operands_text(const LaunchOperand* operands, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    const View& v = operands[i].view;
    if (!v) continue;
    if (!text.empty()) text += ", ";
    text += name_of(v.dtype) + Shape(v.shape, v.ndim).to_string();
  }
  return text;
}

std::uint64_t bytes_of(const LaunchOperand* operands, std::size_t count) {
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < count; ++i) bytes += operands[i].view.bytes();
  return bytes;
}

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
      out += escaped;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

template <class... A>
void append(std::string& out, const char* format, A... values) {
  char line[256];
  std::snprintf(line, sizeof line, format, values...);
  out += line;
}

}  // namespace

class Profiler::Listener final : public LaunchListener {
 public:
  void before_launch(const LaunchRecord&) override {
    const std::lock_guard lock(mutex_);
    Clock::time_point& begun = begun_[thread_number()];
    begun = Clock::now();  // last: what the profiler does is not the op's time
  }
  void after_launch(const LaunchRecord& r) override {
    const Clock::time_point end = Clock::now();
    Event e{r.op, r.module, r.at.file(), r.at.line(), r.phase, thread_number(), end, end, r.workspace_bytes,
            bytes_of(r.inputs, r.input_count) + bytes_of(r.outputs, r.output_count), r.flops,
            operands_text(r.inputs, r.input_count), operands_text(r.outputs, r.output_count)};
    const std::lock_guard lock(mutex_);
    // a profiler that was made between an op's two calls has not seen it begin
    if (const auto begun = begun_.find(e.thread); begun != begun_.end()) e.begin = begun->second;
    events_.push_back(std::move(e));
  }
  std::vector<Event> events() const {
    const std::lock_guard lock(mutex_);
    return events_;
  }
  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return events_.size();
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    events_.clear();
  }
  Clock::time_point start() const { return start_; }
  bool active = true;

 private:
  mutable std::mutex mutex_;
  const Clock::time_point start_ = Clock::now();
  std::map<int, Clock::time_point> begun_;  // by thread
  std::vector<Event> events_;
};

Profiler::Profiler() : listener_(new Listener) { add_listener(*listener_); }
Profiler::~Profiler() {
  stop();
  delete listener_;
}

void Profiler::stop() {
  if (std::exchange(listener_->active, false)) remove_listener(*listener_);
}
void Profiler::clear() { listener_->clear(); }
std::size_t Profiler::launches() const { return listener_->size(); }

std::vector<Profiler::Row> Profiler::rows() const {
  std::map<std::pair<std::string, LaunchPhase>, Row> by_op;
  for (const Event& e : listener_->events()) {
    Row& row = by_op[{e.op->name, e.phase}];
    row.op = e.op->name;
    row.phase = name_of(e.phase);
    ++row.launches;
    row.seconds += std::chrono::duration<double>(e.end - e.begin).count();
    row.flops += e.flops;
    row.bytes += e.bytes;
  }
  std::vector<Row> rows;
  for (auto& [key, row] : by_op) rows.push_back(std::move(row));
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.seconds > b.seconds; });
  return rows;
}

std::string Profiler::table() const {
  const std::vector<Row> list = rows();
  double seconds = 0;
  for (const Row& r : list) seconds += r.seconds;
  std::string out;
  append(out, "%-24s %-9s %9s %11s %7s %10s %9s\n", "op", "phase", "launches", "total ms", "share", "us/launch", "GFLOP/s");
  for (const Row& r : list) {
    append(out, "%-24s %-9s %9llu %11.3f %6.1f%% %10.2f", r.op.c_str(), r.phase.c_str(), static_cast<unsigned long long>(r.launches),
           r.seconds * 1e3, seconds > 0 ? 100 * r.seconds / seconds : 0.0, r.seconds * 1e6 / static_cast<double>(r.launches));
    if (r.flops > 0 && r.seconds > 0) append(out, " %9.1f\n", r.flops / r.seconds / 1e9);
    else append(out, " %9s\n", "-");
  }
  append(out, "%-24s %-9s %9zu %11.3f\n", "total", "", launches(), seconds * 1e3);
  return out;
}

std::string Profiler::trace() const {
  const auto micros = [](Clock::duration d) { return std::chrono::duration<double, std::micro>(d).count(); };
  std::string out = "{\"displayTimeUnit\": \"ns\", \"traceEvents\": [";
  bool first = true;
  for (const Event& e : listener_->events()) {
    out += first ? "\n" : ",\n";
    first = false;
    out += "{\"name\": " + json_string(e.op->name) + ", \"cat\": " + json_string(name_of(e.phase)) + ", \"ph\": \"X\", \"pid\": 1";
    append(out, ", \"tid\": %d, \"ts\": %.3f, \"dur\": %.3f", e.thread, micros(e.begin - listener_->start()), micros(e.end - e.begin));
    out += ", \"args\": {\"phase\": " + json_string(name_of(e.phase)) + ", \"module\": " + json_string(e.module);
    out += ", \"inputs\": " + json_string(e.inputs) + ", \"outputs\": " + json_string(e.outputs);
    out += ", \"at\": " + json_string(std::string(e.file) + ":" + std::to_string(e.line));
    append(out, ", \"bytes\": %llu, \"workspace\": %zu, \"flops\": %.17g}}", static_cast<unsigned long long>(e.bytes), e.workspace, e.flops);
  }
  return out + "\n]}\n";
}

void Profiler::save(std::string_view path) const {
  const std::string name(path), text = trace();
  const auto fail = [&](const char* what) { TASUKI_THROW(FileError, "cannot ", what, " the trace ", name, ": ", std::strerror(errno)); };
  std::FILE* file = std::fopen(name.c_str(), "wb");
  if (!file) fail("create");
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (std::fclose(file) != 0 || !written) fail("write");
}

}  // namespace tasuki::debug
