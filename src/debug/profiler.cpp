#include "tasuki/debug/profiler.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <map>
#include <mutex>
#include <utility>

#include "src/core/chrome_trace.hpp"
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

template <class... A>
void append(std::string& out, const char* format, A... values) {
  char line[256];
  std::snprintf(line, sizeof line, format, values...);
  out += line;
}

}  // namespace

class Profiler::Listener final : public LaunchListener {
 public:
  void before_launch(const LaunchRecord& r) override {
    wait_for(r);
    const std::lock_guard lock(mutex_);
    Clock::time_point& begun = begun_[thread_number()];
    begun = Clock::now();  // last: what the profiler does is not the op's time
  }
  void after_launch(const LaunchRecord& r) override {
    wait_for(r);
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
  /// Otherwise the time would be that of queueing.
  static void wait_for(const LaunchRecord& r) {
    if (DeviceRuntime& runtime = runtime_of(r.device); runtime.is_asynchronous()) runtime.synchronize(r.stream);
  }
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

static ChromeTrace chrome_trace(const std::vector<Event>& events, Clock::time_point start) {
  const auto seconds = [&](Clock::time_point t) { return std::chrono::duration<double>(t - start).count(); };
  ChromeTrace trace;
  for (const Event& e : events) {
    const char* phase = name_of(e.phase);
    trace.bar(e.op->name, phase, e.thread, seconds(e.begin), seconds(e.end));
    trace.argument("phase", phase).argument("module", e.module).argument("inputs", e.inputs).argument("outputs", e.outputs);
    trace.argument("at", std::string(e.file) + ":" + std::to_string(e.line));
    trace.argument("bytes", e.bytes).argument("workspace", std::uint64_t{e.workspace}).argument("flops", e.flops);
  }
  return trace;
}

std::string Profiler::trace() const { return chrome_trace(listener_->events(), listener_->start()).text(); }

void Profiler::save(std::string_view path) const { chrome_trace(listener_->events(), listener_->start()).save(path); }

}  // namespace tasuki::debug
