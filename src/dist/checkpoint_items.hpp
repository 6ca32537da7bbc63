#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tasuki/dist/checkpoints.hpp"

namespace tasuki::dist {

/// Who writes a slice that this process has.
enum class Writer {
  shared_out,  ///< all have the same values: each writes a part
  rank_0,
  owner,
};

struct Piece {
  TensorSlice slice;
  Writer writer;
  bool checked = false;   ///< its item has a check, which comes before anything else is read
  bool may_lack = false;  ///< a checkpoint without it is read all the same
};

/// Something that was added to Checkpoints.
struct Item {
  std::string name;
  /// Slices are not those of all processes, so that the checkpoint has more than this one wants.
  bool spread = false;
  /// `processes`: of the job that writes the checkpoint, or has written it.
  std::function<std::vector<Piece>(int processes)> pieces;
  /// Throws FileError for values that cannot be taken; before anything has changed.
  std::function<void()> check{};
  std::function<void()> loaded = [] {};
};

Item item_of(nn::Module& module);
Item item_of(optim::Optimizer& optimizer);
Item item_of(optim::Schedule& schedule);
Item item_of(data::Loader& loader, std::string_view name);
Item item_of(Generator& generator);
Item item_of(ShardedState& state);
Item item_of(const Tensor& tensor);
Item item_of(std::int64_t& number);
Item item_of(double& number);
/// What the compression of gradients carries from step to step, of every DataParallel that there is at the time.
Item compression_item();

/// What rank `rank` of `size` writes of tensors that all have: the tensors lie side by side, and each takes an equal range of bytes.
std::vector<TensorSlice> share_of(const std::vector<TensorSlice>& all, int rank, int size);

}  // namespace tasuki::dist
