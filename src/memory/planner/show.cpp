#include <algorithm>
#include <cstdio>

#include "src/core/chrome_trace.hpp"
#include "src/memory/byte_text.hpp"
#include "tasuki/memory/simulation.hpp"

namespace tasuki::memory {

namespace {

template <class... A>
std::string line(const char* format, A... values) {
  char text[256];
  std::snprintf(text, sizeof text, format, values...);
  return text;
}

std::string time_text(double seconds) { return seconds >= 1 ? line("%.3f s", seconds) : seconds >= 1e-3 ? line("%.3f ms", seconds * 1e3) : line("%.1f us", seconds * 1e6); }

std::string place(const Trace& trace, int k) {
  if (k == static_cast<int>(trace.launches.size())) return "the end";
  if (k < 0 || k > static_cast<int>(trace.launches.size())) return std::to_string(k);
  const TraceLaunch& l = trace.launches[static_cast<std::size_t>(k)];
  return std::to_string(k) + " " + l.op + (l.phase == LaunchPhase::backward ? "'" : "");
}

}  // namespace

std::string to_table(const Trace& trace, const Plan& plan) {
  std::string text;
  if (!plan.feasible) {
    text = "no plan within " + byte_text(plan.budget_bytes);
    if (plan.blocked_launch >= 0) text += ": launch " + place(trace, plan.blocked_launch) + " does not fit";
    return text + "; the smallest budget is " + byte_text(plan.smallest_budget) + "\n";
  }
  text = "peak " + byte_text(plan.peak_bytes) + " of " + byte_text(plan.budget_bytes) + ", step " + time_text(plan.seconds) + " (keeping everything " + time_text(plan.keep_seconds) +
         ", replays " + time_text(plan.replay_seconds) + ", waits " + time_text(plan.exposed_seconds) + "), " + byte_text(plan.bytes_out) + " out, " + byte_text(plan.bytes_in) + " in, " +
         byte_text(plan.bytes_dropped) + " dropped\n";
  if (plan.decisions.empty()) return text;
  text += line("%8s  %-11s %11s  %-5s %-28s %-28s %6s %6s\n", "storage", "owner", "bytes", "move", "after (' is backward)", "until", "free", "back");
  for (const Decision& d : plan.decisions) {
    const bool known = d.storage >= 0 && d.storage < static_cast<int>(trace.storages.size());
    const TraceStorage* s = known ? &trace.storages[static_cast<std::size_t>(d.storage)] : nullptr;
    const char* move = d.move == Move::drop ? "drop" : d.tier == Tier::file ? "file" : "host";
    text += line("%8d  %-11s %11s  %-5s %-28.28s %-28.28s %6s %6s\n", d.storage, s ? name_of(s->owner) : "?", s ? byte_text(s->bytes).c_str() : "?", move, place(trace, d.from).c_str(),
                 place(trace, d.to).c_str(), d.move == Move::drop ? "" : std::to_string(d.freed_before).c_str(), d.issue_at == static_cast<int>(trace.launches.size()) ? "" : std::to_string(d.issue_at).c_str());
  }
  return text;
}

std::string to_timeline(const Trace& trace, const Simulation& simulation) {
  enum Line { compute = 1, out, in, file_out, file_in };
  ChromeTrace chrome;
  chrome.name_line(compute, "compute (simulated)");
  chrome.name_line(out, "out");
  chrome.name_line(in, "in");
  bool file = false;
  for (const auto& c : simulation.copies) file |= c.from != Tier::device && c.to != Tier::device;
  if (file) chrome.name_line(file_out, "host to file"), chrome.name_line(file_in, "file to host");
  for (std::size_t k = 0; k < simulation.begin.size() && k < trace.launches.size(); ++k) {
    const TraceLaunch& l = trace.launches[k];
    chrome.bar(l.op, name_of(l.phase), compute, simulation.begin[k], simulation.end[k]).argument("launch", static_cast<std::uint64_t>(k)).argument("module", l.module);
    chrome.level("memory", simulation.begin[k], "bytes", simulation.memory[k]);
  }
  for (const auto& r : simulation.replays)
    chrome.bar(trace.launches[static_cast<std::size_t>(r.launch)].op, name_of(LaunchPhase::replay), compute, r.begin, r.end).argument("before", static_cast<std::uint64_t>(r.before));
  for (const auto& c : simulation.copies) {
    const TraceStorage& s = trace.storages[static_cast<std::size_t>(c.storage)];
    const int row = c.from == Tier::device ? out : c.to == Tier::device ? in : c.to == Tier::file ? file_out : file_in;
    chrome.bar(name_of(s.owner), "copy", row, c.begin, c.end).argument("storage", static_cast<std::uint64_t>(c.storage)).argument("bytes", static_cast<std::uint64_t>(s.bytes));
  }
  return chrome.text();
}

}  // namespace tasuki::memory
