// Any bytes are a trace as JSON, or a ValueError. A trace that holds together has a plan that stays within its budget, or none.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "tasuki/core/error.hpp"
#include "tasuki/memory/simulation.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace tasuki::memory;
  try {
    const Trace trace = trace_from_json(std::string(reinterpret_cast<const char*>(bytes), size));
    if (trace.launches.size() > 40 || trace.storages.size() > 40) return 0;
    if (to_json(trace_from_json(to_json(trace))) != to_json(trace)) std::abort();
    Machine machine;
    machine.out = machine.in = {1e-6, 1e9};
    const std::size_t floor = floor_bytes(trace), peak = simulate(trace, machine, {}).peak_bytes;
    const Plan p = plan(trace, machine, {.budget_bytes = floor + (peak > floor ? (peak - floor) / 2 : 0)});
    if (!p.feasible) return 0;
    const Simulation s = simulate(trace, machine, p);
    if (!s.possible || s.peak_bytes > p.budget_bytes || s.peak_bytes != p.peak_bytes) std::abort();
  } catch (const tasuki::ValueError&) {
  }
  return 0;
}
