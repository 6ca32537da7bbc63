#pragma once
#include <array>
#include <cstddef>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "tasuki/core/function_ref.hpp"
#include "tasuki/runtime/sim.hpp"

namespace tasuki {

/// Where blocks of a simulated device lie: address ranges that are handed out best fit first. It holds far more addresses than the
/// device has bytes, as the virtual memory management of a GPU does, so fragments cost nothing that counts. A range that came back
/// with work still queued carries the events after which others may touch it. Not for several threads at once.
class SimMemory {
 public:
  /// The last uses of a range, by queue.
  using Uses = std::array<Event, sim::stream_count>;

  /// Ranges are mapped in pieces of at least `piece` bytes.
  explicit SimMemory(std::size_t piece) : piece_(piece) {}
  ~SimMemory();
  SimMemory(const SimMemory&) = delete;
  SimMemory& operator=(const SimMemory&) = delete;

  /// `bytes` bytes, and in `uses` what must have happened before they are touched; nullptr when the system has no address range.
  char* take(std::size_t bytes, Uses& uses);
  void give(char* block, std::size_t bytes, Event last_use);
  /// Gives the system the pages of free ranges that nobody uses any more. Returns the bytes of those ranges.
  std::size_t trim(function_ref<bool(Event)> happened);
  std::size_t mapped_bytes() const;
  /// Bytes of all ranges, free or not, that were ever handed out since the last trim.
  std::size_t touched_bytes() const { return touched_; }

 private:
  struct Free {
    std::size_t bytes;
    Uses uses;
    bool touched;
  };
  using ByAddress = std::map<char*, Free>;
  void insert(char* begin, Free range);
  ByAddress::iterator erase(ByAddress::iterator range);
  bool map_piece(std::size_t bytes);

  std::size_t piece_, touched_ = 0;
  ByAddress free_;
  std::set<std::pair<std::size_t, char*>> by_size_;
  std::vector<std::pair<void*, std::size_t>> pieces_;
};

}  // namespace tasuki
