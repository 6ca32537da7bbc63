#pragma once
#include "tasuki/autograd/node.hpp"
#include "tasuki/core/context.hpp"

namespace tasuki {

/// Where a launch comes from: what errors name.
struct LaunchSite {
  const OpInfo* op;
  const char* module;
  SourceLocation at;
  Device device;
  double flops;
  std::uint32_t mutates = 0;  ///< bit i: input i is written as well
};

/// A launch that a device runs later, on a thread of its own, while the host goes on. It owns what it needs: the op, and a copy of
/// the operands' layouts. The bytes need no owner: a block that is freed with work queued is handed out again behind that work.
class DeferredLaunch {
 public:
  /// Whether kernels of this op on this device are queued rather than run at once.
  static bool wanted(Device device, const OpInfo& op) { return device.kind() == DeviceKind::sim && !(op.flags & op_mixed_devices); }

  /// Queues op.forward(launch). `keeper` is the node that the op lives in; without one the op is moved from where it is.
  static void forward(Function& op, const detail::FunctionTraits* traits, Node* keeper, Launch& launch, const LaunchSite& site);
  static void backward(Node& node, Backward& launch, const LaunchSite& site);

 private:
  class Base;
  class Forward;
  class Reverse;
};

}  // namespace tasuki
