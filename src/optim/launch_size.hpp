#pragma once
#include "tasuki/runtime/storage.hpp"
#include "tasuki/tensor/tensor.hpp"

namespace tasuki::optim {

/// Bytes of a launch over many tensors. All operands of a launch must be in memory together, so within a memory budget launches
/// are kept small; otherwise the fewer the better.
class LaunchSize {
 public:
  void add(const Tensor& t) { bytes_ += t.nbytes(); }
  bool is_reached(const Tensor& next) const {
    return next.storage().runtime().manager() != nullptr && bytes_ + next.nbytes() > managed_bytes;
  }

 private:
  static constexpr std::size_t managed_bytes = std::size_t{1} << 20;
  std::size_t bytes_ = 0;
};

}  // namespace tasuki::optim
