#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace tasuki {

enum class DeviceKind : std::uint8_t { cpu, sim, cuda };

/// "cpu", "sim", "cuda".
const char* name_of(DeviceKind kind);

/// Where a tensor's bytes live: a kind and an index. A value; it owns nothing.
class Device {
 public:
  constexpr Device() = default;
  constexpr Device(DeviceKind kind, int index) : kind_(kind), index_(static_cast<std::int16_t>(index)) {}
  static constexpr Device cpu() { return {}; }
  /// From text as `--device` takes it: "cpu". Throws DeviceError with what this build offers for anything else.
  static Device parse(std::string_view text);

  constexpr DeviceKind kind() const { return kind_; }
  constexpr int index() const { return index_; }
  constexpr bool is_cpu() const { return kind_ == DeviceKind::cpu; }
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
