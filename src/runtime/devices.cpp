// Which devices there are, and how they are named.
#include <array>
#include <atomic>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <mutex>
#include <optional>

#include "src/runtime/cpu_runtime.hpp"
#include "src/runtime/sim_runtime.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/runtime/bytes.hpp"
#include "tasuki/runtime/sim.hpp"

namespace tasuki {

// ---- the simulated ones

namespace {

constexpr int most_sims = 64;
std::mutex making;
std::array<std::atomic<SimRuntime*>, most_sims> sims{};

/// Running threads would use what static destructors take away.
void stop_all() {
  for (auto& sim : sims)
    if (SimRuntime* runtime = sim.load(std::memory_order_acquire)) runtime->queues().stop();
}

SimRuntime& make_sim(int index, const SimOptions& options) {
  const std::lock_guard lock(making);
  auto& place = sims[static_cast<std::size_t>(index)];
  if (SimRuntime* present = place.load(std::memory_order_acquire)) return *present;
  [[maybe_unused]] static const int registered = std::atexit(stop_all);
  auto* made = new SimRuntime(index, options);
  place.store(made, std::memory_order_release);
  return *made;
}

void check_index(int index) {
  if (index < 0 || index >= most_sims) TASUKI_THROW(DeviceError, "expected  a simulated device from 0 to ", most_sims - 1, "\nactual    ", index);
}

}  // namespace

SimRuntime& sim_runtime(Device device) {
  if (device.kind() != DeviceKind::sim) TASUKI_THROW(DeviceError, "expected  a simulated device, as ts::Device::sim() gives one\nactual    ", device);
  check_index(device.index());
  if (SimRuntime* runtime = sims[static_cast<std::size_t>(device.index())].load(std::memory_order_acquire)) [[likely]]
    return *runtime;
  return make_sim(device.index(), {});
}

Device Device::sim(int index) {
  check_index(index);
  return sim_runtime({DeviceKind::sim, index}).device();
}

Device Device::sim(int index, const SimOptions& options) {
  check_index(index);
  SimRuntime& runtime = make_sim(index, options);
  if (runtime.options() != options) runtime.configure(options);
  return runtime.device();
}

namespace sim {

double Clock::seconds() const {
  double latest = 0;
  for (const StreamTime& s : streams) latest = latest < s.seconds ? s.seconds : latest;
  return latest;
}

Clock clock(Device device) { return sim_runtime(device).queues().clock(); }
void reset_clock(Device device) { sim_runtime(device).queues().reset_clock(); }
void set_clock_only(Device device, bool on) { sim_runtime(device).set_clock_only(on); }
const DeviceProfile& profile(Device device) { return sim_runtime(device).profile(); }
SimOptions options(Device device) { return sim_runtime(device).options(); }

}  // namespace sim

// ---- names

namespace {

std::optional<std::size_t> whole_number(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

/// "512MiB", "4GiB", "1.5GB".
std::optional<std::size_t> byte_count(std::string_view text) {
  constexpr struct {
    std::string_view name;
    double bytes;
  } units[] = {{"KiB", 0x1p10}, {"MiB", 0x1p20}, {"GiB", 0x1p30}, {"TiB", 0x1p40}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}};
  for (const auto& unit : units) {
    if (!text.ends_with(unit.name)) continue;
    const std::string_view number = text.substr(0, text.size() - unit.name.size());
    if (number.empty() || !std::isdigit(static_cast<unsigned char>(number[0]))) return {};
    double value = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
    if (error != std::errc() || end != number.data() + number.size() || !(value * unit.bytes < 0x1p62)) return {};
    return static_cast<std::size_t>(value * unit.bytes);
  }
  return {};
}

}  // namespace

Device Device::parse(std::string_view text) {
  if (text == "cpu") return cpu();
  if (text == "sim") return sim();
  if (text.starts_with("sim:")) {
    const std::string_view rest = text.substr(4);
    if (const auto index = whole_number(rest); index && *index < most_sims) return sim(static_cast<int>(*index));
    if (const auto bytes = byte_count(rest)) return sim(0, {.bytes = *bytes});
    TASUKI_THROW(DeviceError, "no device \"", text, "\": after \"sim:\" comes an index below ", most_sims, ", or the device's memory as in \"sim:4GiB\" and \"sim:512MiB\"");
  }
  TASUKI_THROW(DeviceError, "no device \"", text, "\": this build of Tasuki offers \"cpu\" and \"sim\" (an accelerator emulated on the CPU; \"sim:4GiB\" states its memory)");
}

DeviceRuntime& runtime_of(Device device) {
  static CpuRuntime& cpu = *new CpuRuntime;
  if (device.kind() == DeviceKind::cpu) [[likely]]
    return cpu;
  if (device.kind() == DeviceKind::sim) return sim_runtime(device);
  TASUKI_THROW(DeviceError, "this build of Tasuki has no device ", device, "; it offers \"cpu\" and \"sim\"");
}

namespace memory {
std::size_t parse_bytes(std::string_view text) {
  if (const auto bytes = byte_count(text)) return *bytes;
  if (const auto bytes = whole_number(text)) return *bytes;
  TASUKI_THROW(ValueError, "expected  a number of bytes, as in \"512MiB\", \"1.5GB\" or \"1048576\"\nactual    \"", text, "\"");
}
Stats stats(Device device) { return runtime_of(device).memory_stats(); }
void reset_peak(Device device) { runtime_of(device).reset_peak(); }
void set_byte_limit(Device device, std::size_t bytes) { runtime_of(device).set_byte_limit(bytes); }
std::size_t release_cached(Device device) { return runtime_of(device).release_cached(); }
}  // namespace memory

}  // namespace tasuki
