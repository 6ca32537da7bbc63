#pragma once
#include <algorithm>

#include "tasuki/runtime/runtime.hpp"
#include "tasuki/runtime/storage.hpp"
#include "tasuki/tensor/tensor.hpp"

namespace tasuki::optim {

/// Bytes of a launch over many tensors. All operands of a launch must be in memory together, so within a memory budget launches
/// are a small part of it; otherwise the fewer the better, since each has a cost of its own.
class LaunchSize {
 public:
  void add(const Tensor& t) {
    if (bytes_ == 0) limit_ = limit_of(t.storage().runtime());
    bytes_ += t.nbytes();
  }
  bool is_reached(const Tensor& next) const { return bytes_ > 0 && bytes_ + next.nbytes() > limit_; }

 private:
  // What an optimizer needs beside its parameters is a multiple of them.
  static constexpr std::size_t part_of_budget = 128, least = std::size_t{1} << 20, most = std::size_t{4} << 20;
  static std::size_t limit_of(const DeviceRuntime& runtime) {
    return runtime.manager() ? std::clamp(runtime.memory_stats().limit_bytes / part_of_budget, least, most) : SIZE_MAX;
  }
  std::size_t bytes_ = 0, limit_ = SIZE_MAX;
};

}  // namespace tasuki::optim
