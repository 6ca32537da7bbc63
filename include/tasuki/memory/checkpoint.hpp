#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

namespace memory::detail {

/// While it is open, notes what the launches of this thread make.
class CheckpointScope {
 public:
  explicit CheckpointScope(Device device);
  ~CheckpointScope();
  CheckpointScope(const CheckpointScope&) = delete;
  CheckpointScope& operator=(const CheckpointScope&) = delete;
  /// Drops all of it that the tape can make again, but the results.
  void close(const Tensor* results, std::size_t count);
  void close(const Tensor& result) { close(&result, 1); }
  void close(const std::vector<Tensor>& results) { close(results.data(), results.size()); }

 private:
  Device device_;
  std::uint64_t segment_;
};

}  // namespace memory::detail

/// Calls f(x, inputs...) and drops the activations that it leaves on the tape; backward makes them again when it comes there, the
/// whole of f's at once, by replaying the recorded ops. f itself runs once: dropout keeps its masks, batch norm its running
/// statistics, and gradients are bitwise those without checkpoint. f returns a Tensor or a std::vector<Tensor>; what was computed
/// without gradients stays. A budget needs none of this: it finds out itself what to drop.
template <class F, class... Inputs>
auto checkpoint(F&& f, const Tensor& x, Inputs&&... inputs) {
  memory::detail::CheckpointScope scope(x.device());
  auto results = std::forward<F>(f)(x, std::forward<Inputs>(inputs)...);
  scope.close(results);
  return results;
}

}  // namespace tasuki
