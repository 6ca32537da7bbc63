#include "tasuki/data/loader.hpp"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <numeric>
#include <thread>
#include <vector>

#include "kernels/random.hpp"
#include "src/core/annotated.hpp"
#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/runtime/threads.hpp"

namespace tasuki::data {

struct Loader::Impl {
  const Dataset* dataset;
  bool owned;
  LoaderOptions options;
  LoaderPosition next{};      ///< where the next loop starts
  LoaderPosition position{};  ///< what the loops have reached
  std::vector<double> bounds{};  ///< of the shards' parts of a global batch, from 0 to 1; empty when they are equal

  ~Impl() {
    if (owned) delete dataset;
  }
  /// What all shards take at a time.
  std::int64_t global_batch() const { return options.global_batch > 0 ? options.global_batch : options.batch * options.shard.size; }
  /// What this shard takes of a full global batch.
  std::int64_t local_batch() const {
    if (!bounds.empty()) return bound(options.shard.rank + 1, global_batch()) - bound(options.shard.rank, global_batch());
    return (global_batch() - options.shard.rank + options.shard.size - 1) / options.shard.size;
  }
  /// Where the shard's part of so many examples begins.
  std::int64_t bound(int shard, std::int64_t examples) const { return static_cast<std::int64_t>(bounds[static_cast<std::size_t>(shard)] * static_cast<double>(examples) + 0.5); }
  /// Batches of an epoch from its example `first` on, the same number for every shard.
  std::int64_t batches(std::int64_t first) const {
    const std::int64_t rest = dataset->size() - first, all = global_batch();
    return options.drop_last ? rest / all : (rest + all - 1) / all;
  }
  /// The part of an epoch, from its example `first` on, that this shard reads.
  std::vector<std::int64_t> order_of(std::int64_t number, std::int64_t first) const {
    const std::int64_t n = dataset->size();
    std::vector<std::int64_t> all(static_cast<std::size_t>(n));
    if (options.shuffle) {
      // A seed's own stream is what weights are drawn from; the high bits keep orders apart from it, and epochs from each other.
      const PhiloxState state{options.seed ^ 0x6c6f616465720000u, static_cast<std::uint64_t>(number) << 40};
      kernels::cpu::permutation(all.data(), n, state);
    } else {
      std::iota(all.begin(), all.end(), std::int64_t{0});
    }
    std::vector<std::int64_t> mine;
    mine.reserve(static_cast<std::size_t>(batches(first) * local_batch()));
    for (std::int64_t begin = first; begin < n; begin += global_batch()) {
      if (!bounds.empty()) {
        const std::int64_t examples = std::min(n - begin, global_batch());
        mine.insert(mine.end(), all.begin() + begin + bound(options.shard.rank, examples), all.begin() + begin + bound(options.shard.rank + 1, examples));
        continue;
      }
      for (std::int64_t i = begin + options.shard.rank; i < std::min(n, begin + global_batch()); i += options.shard.size) mine.push_back(all[static_cast<std::size_t>(i)]);
    }
    return mine;
  }
};

/// One epoch. Batch k goes through slot k % slots: workers fill slots in the order of batches, never further ahead than there are
/// slots, and the loop empties them in the same order.
class Loader::Iterator::Run {
 public:
  explicit Run(Impl& loader)
      : loader_(loader), start_(std::exchange(loader.next, {loader.next.epoch + 1, 0})), order_(loader.order_of(start_.epoch, start_.examples)),
        count_(loader.batches(start_.examples)), local_batch_(loader.local_batch()) {
    const auto wanted = std::min<std::int64_t>(loader.options.workers, count_);
    slots_.resize(static_cast<std::size_t>(wanted * loader.options.prefetch + 1));  // one more for the batch in use
    try {
      for (std::int64_t i = 0; i < wanted; ++i) workers_.emplace_back([this] { work(); });
    } catch (...) {
      stop();
      throw;
    }
  }
  ~Run() { stop(); }

  bool done() const { return at_ == count_; }
  const Batch& current() const { return current_; }

  /// Makes batch at_ the current one; nothing when there is none left.
  void fetch() {
    current_ = Batch();
    if (done()) return;
    if (at_ + 1 < count_) loader_.position = {start_.epoch, start_.examples + (at_ + 1) * loader_.global_batch()};
    else loader_.position = {start_.epoch + 1, 0};
    if (workers_.empty()) {
      const NoGrad off;
      current_ = make(at_);
      return;
    }
    std::unique_lock lock(mutex_);
    Slot& slot = slots_[static_cast<std::size_t>(at_) % slots_.size()];
    filled_.wait(lock, [&] { return slot.full; });
    slot.full = false;
    if (slot.error) std::rethrow_exception(std::exchange(slot.error, nullptr));
    current_ = std::exchange(slot.batch, Batch());
  }
  void advance() {
    {
      const std::lock_guard lock(mutex_);
      ++at_;
    }
    emptied_.notify_one();
    fetch();
  }

 private:
  struct Slot {
    Batch batch;
    std::exception_ptr error;
    bool full = false;
  };

  Batch make(std::int64_t k) const {
    const std::int64_t size = static_cast<std::int64_t>(order_.size()), first = std::min(k * local_batch_, size);
    const std::int64_t count = std::min(local_batch_, size - first), any = 0;
    // The shapes of an empty batch are those of an example.
    Batch batch = count ? loader_.dataset->batch(order_.data() + first, count) : loader_.dataset->batch(&any, 1);
    if (loader_.options.transform) loader_.options.transform(batch);
    if (count == 0) {
      batch.x = batch.x.narrow(0, 0, 0);
      if (batch.t.defined()) batch.t = batch.t.narrow(0, 0, 0);
    }
    return batch;
  }

