#pragma once
#include <cstddef>
#include <string_view>

#include "tasuki/tensor/tensor.hpp"

namespace tasuki::data {

/// The array in a whole IDX file, gzipped or not, that lies in memory. `path` is for the errors.
Tensor parse_idx(const unsigned char* bytes, std::size_t size, std::string_view path);

}  // namespace tasuki::data
