#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tasuki::dist {

/// Memory that every process of a host has of its own, as large as that of the others, and reaches in all of them.
class SharedRegion {
 public:
  /// Where others find this process' pages.
  struct Offer {
    std::int64_t process = 0;
    int file = -1;  ///< of that process; -1 where the system has none
  };

  /// Pages for what lies at `begin`, which keeps its addresses; null offers none.
  SharedRegion(void* begin, std::size_t bytes);
  ~SharedRegion();
  SharedRegion(SharedRegion&& other) noexcept;
  SharedRegion& operator=(SharedRegion&& other) noexcept;

  Offer offer() const;
  /// Maps what the others offer; false where that cannot be.
  bool reach(const std::vector<Offer>& offers, int rank);
  /// The contents move into the shared pages. Nobody else may use them meanwhile. They stay there when the region goes, which is then
  /// a matter of this process alone.
  void move_in();

  char* begin() const { return begin_; }
  bool contains(const void* data, std::size_t bytes) const;
  /// The begin of a process' memory, as seen from here.
  char* of(int rank) const { return peers_[static_cast<std::size_t>(rank)]; }

 private:
  void unmap() noexcept;
  char* begin_;
  std::size_t bytes_;
  int file_;
  std::vector<char*> peers_;  ///< by rank; begin_ for this process, null for what is not mapped
};

}  // namespace tasuki::dist
