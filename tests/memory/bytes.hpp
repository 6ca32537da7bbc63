#pragma once
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

/// Bytes at an address that is `shift` past a page, filled from a seed: no two positions or seeds look alike.
class Bytes {
 public:
  explicit Bytes(std::size_t count, std::size_t shift = 0) : count_(count), block_(static_cast<char*>(std::aligned_alloc(4096, (count + shift + 4096) / 4096 * 4096))), data_(block_ + shift) {}
  Bytes(std::size_t count, std::size_t shift, std::uint64_t seed) : Bytes(count, shift) { fill(seed); }
  ~Bytes() { std::free(block_); }
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;
  char* data() { return data_; }
  std::size_t size() const { return count_; }
  void fill(std::uint64_t seed) {
    for (std::size_t i = 0; i < count_; i += 8) {
      const std::uint64_t word = pattern(seed, i);
      std::memcpy(data_ + i, &word, count_ - i < 8 ? count_ - i : 8);
    }
  }
  bool holds(std::uint64_t seed) const { return is_pattern(data_, count_, seed); }
  static bool is_pattern(const char* data, std::size_t count, std::uint64_t seed) {
    for (std::size_t i = 0; i < count; i += 8) {
      const std::uint64_t word = pattern(seed, i);
      if (std::memcmp(data + i, &word, count - i < 8 ? count - i : 8) != 0) return false;
    }
    return true;
  }

 private:
  static std::uint64_t pattern(std::uint64_t seed, std::uint64_t i) {
    std::uint64_t z = (seed + 1) * 0x9e3779b97f4a7c15u + i;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    return z ^ (z >> 27);
  }
  std::size_t count_;
  char *block_, *data_;
};
