#pragma once
#include <cstddef>

#include "tasuki/runtime/runtime.hpp"

namespace tasuki::cpu {

/// Scratch memory for a kernel that may need more than its launch planned, because a gradient came in another layout than the one
/// infer expected: the launch's workspace where that is enough, else a counted block of its own.
class Scratch {
 public:
  Scratch(void* workspace, std::size_t planned, std::size_t needed) {
    if (needed <= planned) {
      data_ = workspace;
    } else {
      bytes_ = needed;
      data_ = runtime_of(Device::cpu()).allocate(bytes_);
    }
  }
  ~Scratch() {
    if (bytes_) runtime_of(Device::cpu()).deallocate(data_, bytes_);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  void* data() const { return data_; }

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace tasuki::cpu
