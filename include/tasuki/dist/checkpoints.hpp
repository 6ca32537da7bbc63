#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tasuki/core/shape.hpp"
#include "tasuki/core/source_location.hpp"
#include "tasuki/data/loader.hpp"
#include "tasuki/nn/module.hpp"
#include "tasuki/optim/optimizer.hpp"
#include "tasuki/optim/schedule.hpp"
#include "tasuki/tensor/random.hpp"
#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

/// A tensor, or the part of it that a process holds.
struct TensorSlice {
  std::string name;         ///< of the whole tensor
  Shape shape;              ///< of the whole tensor
  std::int64_t begin = 0;   ///< first element of the part
  Tensor values;            ///< the whole tensor in its shape, or the elements from `begin` on as one dimension
  /// Elements of a part are counted in this order of dimensions, the outermost first; empty: 0, 1, 2, ... (row-major). It is the order
  /// in memory of a tensor whose strides fall along it, such as {0, 2, 3, 1} for channels-last, so that a range of an arena is a part.
  Dims order;
};

/// State that is spread over the processes of a job; what shards an optimizer or a network implements it and is added to Checkpoints
/// under the name that the whole would have ("optimizer"). Names and shapes are those of the whole (Optimizer::named_state gives
/// "exp_avg.3" and "lr"), so that a checkpoint can be read with another number of processes, with another kind of sharding, or without.
class ShardedState {
 public:
  virtual ~ShardedState();
  /// What this process has, when a checkpoint is written; what it wants, when one is read: `values` are then written to. Over all
  /// processes there is every element; of one that several have, the lowest rank's is written.
  virtual std::vector<TensorSlice> slices() = 0;
  /// The slices that were asked for last have their values.
  virtual void loaded() {}
};

struct CheckpointOptions {
  /// The newest ones that stay.
  int keep = 3;
};

/// The checkpoints of a run, in one folder:
///
///     ts::Checkpoints checkpoints{"runs/digits"};
///     checkpoints.add("net", net);
///     checkpoints.add("optimizer", opt);
///     checkpoints.add("schedule", schedule);
///     checkpoints.add("data", loader);
///     std::int64_t step = checkpoints.resume();               // of the newest one; 0 when there is none
///     while (...) {
///       ...
///       if (++step % 100 == 0) checkpoints.save(step);        // within the loop over the loader, after opt.step()
///     }
///
/// The default random stream is always part of it. In a job of several processes all of them call the same functions, after
/// dist::init; one process is the case P = 1 of the same format. Each process writes a shard of about the same size, in safetensors:
/// `step-000000000100/shard-00000-of-00004.safetensors`; `manifest.json` beside them says which elements of which tensor are where.
/// A checkpoint is read by any number of processes. The processes of several hosts need a folder that all of them see.
///
/// Whenever the job is killed, the newest complete checkpoint is there: shards and manifest are written into a hidden folder and
/// flushed to the disk before the folder gets its name.
///
/// Parameters and optimizer state are the same on all processes, or ShardedState; of buffers and of what is added by reference rank
/// 0's are kept. Generators are kept for each process, and come back to each when as many processes read as have written; else all
/// take rank 0's. What was added must live as long as its Checkpoints.
class Checkpoints {
 public:
  explicit Checkpoints(std::string_view folder, const CheckpointOptions& options = {}, SourceLocation at = SourceLocation::current());
  ~Checkpoints();
  Checkpoints(const Checkpoints&) = delete;
  Checkpoints& operator=(const Checkpoints&) = delete;

  /// Names are unique and without "/"; ValueError otherwise.
  void add(std::string_view name, nn::Module& module);
  void add(std::string_view name, optim::Optimizer& optimizer);
  void add(std::string_view name, optim::Schedule& schedule);
  /// Its position: the loop that follows resume() runs the rest of the epoch, in the same order and steps on any number of
  /// processes if the loader has a `global_batch`. Reading throws FileError when the order is not the same: another number of
  /// examples, another seed.
  void add(std::string_view name, data::Loader& loader);
  void add(std::string_view name, Generator& generator);
  void add(std::string_view name, ShardedState& state);
  /// The user's own: tensors are written to in place, with their shape; texts may be of any length.
  void add(std::string_view name, const Tensor& tensor);
  void add(std::string_view name, std::int64_t& number);
  void add(std::string_view name, double& number);
  void add(std::string_view name, std::string& text);

  /// Writes a checkpoint, in place of one of the same step, and removes the oldest beyond `keep`. Throws FileError on all processes
  /// when one of them cannot write; the checkpoints that were there are whole then.
  void save(std::int64_t step, SourceLocation at = SourceLocation::current());
  /// Reads the newest complete one and returns its step; 0 when there is none. What is damaged or incomplete is passed over, and
  /// named on stderr. Throws FileError, on all processes, for the checkpoint of another network or of a newer version; nothing has
  /// changed then.
  std::int64_t resume(SourceLocation at = SourceLocation::current());
  /// Reads a certain one: the folder with manifest.json. Throws FileError for whatever is missing, damaged, or does not fit.
  std::int64_t load(std::string_view checkpoint, SourceLocation at = SourceLocation::current());
  /// Folders of the complete ones, from the oldest to the newest.
  std::vector<std::string> list() const;

 private:
  struct Impl;
  Impl* impl_;
};

}  // namespace tasuki
