#include "src/memory/checksum.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace tasuki::memory {

namespace {

constexpr std::uint64_t prime_a = 0x9e3779b185ebca87u, prime_b = 0xc2b2ae3d27d4eb4fu;  // xxHash's

std::uint64_t advance(std::uint64_t lane, std::uint64_t word) { return std::rotl(lane + word * prime_b, 31) * prime_a; }

/// Four independent lanes, so that the multiplications overlap; the position is the seed, so that exchanged blocks are noticed.
std::uint64_t block_hash(const char* data, std::size_t bytes, std::uint64_t position) {
  std::uint64_t lanes[4] = {position + prime_a, position ^ prime_b, position + 1, ~position}, words[4];
  std::size_t at = 0;
  for (; at + sizeof words <= bytes; at += sizeof words) {
    std::memcpy(words, data + at, sizeof words);
    for (int i = 0; i < 4; ++i) lanes[i] = advance(lanes[i], words[i]);
  }
  if (at < bytes) {
    std::memset(words, 0, sizeof words);
    std::memcpy(words, data + at, bytes - at);
    for (int i = 0; i < 4; ++i) lanes[i] = advance(lanes[i], words[i]);
  }
  std::uint64_t hash = bytes;
  for (const std::uint64_t lane : lanes) hash = advance(hash, lane);
  hash = (hash ^ hash >> 33) * prime_b;
  return hash ^ hash >> 29;
}

}  // namespace

std::uint64_t checksum_part(const void* data, std::size_t offset, std::size_t bytes) {
  const char* from = static_cast<const char*>(data);
  std::uint64_t sum = 0;
  for (std::size_t at = 0; at < bytes; at += checksum_block)
    sum += block_hash(from + at, std::min(checksum_block, bytes - at), (offset + at) / checksum_block);
  return sum;
}

}  // namespace tasuki::memory
