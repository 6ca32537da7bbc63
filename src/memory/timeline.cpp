#include "src/memory/timeline.hpp"

#include "src/core/chrome_trace.hpp"

namespace tasuki::memory {

namespace {

const char* name_of_line(int line) {
  switch (static_cast<StepTimeline::Line>(line)) {
    case StepTimeline::Line::compute: return "compute";
    case StepTimeline::Line::out: return "out";
    case StepTimeline::Line::in: return "in";
    case StepTimeline::Line::file_out: return "to the file";
    case StepTimeline::Line::file_in: return "from the file";
    case StepTimeline::Line::host: return "host";
  }
  return "?";
}

}  // namespace

void StepTimeline::begin(double at) {
  events_.clear();
  start_ = at;
}

void StepTimeline::add(const Event& event) {
  if (events_.size() < most_events) events_.push_back(event);
}

void StepTimeline::launch(const char* op, LaunchPhase phase, const char* module, double begin, double end) {
  add({Kind::launch, Line::compute, phase, op, module, 0, begin, end});
}

void StepTimeline::departure(OwnerClass owner, std::size_t bytes, Tier to, double begin, double end) {
  add({Kind::departure, to == Tier::file ? Line::file_out : Line::out, {}, tasuki::name_of(owner), "", bytes, begin, end});
}

void StepTimeline::arrival(OwnerClass owner, std::size_t bytes, Tier from, double begin, double end) {
  add({Kind::arrival, from == Tier::file ? Line::file_in : Line::in, {}, tasuki::name_of(owner), "", bytes, begin, end});
}

void StepTimeline::wait(Line line, const char* what_for, double begin, double end) {
  add({Kind::wait, line, {}, what_for, "", 0, begin, end});
}

void StepTimeline::memory(double at, std::size_t bytes) { add({Kind::memory, Line::host, {}, "", "", bytes, at, at}); }

ChromeTrace StepTimeline::chrome_trace() const {
  ChromeTrace trace;
  for (int line = static_cast<int>(Line::compute); line <= static_cast<int>(Line::host); ++line) {
    bool used = false;
    for (const Event& e : events_) used |= e.kind != Kind::memory && static_cast<int>(e.line) == line;
    if (used) trace.name_line(line, name_of_line(line));
  }
  for (const Event& e : events_) {
    const double begin = e.begin - start_, end = e.end - start_;
    const auto bar = [&](const char* category) -> ChromeTrace& { return trace.bar(e.name, category, static_cast<int>(e.line), begin, end); };
    switch (e.kind) {
      case Kind::launch: bar(tasuki::name_of(e.phase)).argument("module", e.module); break;
      case Kind::departure: bar("departure").argument("bytes", std::uint64_t{e.bytes}); break;
      case Kind::arrival: bar("arrival").argument("bytes", std::uint64_t{e.bytes}); break;
      case Kind::wait: bar("wait"); break;
      case Kind::memory: trace.level("memory", begin, "bytes", e.bytes); break;
    }
  }
  return trace;
}

std::string StepTimeline::json() const { return chrome_trace().text(); }
void StepTimeline::save(std::string_view path) const { chrome_trace().save(path); }

}  // namespace tasuki::memory
