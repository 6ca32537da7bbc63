#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tasuki/core/dtype.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/core/shape.hpp"

namespace tasuki::dist {

/// What manifest.json of a checkpoint says: which elements of which tensor lie in which file.
struct Manifest {
  static constexpr int newest_version = 1;

  struct Shard {
    std::string file;
    std::uint64_t bytes = 0;
    std::uint32_t crc32 = 0;
  };
  struct Slice {
    std::size_t shard = 0;       ///< index into shards
    std::int64_t begin = 0, end = 0;
  };
  struct Whole {
    DType dtype = DType::f32;
    Shape shape;
    Dims order;                  ///< in which elements are counted; empty: row-major
    std::vector<Slice> slices;   ///< by begin, without gap and overlap
  };

  std::int64_t step = 0;
  int processes = 1;
  std::string library;
  std::vector<Shard> shards;
  std::map<std::string, Whole> tensors;
  std::map<std::string, std::string> texts;

  std::string to_json() const;
  /// Throws FileError, with `path` in its text, for what is no manifest or contradicts itself; NewerFormat for those of the future.
  static Manifest parse(const std::string& json, const std::string& path);
};

/// What can be read, but not by this version.
class NewerFormat : public FileError {
 public:
  using FileError::FileError;
};

/// What one process has written.
struct ShardReport {
  struct Part {
    std::string name;            ///< of the whole
    DType dtype;
    Shape shape;                 ///< of the whole
    Dims order;
    std::int64_t begin, end;
  };
  Manifest::Shard shard;
  std::vector<Part> parts;

  std::string to_json() const;
  static ShardReport parse(const std::string& json);
};

/// Adds what the processes have written, from rank 0 on; of what several have written the first counts. Throws ValueError for
/// elements that nobody has written, and for processes that do not agree on what a tensor is.
void add_reports(Manifest& manifest, const std::vector<ShardReport>& reports);

/// What a slice is called in its shard: the tensor's own name for a whole one.
std::string name_in_shard(const std::string& name, const Shape& shape, std::int64_t begin, std::int64_t end);

}  // namespace tasuki::dist
