// Any bytes are a safetensors file or a FileError. Of a file whose header was accepted every tensor can be read, and together they
// are all of its data.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "src/io/safetensors_header.hpp"
#include "tasuki/core/error.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  namespace st = tasuki::safetensors;
  try {
    const st::Header header = st::parse_header(bytes, size, "input");
    std::uint64_t total = 0;
    for (const st::TensorInfo& info : header.tensors) total += info.end - info.begin;
    if (header.data_offset + total != size) std::abort();
    for (const st::TensorInfo& info : header.tensors) {
      try {
        const tasuki::Tensor x = st::copy_tensor(info, bytes + header.data_offset, "input");
        if (x.nbytes() != info.end - info.begin) std::abort();
      } catch (const tasuki::FileError&) {  // a type that Tasuki lacks, or a BOOL that is none
      }
    }
  } catch (const tasuki::FileError&) {
  }
  return 0;
}
