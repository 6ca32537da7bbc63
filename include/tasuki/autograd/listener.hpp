#pragma once
#include <cstddef>
#include <cstdint>

#include "tasuki/core/device.hpp"
#include "tasuki/core/source_location.hpp"
#include "tasuki/core/view.hpp"
#include "tasuki/runtime/runtime.hpp"

namespace tasuki {

struct DeviceProfile;
struct OpInfo;
class Storage;

enum class LaunchPhase : std::uint8_t { forward, backward, replay };
/// "forward", "backward", "replay".
const char* name_of(LaunchPhase phase);

/// What a launch does to an operand's elements.
enum class Access : std::uint8_t { read = 1, write = 2, read_write = 3 };
inline bool reads(Access a) { return static_cast<unsigned>(a) & 1u; }
inline bool writes(Access a) { return static_cast<unsigned>(a) & 2u; }

/// An operand of a launch as listeners see it.
struct LaunchOperand {
  View view;         ///< absent for an optional operand that is not there
  Storage* storage;  ///< nullptr when absent
  Access access;     ///< the target of an in-place op is both an input and an output, with the same access
};

/// One launch. In backward, inputs are the saved tensors and the outputs' gradients, outputs are the inputs' gradients.
struct LaunchRecord {
  const OpInfo* op;
  LaunchPhase phase;
  const char* module;  ///< interned path, "" outside modules
  SourceLocation at;   ///< the user's line (of the forward call, in every phase)
  Device device;
  StreamId stream;
  const LaunchOperand* inputs;
  std::size_t input_count;
  const LaunchOperand* outputs;
  std::size_t output_count;
  std::size_t workspace_bytes;
  double flops;
  bool recorded;  ///< on the tape: its node can run it again
};

/// What a launch takes on a device of this profile: by its flops and the bytes of its operands. The virtual clock of a simulated
/// device counts the same.
double modelled_seconds(const DeviceProfile& profile, const LaunchRecord& record);

/// Told of every launch of the process: memory trace, profiler, anomaly mode, counters. Called on the launching thread; with no
/// listener a launch pays one branch. An exception from after_launch reaches the user with the op's context.
class LaunchListener {
 public:
  virtual ~LaunchListener() = default;
  virtual void before_launch(const LaunchRecord&) {}
  virtual void after_launch(const LaunchRecord&) {}
};

/// Listeners are called in the order of registration. Registering while other threads launch is safe: they see it at their next
/// launch; unregistering waits for calls in progress.
void add_listener(LaunchListener& listener);
void remove_listener(LaunchListener& listener);

}  // namespace tasuki
