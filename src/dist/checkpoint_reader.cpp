#include "src/dist/checkpoint_reader.hpp"

#include <algorithm>

#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/ops/cat.hpp"
#include "tasuki/ops/copy.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/creation.hpp"

namespace tasuki::dist {

const safetensors::File& CheckpointReader::file(std::size_t shard) {
  const auto found = files_.find(shard);
  if (found != files_.end()) return found->second;
  return files_.emplace(shard, safetensors::File(folder_ + "/" + manifest_.shards[shard].file)).first->second;
}

Tensor CheckpointReader::range(const std::string& name, std::int64_t begin, std::int64_t end) {
  const Manifest::Whole& stored = manifest_.tensors.at(name);
  std::vector<Tensor> parts;
  for (const Manifest::Slice& s : stored.slices) {
    const std::int64_t from = std::max(begin, s.begin), to = std::min(end, s.end);
    if (from >= to) continue;
    const Tensor part = file(s.shard).tensor(name_in_shard(name, stored.shape, s.begin, s.end)).reshape({-1});
    if (part.numel() != s.end - s.begin || part.dtype() != stored.dtype)
      TASUKI_THROW(FileError, file(s.shard).path(), " does not fit its manifest: ", name, " is ", part.describe(), ", and ", stored.dtype, "[", s.end - s.begin, "] is expected");
    parts.push_back(part.slice(0, from - s.begin, to - s.begin));
  }
  if (parts.empty()) return empty({0}, {.dtype = stored.dtype});
  return parts.size() == 1 ? parts[0] : cat(parts, 0);
}

Tensor CheckpointReader::whole(const std::string& name) {
  const Manifest::Whole& stored = manifest_.tensors.at(name);
  const Tensor flat = range(name, 0, stored.shape.numel());
  if (stored.order.empty()) return flat.reshape(stored.shape);
  Shape sizes;
  Dims back = stored.order;
  for (int d = 0; d < stored.order.ndim(); ++d) {
    sizes.push_back(stored.shape[static_cast<int>(stored.order[d])]);
    back[static_cast<int>(stored.order[d])] = d;
  }
  return flat.reshape(sizes).permute(back);
}

void CheckpointReader::fill(const TensorSlice& slice) {
  if (slice.values.numel() == 0) return;
  const NoGrad off;
  const std::int64_t end = slice.begin + slice.values.numel();
  const auto from_whole = [&] {
    const Tensor all = whole(slice.name);
    if (slice.values.shape() == slice.shape) return all;
    return (slice.order.empty() ? all : all.permute(slice.order)).contiguous().reshape({-1}).slice(0, slice.begin, end);
  };
  const bool as_stored = slice.values.shape() != slice.shape && slice.order == manifest_.tensors.at(slice.name).order;
  const Tensor values = as_stored ? range(slice.name, slice.begin, end) : from_whole();
  slice.values.detach().copy_(values.to(slice.values.dtype()).to(slice.values.device()));
}

}  // namespace tasuki::dist
