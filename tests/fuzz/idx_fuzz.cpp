// Any bytes are an IDX array, gzipped or not, or a tasuki::Error. What was read must have the bytes that its shape says.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "src/data/idx_parser.hpp"
#include "tasuki/core/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  try {
    const tasuki::Tensor x = tasuki::data::parse_idx(bytes, size, "input");
    if (x.numel() < 0 || x.ndim() < 1) std::abort();
  } catch (const tasuki::FileError&) {
  }
  return 0;
}
