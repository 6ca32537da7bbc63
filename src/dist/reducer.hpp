#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "src/runtime/pins.hpp"
#include "tasuki/dist/data_parallel.hpp"
#include "tasuki/ops/global_count.hpp"

namespace tasuki::dist {

/// Sums gradients over a world while backward goes on. Buckets are ranges of the optimizer's FlatLayout, so that nothing is packed;
/// they are issued in one order on all processes, the last parameters first, since their gradients come first.
class Reducer final : public BatchCount {
 public:
  Reducer(const World& world, nn::Module& net, optim::Optimizer& optimizer, const DataParallelOptions& options);
  ~Reducer() override;
  void retain() noexcept { ++references_; }
  void release() noexcept {
    if (--references_ == 0) delete this;
  }

  void hook_up();
  /// The network goes its own way again: hooks that stay on its parameters do nothing.
  void detach();
  void be_quiet(int change) { quiet_ += change; }
  std::size_t bucket_count() const { return buckets_.size(); }
  void broadcast_buffers();

  double total(double mine) override { return world_.sum(mine); }

 private:
  struct Bucket {
    std::size_t group, offset, bytes;        ///< of the gradients' arena
    std::vector<std::size_t> entries;
    std::size_t missing = 0;                 ///< gradients of the pass under way
    std::unique_ptr<Pins> pins;
    Work work;
  };
  void check_same_network(const nn::Module& net) const;
  void make_buckets();
  void arrived(std::size_t entry);
  void begin_pass();
  void issue(Bucket& bucket);
  void finish_pass();
  void abandon_pass() noexcept;
  /// Runs at the end of the pass, or tells that it was cut short.
  struct PassEnd;

  World world_;
  nn::Module& net_;
  FlatLayout& layout_;
  DataParallelOptions options_;
  std::vector<Bucket> buckets_;              ///< in the order in which they are issued
  std::vector<std::size_t> bucket_of_;       ///< by entry
  std::vector<const void*> arenas_;          ///< that the buckets are ranges of
  std::size_t next_ = 0;                     ///< bucket to be issued
  bool in_pass_ = false, detached_ = false;
  int quiet_ = 0;
  unsigned references_ = 1;
};

}  // namespace tasuki::dist
