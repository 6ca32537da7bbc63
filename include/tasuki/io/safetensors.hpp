#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tasuki/core/intrusive.hpp"
#include "tasuki/tensor/named_tensor.hpp"

/// Named tensors in one file, in the safetensors format (https://github.com/huggingface/safetensors): Python opens what Tasuki
/// writes, and the other way round.
///
///     ts::save_tensors({{"weight", w}, {"bias", b}}, "layer.safetensors", {{"epoch", "3"}});
///     for (auto& [name, tensor] : ts::load_tensors("layer.safetensors")) ...
///     ts::safetensors::File file("large.safetensors");        // mapped: nothing is read yet
///     auto w = file.tensor("weight");                         // pages come in as they are used
///
/// The format: 8 bytes with the length of a JSON header (little endian), the header, the elements row-major and little endian.
/// All errors are FileErrors that name the file and, where there is one, the tensor.
namespace tasuki {

/// Texts that travel with the tensors ("__metadata__" of the format).
using Metadata = std::vector<std::pair<std::string, std::string>>;

/// Writes the tensors (of any device and layout) to `path`. The file is written aside, flushed to the disk and renamed: whenever
/// this throws, and even when the power fails, a file that was there before is whole. Tensors are ordered by dtype and name, as
/// the reference implementation does. Throws ValueError for names that are empty, reserved or given twice.
void save_tensors(const std::vector<NamedTensor>& tensors, std::string_view path, const Metadata& metadata = {});

/// Reads all tensors into memory of their own, on the CPU, in the order of the file.
std::vector<NamedTensor> load_tensors(std::string_view path);

namespace safetensors {

/// What the header says of a tensor.
struct TensorInfo {
  std::string name;
  std::string dtype;  ///< as the format writes it: "F32", "BF16", ...
  Shape shape;
  std::uint64_t begin = 0, end = 0;  ///< bytes from the start of the data
};

/// A file that was opened and whose header was found to be sound: every tensor inside the file, sizes and shapes in agreement, no
/// overlap and no gap. A copy of a File is a second handle.
class File {
 public:
  explicit File(std::string_view path);
  File(const File&);
  File& operator=(const File&);
  ~File();

  const std::string& path() const;
  const Metadata& metadata() const&;
  Metadata metadata() && { return metadata(); }  // of a temporary: `for (auto& [key, text] : File(path).metadata())`
  /// All tensors, in the order of their bytes.
  const std::vector<TensorInfo>& tensors() const&;
  std::vector<TensorInfo> tensors() && { return tensors(); }
  std::vector<std::string> names() const;
  bool contains(std::string_view name) const;
  const TensorInfo& info(std::string_view name) const;
  /// A CPU tensor over the mapped bytes, which stay mapped while it lives. Writing into it changes the memory of this process
  /// only, never the file. Copied instead where the bytes are not aligned to the element size. Throws FileError for a name that
  /// is not there and for dtypes of the format that Tasuki does not have.
  Tensor tensor(std::string_view name) const;

 private:
  class Mapping;
  intrusive_ptr<Mapping> mapping_;
};

}  // namespace safetensors
}  // namespace tasuki
