#pragma once
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "tasuki/runtime/runtime.hpp"

namespace tasuki {

/// Free and taken parts of a range of addresses, [0, size()) where it grows: best fit, lowest first, neighbours joined. Sizes are the
/// caller's multiples. Each free part carries the latest of the events that its pieces were given back with, all of one queue, so that
/// whoever takes it can wait for their last use. Not locked.
class Extents {
 public:
  struct Taken {
    std::size_t offset;
    Event last_use;
  };
  /// nullopt when no free part is that large. `bytes` is at least 1.
  std::optional<Taken> take(std::size_t bytes);
  /// Takes just these bytes; false when not all of them are free.
  bool take_at(std::size_t offset, std::size_t bytes);
  void give(std::size_t offset, std::size_t bytes, Event last_use = {}) { insert(offset, {bytes, last_use}); }
  /// Appends free bytes at the end.
  void grow(std::size_t bytes);

  std::size_t size() const { return size_; }
  std::size_t in_use() const { return size_ - free_bytes_; }
  std::size_t free_bytes() const { return free_bytes_; }
  /// The largest that take() would give.
  std::size_t largest_free() const { return by_size_.empty() ? 0 : by_size_.rbegin()->first; }
  std::size_t smallest_free() const { return by_size_.empty() ? 0 : by_size_.begin()->first; }
  /// The free part at the highest addresses; no bytes where nothing is free.
  std::pair<std::size_t, std::size_t> last_free() const { return free_.empty() ? std::pair<std::size_t, std::size_t>{} : std::pair{free_.rbegin()->first, free_.rbegin()->second.bytes}; }
  std::size_t free_at_end() const {
    if (free_.empty()) return 0;
    const auto& [offset, part] = *free_.rbegin();
    return offset + part.bytes == size_ ? part.bytes : 0;
  }
  std::size_t fragments() const { return free_.size(); }

 private:
  struct Part {
    std::size_t bytes;
    Event last_use;
  };
  void insert(std::size_t offset, Part part);

  std::map<std::size_t, Part> free_;                         // by offset
  std::set<std::pair<std::size_t, std::size_t>> by_size_;    // (bytes, offset)
  std::size_t size_ = 0, free_bytes_ = 0;
};

}  // namespace tasuki
