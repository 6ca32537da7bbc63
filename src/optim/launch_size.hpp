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
  /// Before any are added: one of those that will be. Where a large one has a launch, so may many small ones.
  void expect(const Tensor& t) { largest_ = std::max(largest_, t.nbytes()); }
  void add(const Tensor& t) {
    if (bytes_ == 0) limit_ = limit_of(t.storage().runtime());
    bytes_ += t.nbytes();
  }
  bool is_reached(const Tensor& next) const { return bytes_ > 0 && bytes_ + next.nbytes() > limit_; }
  /// A launch has taken them.
  void clear() { bytes_ = 0; }

 private:
  std::size_t limit_of(const DeviceRuntime& runtime) const {
    // What an optimizer needs beside its parameters is a multiple of them.
    constexpr std::size_t part_of_budget = 32, least = std::size_t{1} << 20, usual = least * 4, most = least * 16;
    return runtime.manager() ? std::clamp(runtime.memory_stats().limit_bytes / part_of_budget, least, std::clamp(largest_, usual, most)) : SIZE_MAX;
  }
  std::size_t largest_ = 0, bytes_ = 0, limit_ = SIZE_MAX;
};

}  // namespace tasuki::optim
