#include "benchmarks/swap_vs_recompute/pictures.hpp"

#include <algorithm>
#include <cmath>

#include "examples/support/svg_plot.hpp"

namespace tasuki::benchmark {

namespace {

const char* color_of(memory::Policy policy) {
  switch (policy) {
    case memory::Policy::swap: return "#2f6fb3";
    case memory::Policy::recompute: return "#d9822b";
    default: return "#1d8a4c";
  }
}

plot::Plot panel(const std::vector<Row>& rows) {
  const Row& first = rows.front();
  plot::Plot p(describe(first.task) + " (" + (first.how == "simulated" ? "simulated, " + first.machine : "ran on " + first.how + ", " + first.machine) + ")");
  p.x.label = "phi = (budget - floor) / (peak - floor)";
  p.left.label = "step time / time with everything kept";
  p.x.set(0, 1, 0.1);
  double highest = 1.2;
  for (const Row& r : rows)
    if (r.policy == memory::Policy::automatic && r.phi >= 0.25 && std::isfinite(r.ratio)) highest = std::max(highest, r.ratio);
  // Whatever lies above, swapping on a slow link above all, leaves the frame; so does what a last bit of memory costs.
  if (highest <= 1.5) p.left.set(1, 1.5, 0.1);
  else if (highest <= 2) p.left.set(1, 2, 0.2);
  else p.left.set(1, 3, 0.5);
  if (std::any_of(rows.begin(), rows.end(), [](const Row& r) { return std::isfinite(r.ratio) && r.ratio < 0.98; })) p.left.low -= p.left.step;

  for (const memory::Policy policy : policies) {
    plot::Series line{.name = name_of(policy), .color = color_of(policy)};
    line.markers = true;
    for (const Row& r : rows)
      if (r.policy == policy) line.add(r.phi, r.ratio);
    p.series.push_back(line);
  }
  plot::Series bound{.name = "lower bound", .color = "#8a9099"};
  bound.dashed = true;
  for (const Row& r : rows)
    if (r.policy == memory::Policy::automatic && std::isfinite(r.lower_bound)) bound.add(r.phi, r.lower_bound);
  if (!bound.x.empty()) p.series.push_back(bound);
  return p;
}

}  // namespace

void draw(const std::string& path, const std::vector<std::vector<Row>>& curves) {
  std::vector<plot::Plot> panels;
  for (const std::vector<Row>& rows : curves)
    if (!rows.empty()) panels.push_back(panel(rows));
  if (!panels.empty()) plot::write(path, panels, 2);
}

}  // namespace tasuki::benchmark
