#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tasuki {

enum class DeviceKind : std::uint8_t { cpu, sim, cuda };

/// "cpu", "sim", "cuda".
const char* name_of(DeviceKind kind);

/// In which order a simulated device runs what is ready on its queues, as far as events leave a choice.
enum class SimSchedule : std::uint8_t {
  concurrent,  ///< one thread per queue, as fast as they go
  delayed,     ///< the same, with random pauses
  seeded,      ///< nothing runs before the host waits; then a random queue goes on, step by step: the same for the same seed
};

/// How a simulated device is made; see Device::sim.
struct SimOptions {
  std::size_t bytes = std::size_t{4} << 30;          ///< memory of the device; it never holds more
  std::string profile = "h100-pcie5";                ///< whose speed the virtual clock imitates: a name for ts::device_profile
  SimSchedule schedule = SimSchedule::concurrent;
  std::uint64_t seed = 0;                            ///< of the random choices and pauses
  bool poison = false;                               ///< bytes given back are overwritten with NaNs
  bool operator==(const SimOptions&) const = default;
};

/// Where a tensor's bytes live: a kind and an index. A value; it owns nothing.
class Device {
 public:
  constexpr Device() = default;
  constexpr Device(DeviceKind kind, int index) : kind_(kind), index_(static_cast<std::int16_t>(index)) {}
  static constexpr Device cpu() { return {}; }
  /// An accelerator emulated on the CPU: memory of its own of a stated size, work that runs later on queues of its own, a clock
  /// that tells modelled device time. The first use makes it; with options, or with the defaults where it does not exist yet.
  /// Giving other options to one that exists is possible while it holds no tensors, and a DeviceError otherwise.
  static Device sim(int index = 0);
  static Device sim(int index, const SimOptions& options);
  /// From text as `--device` takes it: "cpu", "sim", "sim:512MiB", "sim:4GiB", or what to_string gives ("sim:0"). Throws DeviceError
  /// with what this build offers for anything else.
  static Device parse(std::string_view text);

  constexpr DeviceKind kind() const { return kind_; }
  constexpr int index() const { return index_; }
  constexpr bool is_cpu() const { return kind_ == DeviceKind::cpu; }
  /// True where ops run the CPU's kernels, whoever owns the memory.
  constexpr bool runs_cpu_kernels() const { return kind_ == DeviceKind::cpu || kind_ == DeviceKind::sim; }
  constexpr bool operator==(const Device&) const = default;
  /// "cpu", "cuda:1".
  std::string to_string() const;

 private:
  DeviceKind kind_ = DeviceKind::cpu;
  std::int16_t index_ = 0;
};

/// The device that new tensors are made on: the CPU, or what set_default_device chose.
Device default_device();
void set_default_device(Device device);

}  // namespace tasuki
