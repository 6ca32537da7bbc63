#pragma once
#include <cstddef>
#include <memory>
#include <vector>

#include "src/dist/exchange.hpp"
#include "tasuki/dist/data_parallel.hpp"
#include "tasuki/ops/global_count.hpp"

namespace tasuki::dist {

class CompressedExchange;
class Zero;

/// Follows backward passes: a bucket whose gradients are all there is handed to the exchange, while backward goes on. Buckets are ranges
/// of the optimizer's FlatLayout, so that nothing is packed, and go in one order on all processes.
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
  std::size_t bucket_count() const { return exchange_->buckets().size(); }
  std::size_t bucket_bytes() const { return bucket_bytes_; }
  const std::vector<std::size_t>& bucket_order() const { return order_; }
  void broadcast_buffers();
  /// Null unless redundancy is taken out.
  Zero* zero() const { return zero_; }
  /// Null unless gradients are compressed.
  CompressedExchange* compressed() const { return compressed_; }

  double total(double mine) override { return world_.sum(mine); }
  int processes() const override { return world_.size(); }
  int rank() const override { return world_.rank(); }
  void gather(const double* mine, std::size_t count, double* all) override;

 private:
  void check_same_network(const nn::Module& net, const optim::Optimizer& optimizer, const DataParallelOptions& options) const;
  void take_note_of_arenas();
  void take_note_of_order();
  std::size_t best_bucket_bytes() const;
  void share_arenas();
  void unshare_arenas() noexcept;
  void arrived(std::size_t entry);
  void begin_pass();
  void start_ready();
  void finish_pass();
  void abandon_pass() noexcept;
  /// Runs at the end of the pass, or tells that it was cut short.
  struct PassEnd;

  World world_;
  nn::Module& net_;
  FlatLayout& layout_;
  int stage_;
  std::size_t bucket_bytes_;
  std::unique_ptr<Exchange> exchange_;
  Zero* zero_ = nullptr;                  ///< the exchange, when it is one
  CompressedExchange* compressed_ = nullptr;  ///< likewise
  std::vector<std::size_t> bucket_of_;    ///< by entry
  std::vector<std::size_t> missing_;      ///< by bucket: gradients of the pass under way
  std::vector<const void*> arenas_;       ///< that the buckets are ranges of
  std::vector<intrusive_ptr<Arena>> shared_;  ///< with the processes of this host
  std::vector<bool> arrived_;             ///< by entry, in the pass under way
  std::vector<std::size_t> order_;        ///< of buckets, in which they are started
  std::vector<std::size_t> completed_;    ///< buckets, as their gradients were there in the pass under way
  bool order_observed_ = false;
  std::size_t next_ = 0;                  ///< place in the order, of the bucket to be started
  bool in_pass_ = false, detached_ = false;
  int quiet_ = 0;
  unsigned references_ = 1;
};

}  // namespace tasuki::dist
