#pragma once
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>
#include <vector>

#include "tasuki/core/function_ref.hpp"
#include "tasuki/data/dataset.hpp"
#include "tasuki/data/shard.hpp"

namespace tasuki::data {

struct LoaderOptions {
  std::int64_t batch = 1;         ///< examples of this shard at a time
  std::int64_t global_batch = 0;  ///< examples of all shards together at a time, in place of `batch`: the steps of a run are the same for any number of shards
  bool shuffle = false;
  std::uint64_t seed = 0;   ///< of the shuffle: the same order in every run and for any number of workers
  int workers = 0;          ///< threads that make batches ahead; 0 makes them where they are asked for
  int prefetch = 2;         ///< batches that wait ready at most, for each worker
  bool drop_last = false;   ///< leave out the batch that is not full
  Shard shard{};
  /// Applied to every batch, by the thread that made it: augmentation, normalization, casts.
  Callback<void(Batch&)> transform{};
};

/// A place in the sequence of epochs, for all shards together.
struct LoaderPosition {
  std::int64_t epoch = 0;
  std::int64_t examples = 0;  ///< of that epoch's order that are done with
  bool operator==(const LoaderPosition&) const = default;
};

/// Batches of a dataset, one epoch per loop:
///
///     ts::data::Loader loader(train, {.batch = 128, .shuffle = true, .workers = 2});
///     for (int epoch = 0; epoch < 5; ++epoch)
///       for (auto [x, t] : loader) ...
///
/// Each loop draws a new order, a function of the seed and the number of the epoch alone. The last batch may be smaller. With
/// several shards each process gets every size-th example of a global batch: batch k of all shards together is batch k of one
/// process with `size` times the batch size, or with `global_batch`, no example twice. All shards have equally many batches; a shard
/// may have an example less than another, or none: a batch of zero rows, so that it still takes part in what all do together.
///
/// Workers fill a bounded queue. What a worker throws is thrown in the loop, at the batch that it concerns; leaving a loop early
/// stops the workers.
class Loader {
 public:
  /// Keeps its own copy of the dataset (a TensorDataset's copy shares the tensors). Throws ValueError for an empty dataset and
  /// for options that make no batch.
  template <class D>
    requires(std::is_base_of_v<Dataset, std::remove_cvref_t<D>>)
  explicit Loader(D&& dataset, LoaderOptions options = {}, SourceLocation at = SourceLocation::current())
      : Loader(static_cast<const Dataset*>(new std::remove_cvref_t<D>(std::forward<D>(dataset))), true, std::move(options), at) {}
  /// Reads from a dataset that lives longer than the loader.
  explicit Loader(const Dataset* dataset, LoaderOptions options = {}, SourceLocation at = SourceLocation::current())
      : Loader(dataset, false, std::move(options), at) {}
  Loader(Loader&& other) noexcept : impl_(std::exchange(other.impl_, nullptr)) {}
  Loader& operator=(Loader&& other) noexcept {
    std::swap(impl_, other.impl_);
    return *this;
  }
  ~Loader();

  /// Batches of an epoch.
  std::int64_t size() const;
  /// Examples of an epoch, over all shards.
  std::int64_t example_count() const;
  const LoaderOptions& options() const;
  /// The epoch that the next loop runs; it starts at 0.
  std::int64_t epoch() const;
  void set_epoch(std::int64_t epoch);
  /// From the next loop on, shard r gets the r-th part of every global batch, in proportion to shares[r], instead of every size-th
  /// example: for processes of different speed, of which dist::BalanceReport::speeds knows. All processes give the same shares; none
  /// make the parts equal again. The global batches stay what they are. Throws ValueError unless there is a share for each shard, none
  /// of them negative, and one above zero.
  void set_shares(const std::vector<double>& shares, SourceLocation at = SourceLocation::current());
  /// What is done with once the batch that was handed out last is. Set in another run, with any number of shards, the next loop
  /// runs the rest of that epoch in the same order. Throws ValueError outside the data.
  LoaderPosition position() const;
  void set_position(const LoaderPosition& position, SourceLocation at = SourceLocation::current());

  struct End {};
  /// One run through an epoch. Movable; the loader must outlive it.
  class Iterator {
   public:
    Iterator(Iterator&& other) noexcept : run_(std::exchange(other.run_, nullptr)) {}
    Iterator& operator=(Iterator&&) = delete;
    ~Iterator();
    const Batch& operator*() const;
    const Batch* operator->() const { return &**this; }
    Iterator& operator++();
    bool operator!=(End) const;
    bool operator==(End end) const { return !(*this != end); }

   private:
    friend class Loader;
    class Run;
    explicit Iterator(Run* run) : run_(run) {}
    Run* run_;
  };
  /// Starts an epoch.
  Iterator begin();
  End end() const { return {}; }

 private:
  struct Impl;
  Loader(const Dataset* dataset, bool owned, LoaderOptions options, SourceLocation at);
  Impl* impl_;
};

}  // namespace tasuki::data
