#include "benchmarks/swap_vs_recompute/row.hpp"

#include <cstdio>

namespace tasuki::benchmark {

std::string ratio_text(double ratio) {
  if (!std::isfinite(ratio)) return "-";
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", ratio);
  return text;
}

std::string bytes_text(std::size_t bytes) {
  char text[32];
  const auto n = static_cast<double>(bytes);
  if (n >= 1e9) std::snprintf(text, sizeof text, "%.2f GB", n / 1e9);
  else std::snprintf(text, sizeof text, "%.1f MB", n / 1e6);
  return text;
}

void add_to(Report& report, const Row& r) {
  report.begin_row();
  report.add("kind", std::string("curve"));
  report.add("how", r.how);
  report.add("machine", r.machine);
  report.add("model", r.task.model);
  report.add("task", describe(r.task));
  report.add("policy", std::string(name_of(r.policy)));
  report.add("phi", r.phi);
  const auto add_bytes = [&](const char* key, std::size_t bytes) { report.add(key, static_cast<double>(bytes)); };
  add_bytes("budget_bytes", r.budget);
  add_bytes("keep_peak_bytes", r.keep_peak);
  add_bytes("floor_bytes", r.floor);
  report.add_flag("planned", r.planned);
  report.add_flag("feasible", r.feasible);
  report.add("ratio", r.ratio);
  if (r.how != "simulated") {
    report.add("ratio_low", r.ratio_low);
    report.add("ratio_high", r.ratio_high);
    report.add("predicted_ratio", r.predicted_ratio);
  }
  report.add("lower_bound", r.lower_bound);
  add_bytes("peak_bytes", r.peak);
  report.add_flag("within_budget", r.within_budget());
  add_bytes("bytes_out", r.bytes_out);
  add_bytes("bytes_in", r.bytes_in);
  add_bytes("bytes_dropped", r.bytes_dropped);
  report.add("replayed_ops", r.replayed_ops);
  report.add("plan_seconds", r.plan_seconds);
  report.add("plans", r.plans);
  report.add("forced_departures", r.forced_departures);
  add_bytes("launches", r.launches);
  add_bytes("storages", r.storages);
  if (r.bitwise) report.add_flag("bitwise", *r.bitwise);
}

void print_table(const std::vector<Row>& rows) {
  if (rows.empty()) return;
  const Row& first = rows.front();
  const bool ran = first.how != "simulated", timed = first.machine == "this machine";
  const int width = timed ? 62 : 48;
  std::printf("\n%s on %s (%s): %zu launches, %zu storages, peak %s, largest launch %s\n", describe(first.task).c_str(), first.machine.c_str(),
              ran ? ("ran on " + first.how).c_str() : "simulated", first.launches, first.storages, bytes_text(first.keep_peak).c_str(), bytes_text(first.floor).c_str());
  std::printf("  step time as a ratio to keeping everything (used part of the budget; copied out, dropped%s)\n", ran ? ", bits" : "");
  std::printf("  %5s %10s  %-8s", "phi", "budget", "bound");
  for (const memory::Policy p : policies) std::printf("%-*s", width, name_of(p));
  for (double phi = -1; const Row& r : rows) {
    if (r.phi != phi) std::printf("\n  %5.2f %10s  %-8s", r.phi, bytes_text(r.budget).c_str(), ratio_text(r.lower_bound).c_str());
    phi = r.phi;
    std::string cell = r.planned ? ratio_text(r.ratio) : "not planned";
    if (r.feasible) {
      char used[24];
      std::snprintf(used, sizeof used, "%.2f", static_cast<double>(r.peak) / static_cast<double>(r.budget));
      if (timed) cell += " [" + ratio_text(r.ratio_low) + "-" + ratio_text(r.ratio_high) + "]";
      cell += std::string(" (") + used + (r.within_budget() ? "" : " VIOLATED") + "; " + bytes_text(r.bytes_out) + ", " + bytes_text(r.bytes_dropped);
      if (r.bitwise) cell += *r.bitwise ? ", equal" : ", BITS DIFFER";
      cell += ")";
    }
    std::printf("%-*s", width, cell.c_str());
  }
  std::printf("\n");
  std::fflush(stdout);
}

}  // namespace tasuki::benchmark
