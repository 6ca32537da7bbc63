#pragma once
#include "tasuki/core/small_vector.hpp"
#include "tasuki/runtime/residency.hpp"
#include "tasuki/runtime/storage.hpp"

namespace tasuki {

/// Operands that must be in memory, and stay where they are, until a launch is over. On devices without a residency manager
/// nothing ever moves, and pinning costs a predictable branch.
class Pins {
 public:
  Pins() = default;
  ~Pins() { end(); }
  Pins(const Pins&) = delete;
  Pins& operator=(const Pins&) = delete;

  /// A launch on `runtime` begins.
  void begin(DeviceRuntime& runtime) {
    if (ResidencyManager* manager = runtime.manager()) [[unlikely]] {
      manager->begin_launch();
      begun_ = manager;
    }
  }
  void add(Storage& storage, bool write = false) {
    if (ResidencyManager* manager = storage.runtime().manager()) [[unlikely]] {
      manager->pin(storage, write);
      pinned_.push_back(&storage);
    }
  }
  /// The launch is over. The storages must still be there: whoever may free one afterwards calls this first.
  void end() {
    for (Storage* s : pinned_) s->let_move();
    pinned_.clear();
  }
  /// Whether begin found a manager, so that reserve has a meaning.
  bool managed() const { return begun_ != nullptr; }
  void reserve(std::size_t bytes) { begun_->reserve(bytes); }

 private:
  ResidencyManager* begun_ = nullptr;
  SmallVector<Storage*, 8> pinned_;
};

}  // namespace tasuki
