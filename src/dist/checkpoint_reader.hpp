#pragma once
#include <map>
#include <string>

#include "src/dist/checkpoint_manifest.hpp"
#include "tasuki/dist/checkpoints.hpp"
#include "tasuki/io/safetensors.hpp"

namespace tasuki::dist {

/// Gives slices their values, whatever slices lie in the files.
class CheckpointReader {
 public:
  CheckpointReader(std::string folder, const Manifest& manifest) : folder_(std::move(folder)), manifest_(manifest) {}
  /// `slice.name` is in the manifest, with that shape.
  void fill(const TensorSlice& slice);

 private:
  /// Elements in the stored order, in one dimension.
  Tensor range(const std::string& name, std::int64_t begin, std::int64_t end);
  Tensor whole(const std::string& name);
  const safetensors::File& file(std::size_t shard);

  std::string folder_;
  const Manifest& manifest_;
  std::map<std::size_t, safetensors::File> files_;
};

}  // namespace tasuki::dist