  void work() {
    const NoGrad off;
    set_num_threads(1);  // workers run side by side; each would otherwise bring a team of threads of its own
    std::unique_lock lock(mutex_);
    for (;;) {
      emptied_.wait(lock, [&] { return stopping_ || next_ == count_ || next_ < at_ + static_cast<std::int64_t>(slots_.size()); });
      if (stopping_ || next_ == count_) return;
      const std::int64_t k = next_++;
      lock.unlock();
      Slot made;
      try {
        made.batch = make(k);
      } catch (Error& error) {
        error.add_line("in a worker of data::Loader, while it made batch " + std::to_string(k));
        made.error = std::current_exception();
      } catch (...) {
        made.error = std::current_exception();
      }
      made.full = true;
      lock.lock();
      slots_[static_cast<std::size_t>(k) % slots_.size()] = std::move(made);
      filled_.notify_one();
    }
  }

  void stop() noexcept {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    emptied_.notify_all();
    for (std::thread& worker : workers_) worker.join();
    workers_.clear();
  }

  Impl& loader_;
  const LoaderPosition start_;
  const std::vector<std::int64_t> order_;
  const std::int64_t count_, local_batch_;
  std::int64_t at_ = 0;  ///< the loop's batch
  Batch current_;
  std::mutex mutex_;
  std::condition_variable filled_, emptied_;
  std::vector<Slot> slots_;
  std::int64_t next_ = 0;  ///< the next batch that a worker takes
  bool stopping_ = false;
  std::vector<std::thread> workers_;
};

Loader::Loader(const Dataset* dataset, bool owned, LoaderOptions options, SourceLocation at)
    : impl_(new Impl{dataset, owned, std::move(options)}) {
  try {
    const LoaderOptions& o = impl_->options;
    TASUKI_CHECK(ValueError, dataset != nullptr, "there is no dataset");
    TASUKI_CHECK_OP(ValueError, dataset->size(), >, 0, "the dataset is empty");
    TASUKI_CHECK_OP(ValueError, o.batch, >=, 1);
    TASUKI_CHECK_OP(ValueError, o.global_batch, >=, 0);
    TASUKI_CHECK(ValueError, o.global_batch == 0 || o.batch == 1, "batch is ", o.batch, ", global_batch ", o.global_batch, ": one of them is enough");
    TASUKI_CHECK_OP(ValueError, o.workers, >=, 0);
    TASUKI_CHECK_OP(ValueError, o.prefetch, >=, 1);
    TASUKI_CHECK(ValueError, o.shard.size >= 1 && o.shard.rank >= 0 && o.shard.rank < o.shard.size, "shard ", o.shard.rank, " of ", o.shard.size);
    const std::int64_t least = o.drop_last ? impl_->global_batch() : 1;
    TASUKI_CHECK_OP(ValueError, dataset->size(), >=, least, "drop_last leaves no batch of ", o.global_batch > 0 ? o.global_batch : o.batch,
                    o.shard.size > 1 && o.global_batch == 0 ? " for each shard" : "");
  } catch (Error& error) {
    delete impl_;
    error.add_op("data::Loader", "", "", at);
    throw;
  }
}

Loader::~Loader() { delete impl_; }

std::int64_t Loader::size() const { return impl_->batches(0); }
std::int64_t Loader::epoch() const { return impl_->next.epoch; }
void Loader::set_epoch(std::int64_t epoch) { impl_->next = impl_->position = {epoch, 0}; }
void Loader::set_shares(const std::vector<double>& shares, SourceLocation at) {
  double total = 0;
  bool fine = shares.empty() || shares.size() == static_cast<std::size_t>(impl_->options.shard.size);
  for (const double s : shares) fine = fine && s >= 0 && s < __builtin_inf(), total += s;
  if (!fine || (!shares.empty() && !(total > 0)))
    refuse(ValueError(detail::concat({"expected  a share for each of ", impl_->options.shard.size, " shards, none negative and one above zero\nactual    ", shares.size(), " shares with the sum ", total})),
           "data::Loader::set_shares", at);
  impl_->bounds.clear();
  if (shares.empty()) return;
  double sum = 0;
  for (const double s : shares) impl_->bounds.push_back(std::exchange(sum, sum + s) / total);
  impl_->bounds.push_back(1);
}
std::int64_t Loader::example_count() const { return impl_->dataset->size(); }
const LoaderOptions& Loader::options() const { return impl_->options; }
LoaderPosition Loader::position() const { return impl_->position; }
void Loader::set_position(const LoaderPosition& position, SourceLocation at) {
  annotated("data::Loader::set_position", at, [&] {
    const std::int64_t size = impl_->dataset->size();
    TASUKI_CHECK(ValueError, position.epoch >= 0 && position.examples >= 0 && position.examples < size, "position is {", position.epoch, ", ",
                 position.examples, "}, the dataset has ", size, " examples");
  });
  impl_->next = impl_->position = position;
}

Loader::Iterator Loader::begin() {
  Iterator iterator(new Iterator::Run(*impl_));
  iterator.run_->fetch();
  return iterator;
}

Loader::Iterator::~Iterator() { delete run_; }
const Batch& Loader::Iterator::operator*() const { return run_->current(); }
Loader::Iterator& Loader::Iterator::operator++() {
  run_->advance();
  return *this;
}
bool Loader::Iterator::operator!=(End) const { return !run_->done(); }

}  // namespace tasuki::data
