#pragma once
#include <cstddef>

namespace tasuki {

class DeviceRuntime;
class Storage;

/// How the memory layer plugs into the runtime. One manager at a time; without one, every storage stays where it is.
class ResidencyManager {
 public:
  virtual ~ResidencyManager() = default;
  /// Makes a storage's bytes resident before a launch or an access reads or writes them.
  virtual void bring_in(Storage& storage) = 0;
  /// Asked when an allocation of `bytes` has no room on a device; true when something was given back and a retry makes sense.
  virtual bool make_room(DeviceRuntime& runtime, std::size_t bytes) = 0;
};

ResidencyManager* residency_manager();
void set_residency_manager(ResidencyManager* manager);

}  // namespace tasuki
