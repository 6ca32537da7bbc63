#pragma once
#include <cstddef>
#include <cstdint>

namespace tasuki::memory {

inline constexpr std::size_t checksum_block = std::size_t{64} << 10;

/// The part that `bytes` bytes at `offset` of a storage add to its checksum; `offset` is a multiple of checksum_block, and so is
/// `bytes` unless the storage ends there. The parts may be added in any order, so a storage may move in pieces of any whole blocks.
std::uint64_t checksum_part(const void* data, std::size_t offset, std::size_t bytes);

}  // namespace tasuki::memory
