#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tasuki/core/dtype.hpp"
#include "tasuki/io/safetensors.hpp"

namespace tasuki::safetensors {

inline constexpr std::uint64_t max_header_bytes = 100'000'000;  // the limit of the reference implementation

struct Header {
  Metadata metadata;
  std::vector<TensorInfo> tensors;  ///< in the order of their bytes
  std::size_t data_offset = 0;      ///< where in the file the elements start
};

/// Reads and checks the header of a file of `size` bytes that lies at `bytes`. Throws FileError; `path` is for its text.
Header parse_header(const unsigned char* bytes, std::size_t size, std::string_view path);

/// Tasuki's dtype of a tensor; throws FileError for the types of the format that Tasuki does not have.
DType supported_dtype(const TensorInfo& info, std::string_view path);
/// Throws FileError when a BOOL is neither 0 nor 1, which C++ could not hold in a bool.
void check_values(const TensorInfo& info, const unsigned char* data, std::string_view path);
/// The elements of one tensor, in memory of its own.
Tensor copy_tensor(const TensorInfo& info, const unsigned char* data, std::string_view path);

/// Tasuki's type for a dtype of the format, or nothing.
std::optional<DType> dtype_from(std::string_view name);
const char* name_in_file(DType dtype);
/// A name from a file, in quotes, printable and short.
std::string shown(std::string_view name);

}  // namespace tasuki::safetensors
