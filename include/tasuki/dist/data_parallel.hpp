#pragma once
#include <cstddef>
#include <vector>

#include "tasuki/core/intrusive.hpp"
#include "tasuki/dist/compression.hpp"
#include "tasuki/dist/world.hpp"
#include "tasuki/nn/module.hpp"
#include "tasuki/optim/optimizer.hpp"
#include "tasuki/tensor/named_tensor.hpp"

namespace tasuki::dist {

class Reducer;

struct DataParallelOptions {
  /// Gradients are summed in ranges of about so many bytes, each as soon as its last gradient is there. 0: sqrt(bytes of all gradients *
  /// alpha / beta), where a sum of n bytes takes alpha + n beta seconds, as measured ahead of training: many small ones cost
  /// alpha each, and of a large one nothing is hidden when it is the last. The bits of sums do not depend on it; with zero or
  /// compression, where those of norms and of what is kept back do, 0 is 1 MiB.
  std::size_t bucket_bytes = 0;
  /// What is spread over the processes instead of being on each of them (ZeRO): 1 optimizer state, 2 gradients as well, 3 parameters
  /// as well.
  int zero = 0;
  /// Not together with zero.
  Compression compression = {};
};

/// Trains one network on all processes of a world. Each computes on its share of the global batch; after backward() every one of
/// them has the gradient of the whole.
///
///     auto world = ts::dist::init(argc, argv);
///     ...
///     ts::dist::DataParallel parallel{world, net, opt};
///
/// It gives every process the parameters and buffers of rank 0, and hooks into the tape: a gradient whose bucket is complete is
/// summed over all processes while backward goes on. While it lives, losses that average (cross_entropy, mse_loss, nll_loss, ...)
/// divide by the count of the whole batch instead of the process' own, when they are recorded: sums of gradients are then exactly
/// the gradient of the global mean, whatever the shares, an empty one included; the value of the loss is this process' part, and
/// `world.sum(loss)` the whole. ts::mean stays local.
///
/// Every process calls backward() equally often. Gradients that are accumulated over several calls are summed by the last one:
///
///     {
///       auto later = parallel.no_sync();
///       loss_of(first).backward();
///     }
///     loss_of(second).backward();
///
/// Batch normalization takes each process' own statistics, unless it is told otherwise (nn::synchronize_batch_norm), which gives what
/// one process has. Masks of dropout are drawn from a subsequence for each process, so that runs on different numbers of processes
/// are equal only without dropout.
///
/// With `{.zero = 1}` each process has the optimizer's state for its slices of the parameters only, updates these, and gets the others'
/// updates from them; with 2 gradients as well are summed into the slices of their owners, and with 3 parameters have memory while
/// they are used: all of a bucket's as soon as an op takes one of them, and the bucket after it (in the order of the last step) meanwhile.
/// N parameters of 4 bytes under AdamW, on P processes, take 16 N bytes without, 8 N + 8 N / P, 4 N + 12 N / P and 16 N / P, and during a
/// step three buckets more with 2, five with 3. The results are the same as without, to the bit. What is different:
///
///   - p.grad() is undefined after backward(); clip_grad_norm_ and grad_norm know the slices, and are called by all processes.
///   - The optimizer must treat elements one by one (SGD, Adam, AdamW do). Its named_state is whole, and gathered by all processes.
///   - Checkpoints hold slices as they are, and gather nothing.
///   - With 3 all processes use the same layers in the same order, and what only one of them does with parameters stands in a scope
///     of whole_parameters(), such as ts::save on rank 0.
///   - All of them go with a memory budget, which may be another one on each process. With 3 it needs room for the buckets that are
///     gathered, moves slices like anything else, and what was computed from parameters it swaps and never computes again, a
///     checkpoint by hand keeps it: computing it again would take all processes, of which the others may have kept theirs.
///   - The DataParallel lives as long as network and optimizer are used.
///
/// Parameters that took no part on any process keep their undefined gradient. Throws DistributedError where the processes have
/// different networks, DeviceError for parameters that are not on the CPU.
class DataParallel {
 public:
  DataParallel(const World& world, nn::Module& net, optim::Optimizer& optimizer, const DataParallelOptions& options = {},
               SourceLocation at = SourceLocation::current());
  ~DataParallel();
  DataParallel(const DataParallel&) = delete;
  DataParallel& operator=(const DataParallel&) = delete;

  /// While it lives, gradients stay local.
  class NoSync {
   public:
    explicit NoSync(DataParallel& parallel);
    ~NoSync();
    NoSync(const NoSync&) = delete;
    NoSync& operator=(const NoSync&) = delete;

   private:
    DataParallel& parallel_;
  };
  [[nodiscard]] NoSync no_sync() { return NoSync(*this); }

  /// While it lives, all parameters are in the memory of all processes; made and ended by all of them. Nothing to do unless zero is 3.
  class WholeParameters {
   public:
    explicit WholeParameters(DataParallel& parallel);
    ~WholeParameters();
    WholeParameters(const WholeParameters&) = delete;
    WholeParameters& operator=(const WholeParameters&) = delete;

   private:
    DataParallel& parallel_;
  };
  [[nodiscard]] WholeParameters whole_parameters() { return WholeParameters(*this); }

  /// What compression has saved, and cost. All zeros without.
  CompressionReport compression_report() const;
  /// What compression carries from step to step on this process (residuals, the starts of power_sgd): the tensors themselves, of one
  /// dimension, for a checkpoint of each process. Empty without.
  std::vector<NamedTensor> compression_state() const;

  /// Ranges that gradients are summed in: how many, and how large about.
  std::size_t bucket_count() const;
  std::size_t bucket_bytes() const;
  /// The order in which they are summed: at first from the last parameter to the first; after the first pass as their gradients were
  /// there on rank 0 in it.
  const std::vector<std::size_t>& bucket_order() const;
  /// Gives every process the buffers of rank 0 again, such as running statistics that each has of its own batches.
  void broadcast_buffers();

 private:
  intrusive_ptr<Reducer> reducer_;
};

}  // namespace tasuki::dist
