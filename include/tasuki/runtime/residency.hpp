#pragma once
#include <cstddef>

namespace tasuki {

class Storage;

/// How the memory layer plugs into a device's runtime: DeviceRuntime::set_manager. Without a manager every storage stays where it
/// is. The launcher calls in this order: begin_launch; pin for each operand; reserve for the bytes about to be allocated; the
/// outputs and the workspace are allocated (make_room may be asked); the launch. Replays, which the manager itself
/// starts in begin_launch or pin, call pin only.
class ResidencyManager {
 public:
  virtual ~ResidencyManager() = default;
  virtual void begin_launch() = 0;
  /// Makes a storage's bytes resident and holds them in place (Storage::hold). With `write`, whatever could only be made again from
  /// the present bytes is made first.
  virtual void pin(Storage& storage, bool write) = 0;
  /// Throws OutOfMemory, before anything is launched, when the pinned storages of this thread's launch and `bytes` more cannot
  /// fit together.
  virtual void reserve(std::size_t bytes) = 0;
  /// An optimizer has finished its step on tensors of this device.
  virtual void end_step() = 0;
  /// Asked when an allocation of `bytes` has no room; true when something was given back and a retry makes sense.
  virtual bool make_room(std::size_t bytes) = 0;
  /// The blocks of a planned step that repeats would all have places of their own if it took so many bytes less: until it does, some of
  /// its memory moves in every step, which takes time.
  virtual void lacks_places(std::size_t bytes) { (void)bytes; }
  /// Nobody will read the contents again: whoever uses the storage next writes all of it. A hint.
  virtual void discard(Storage&) {}
  /// The last reference to the bytes of a storage that the manager has taken note of (Storage::residence) is going.
  virtual void released(Storage& storage) noexcept = 0;
};

}  // namespace tasuki
