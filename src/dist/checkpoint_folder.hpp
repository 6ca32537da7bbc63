#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "src/dist/checkpoint_manifest.hpp"

namespace tasuki::dist {

/// The folder of a run. Names that begin with a dot are not checkpoints: being written, or being removed.
class CheckpointFolder {
 public:
  explicit CheckpointFolder(std::string_view path) : path_(path) {}
  const std::string& path() const { return path_; }

  std::string place_of(std::int64_t step) const;
  /// Where the checkpoint of a step is written before it gets its name.
  std::string draft_of(std::int64_t step) const;
  /// Makes an empty draft, and removes what others have left.
  void begin_draft(std::int64_t step) const;
  /// The draft, whose files are flushed, becomes the checkpoint of its step, at once.
  void publish(std::int64_t step) const;
  void discard_draft(std::int64_t step) const noexcept;
  /// Those that have a manifest, from the oldest to the newest.
  std::vector<std::string> list() const;
  void keep_newest(int count) const;

 private:
  void remove(const std::string& checkpoint) const;
  std::string path_;
};

inline std::string manifest_path(const std::string& checkpoint) { return checkpoint + "/manifest.json"; }
/// Throws FileError when it is not there or damaged.
Manifest read_manifest(const std::string& checkpoint);
/// Size and checksum of a file.
Manifest::Shard describe_shard(const std::string& folder, const std::string& file);
/// What is wrong with the shards of a checkpoint, checked by one of several processes: empty when nothing is. All check what is there and how large, each some contents.
std::string problems_of(const std::string& checkpoint, const Manifest& manifest, int rank, int size);

}  // namespace tasuki::dist
