#include "tasuki/memory/report.hpp"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <ostream>

#include "src/memory/byte_text.hpp"

namespace tasuki::memory {

namespace {

using Json = nlohmann::ordered_json;

std::string time_text(double seconds) {
  char text[32];
  if (seconds >= 1) std::snprintf(text, sizeof text, "%.2f s", seconds);
  else if (seconds >= 1e-3) std::snprintf(text, sizeof text, "%.2f ms", seconds * 1e3);
  else std::snprintf(text, sizeof text, "%.1f us", seconds * 1e6);
  return text;
}

std::string counted(std::uint64_t n, const char* one, const char* many) { return std::to_string(n) + " " + (n == 1 ? one : many); }

std::string percent(std::size_t part, std::size_t whole) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f%%", whole ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0.0);
  return text;
}

void row(std::string& out, const std::string& name, const std::string& value, const std::string& remark) {
  char line[256];
  std::snprintf(line, sizeof line, "  %-22s %12s   %s", name.c_str(), value.c_str(), remark.c_str());
  out += line;
  while (out.back() == ' ') out.pop_back();
  out += '\n';
}

void tier_row(std::string& out, const char* name, const Report::Traffic& t) {
  if (t.bytes_out == 0 && t.bytes_in == 0 && t.limit_bytes == 0) return;
  row(out, name, byte_text(t.bytes_out), "back " + byte_text(t.bytes_in) + "; held " + byte_text(t.held_bytes) + " of " + byte_text(t.limit_bytes));
}

Json json_of(const Report::Traffic& t) {
  return {{"bytes_out", t.bytes_out}, {"bytes_in", t.bytes_in}, {"held_bytes", t.held_bytes}, {"limit_bytes", t.limit_bytes}};
}

}  // namespace

std::string Report::to_string() const {
  std::string out = "memory budget on " + device + ": " + byte_text(budget_bytes) + ", policy " + name_of(policy) + "\n";
  row(out, "peak", byte_text(peak_bytes),
      percent(peak_bytes, budget_bytes) + " of the budget" + (predicted_peak_bytes ? "; planned " + byte_text(predicted_peak_bytes) : ""));
  row(out, "steps", std::to_string(steps), std::to_string(planned_steps) + " planned, " + std::to_string(reactive_steps) + " reactive");
  row(out, "plans", std::to_string(plans), "in " + time_text(plan_seconds) + ", for " + counted(signatures, "kind of step", "kinds of step"));
  tier_row(out, "to host memory", host);
  tier_row(out, "to the file", file);
  row(out, "replayed ops", std::to_string(replayed_ops), "in " + time_text(replay_seconds));
  row(out, "waited for transfers", time_text(exposed_seconds),
      counted(late_arrivals, "arrival", "arrivals") + " late, " +
          counted(forced_departures, "departure", "departures") + " unplanned");
  row(out, "host synchronizations", std::to_string(host_synchronizations), "");
  bool any = false;
  for (int i = 0; i < owner_classes; ++i) {
    const Departures& d = departures[i];
    if (d.swapped_bytes == 0 && d.dropped_bytes == 0) continue;
    if (!any) row(out, "left the device", "swapped", "     dropped");
    any = true;
    char dropped[32];
    std::snprintf(dropped, sizeof dropped, "%12s", byte_text(d.dropped_bytes).c_str());
    row(out, std::string("  ") + name_of(static_cast<OwnerClass>(i)), byte_text(d.swapped_bytes), dropped);
  }
  return out;
}

std::string Report::to_json() const {
  Json left = Json::object();
  for (int i = 0; i < owner_classes; ++i)
    left[name_of(static_cast<OwnerClass>(i))] = {{"swapped_bytes", departures[i].swapped_bytes}, {"dropped_bytes", departures[i].dropped_bytes}};
  const Json report = {{"device", device},
                       {"policy", name_of(policy)},
                       {"budget_bytes", budget_bytes},
                       {"peak_bytes", peak_bytes},
                       {"predicted_peak_bytes", predicted_peak_bytes},
                       {"steps", steps},
                       {"planned_steps", planned_steps},
                       {"reactive_steps", reactive_steps},
                       {"signatures", signatures},
                       {"plans", plans},
                       {"plan_seconds", plan_seconds},
                       {"host", json_of(host)},
                       {"file", json_of(file)},
                       {"departures", left},
                       {"replayed_ops", replayed_ops},
                       {"replay_seconds", replay_seconds},
                       {"exposed_seconds", exposed_seconds},
                       {"late_arrivals", late_arrivals},
                       {"forced_departures", forced_departures},
                       {"host_synchronizations", host_synchronizations}};
  return report.dump(2);
}

std::ostream& operator<<(std::ostream& out, const Report& report) { return out << report.to_string(); }

}  // namespace tasuki::memory
