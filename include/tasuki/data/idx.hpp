#pragma once
#include <string_view>

#include "tasuki/tensor/tensor.hpp"

namespace tasuki::data {

/// Reads an array in the IDX format of MNIST, gzipped or not (the content decides, not the name). Dtypes: unsigned bytes u8; signed
/// bytes, 16-bit and 32-bit integers i32; float f32; double f64. Throws FileError for a file that is not there, is no IDX file,
/// is cut off, or goes on behind its last element.
///
/// The format: two zero bytes, a type code, the number of dimensions, each size in 4 bytes, then the elements, row-major; all
/// numbers big endian.
Tensor read_idx(std::string_view path);

}  // namespace tasuki::data
