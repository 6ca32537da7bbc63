#pragma once
#include <cstddef>
#include <cstdint>

#include "tasuki/core/device.hpp"
#include "tasuki/runtime/device_profile.hpp"
#include "tasuki/runtime/runtime.hpp"

namespace tasuki::sim {

/// The queues of a simulated device. Every queue runs its own work in order, and is ordered with others by events alone.
inline constexpr StreamId compute_stream = 0, out_stream = 1, in_stream = 2;
inline constexpr int stream_count = 3;

/// A queue by the virtual clock.
struct StreamTime {
  double seconds = 0;       ///< when all that was queued so far will be done
  double busy_seconds = 0;  ///< of these, how long it works; the rest it waits for events and for the host
  std::uint64_t items = 0;  ///< launches and copies queued so far
};

/// The virtual clock of a simulated device. It tells when things would happen on the device of the profile, if the host took no
/// time at all: work starts when the work before it on its queue, the events it waits for, and the host's last synchronization
/// are past, and takes what the profile says. It depends on what was queued in which order and on nothing else.
struct Clock {
  StreamTime streams[stream_count];
  double host_seconds = 0;             ///< what the host has waited for
  double seconds() const;              ///< when everything is done
  std::uint64_t synchronizations = 0;  ///< calls that made the host wait for a queue
  std::size_t bytes_out = 0, bytes_in = 0;  ///< copied from and to the device
};

/// The clock of a simulated device. Throws DeviceError for another device.
Clock clock(Device device);
/// Waits for all queues; then the clock, its counters and the random choices of the schedule start again.
void reset_clock(Device device);
/// From now on launches and copies only take their time by the virtual clock: nothing is computed, no memory is touched, and what
/// tensors hold is undefined. So a step of any size can be recorded and planned (Budget::trace_json) on a machine that could not
/// hold it:
///
///     auto device = ts::Device::sim(0, {.bytes = 1024_GiB, .profile = "v100-nvlink"});
///     ts::sim::set_clock_only(device, true);
///
/// Giving the device new options ends it.
void set_clock_only(Device device, bool on);
const DeviceProfile& profile(Device device);
SimOptions options(Device device);

}  // namespace tasuki::sim
