#pragma once
#include <mpi.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "src/dist/mpi/shared_region.hpp"
#include "tasuki/core/dtype.hpp"
#include "tasuki/dist/communicator.hpp"

namespace tasuki::dist {

/// Of parts that lie between bounds.
inline std::int64_t longest_part(const std::int64_t* bounds, int processes) {
  std::int64_t longest = 0;
  for (int p = 0; p < processes; ++p) longest = std::max(longest, bounds[p + 1] - bounds[p]);
  return longest;
}

/// Memory that the processes of one host share, and what they do through it. Each sums its own slice from all peers, in the order of
/// their ranks. What lies in a shared region is read and written where it is; anything else goes through the window in chunks.
class SharedWindow {
 public:
  static constexpr std::size_t chunk_bytes = std::size_t{1} << 20;

  /// Collective over a communicator of processes that can share memory.
  SharedWindow(MPI_Comm host, int job_rank, double timeout_seconds);
  ~SharedWindow();
  SharedWindow(const SharedWindow&) = delete;
  SharedWindow& operator=(const SharedWindow&) = delete;

  int rank() const { return rank_; }
  int job_rank() const { return mine().job_rank; }
  /// More processes than cores: whoever waits should give its core away.
  bool is_crowded() const { return crowded_; }
  int size() const { return size_; }

  /// All processes meet. Throws DistributedError on each of them unless all came for the same operation, and when one does not come
  /// before the deadline. `what` is cut to 15 characters.
  void agree(const char* what, std::int64_t count, DType dtype) { agree(what, count, dtype, nullptr, 0); }
  /// The same; returns the region in which `bytes` at `data` lie, at the same place on all processes, or null.
  const SharedRegion* agree(const char* what, std::int64_t count, DType dtype, const void* data, std::size_t bytes);
  /// Between two calls of agree: nobody goes on before all have come.
  void meet();

  /// Lets the others of this host know what this process was asked for; from any thread.
  void tell(const Progress& progress);
  /// The others of this host get an error with this text, now or when they come.
  void fail(const std::string& text);
  /// Throws when fail was called on this host.
  void check_failures() const;

  /// As Communicator's.
  void share(void* begin, std::size_t bytes);
  void unshare(void* begin) noexcept;

  /// As Communicator's, where there is one host; agrees by itself.
  void all_reduce(void* data, std::int64_t count, DType dtype);
  void reduce_scatter(void* data, const std::int64_t* bounds, DType dtype);
  void all_gather_parts(char* data, const std::int64_t* bounds);

  /// For those who sum on with other hosts: places of chunk_bytes that each process writes and all read, two in turn,
  char* slot(int peer, int turn = 0) const { return reinterpret_cast<char*>(peers_[static_cast<std::size_t>(peer)]) + head_bytes + static_cast<std::size_t>(turn) * chunk_bytes; }
  /// and such for sums of a chunk in sum_type, three in turn.
  char* sums(int turn = 0) const { return slot(0, 2) + 2 * own_sums_bytes() + static_cast<std::size_t>(turn) * sums_bytes; }
  static constexpr int sums_turns = 3;
  /// For a process' sums of its share of a chunk, two in turn.
  char* own_sums(int peer, int turn) const { return slot(peer, 2) + static_cast<std::size_t>(turn) * own_sums_bytes(); }
  /// What a process sums of `count` elements: whole cache lines for each, so that no two write to the same one.
  struct Range {
    std::int64_t begin, end;
  };
  Range share_of(std::int64_t count, int rank) const;

 private:
  std::size_t own_sums_bytes() const { return (chunk_bytes / static_cast<std::size_t>(size_) / line_bytes + 1 + sizeof(double)) * line_bytes; }  // shares are rounded to 64 elements
  struct Place {
    std::int64_t region = 0;  ///< its number; 0 for none
    std::int64_t offset = 0;
  };
  struct Announcement {
    char what[16];
    std::int64_t count;
    DType dtype;
    Place place;
  };
  /// Progress, where others read it while it changes.
  struct Board {
    std::atomic<std::uint64_t> operation, bytes;
    std::atomic<std::int64_t> step;
    std::atomic<char> what[24];
    std::atomic<int> presence;
    std::atomic<bool> failed;
    char error[1024];
  };
  /// At the start of each process' part; a cache line for what others wait for.
  struct Head {
    alignas(64) std::atomic<std::uint64_t> meetings;
    alignas(64) Announcement announced[2];
    int job_rank;
    alignas(64) Board board;
  };
  static constexpr std::size_t line_bytes = 64, head_bytes = 4096, sums_bytes = 2 * chunk_bytes;  // bf16 chunks are summed in f32
  /// Where all have their data: none in a region, all in the same place of one, or else.
  enum class Where { window, region, apart };
  Where compare() const;
  const SharedRegion& region_at(const Place& place) const;
  void announce(const char* what, std::int64_t count, DType dtype, const Place& place);
  Place place_of(const void* data, std::size_t bytes) const;
  /// Throws when one that is waited for will not come any more.
  void check_comes(const Head& peer, std::uint64_t number) const;
  [[noreturn]] void too_late() const;
  std::string describe(const Head& peer) const;
  Head& mine() const { return *peers_[static_cast<std::size_t>(rank_)]; }

  MPI_Win window_ = MPI_WIN_NULL;
  std::vector<Head*> peers_;
  std::vector<std::pair<std::int64_t, SharedRegion>> regions_;  ///< by number
  std::int64_t last_region_ = 0;
  int rank_ = 0, size_ = 1;
  std::uint64_t meetings_ = 0, operations_ = 0;
  double timeout_seconds_;
  bool crowded_;
};

}  // namespace tasuki::dist
