#pragma once
#include <mpi.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tasuki/core/dtype.hpp"
#include "tasuki/dist/communicator.hpp"

namespace tasuki::dist {

/// Memory that the processes of one host share, and what they do through it. Each sums its own slice from all peers, in the order of
/// their ranks.
class SharedWindow {
 public:
  static constexpr std::size_t chunk_bytes = std::size_t{1} << 20;

  /// Collective over a communicator of processes that can share memory.
  SharedWindow(MPI_Comm host, int job_rank, double timeout_seconds);
  ~SharedWindow();
  SharedWindow(const SharedWindow&) = delete;
  SharedWindow& operator=(const SharedWindow&) = delete;

  int rank() const { return rank_; }
  /// More processes than cores: whoever waits should give its core away.
  bool is_crowded() const { return crowded_; }
  int size() const { return static_cast<int>(peers_.size()); }

  /// All processes meet. Throws DistributedError on each of them unless all came for the same operation, and when one does not come
  /// before the deadline. `what` is cut to 15 characters.
  void agree(const char* what, std::int64_t count, DType dtype) {
    announce(what, count, dtype);
    meet();
    compare();
  }
  /// Between two calls of agree: nobody goes on before all have come.
  void meet();

  /// Lets the others of this host know what this process was asked for; from any thread.
  void tell(const Progress& progress);
  /// The others of this host get an error with this text, now or when they come.
  void fail(const std::string& text);
  /// Throws when fail was called on this host.
  void check_failures() const;

  /// As Communicator's, where there is one host; agrees by itself. While a chunk is summed the one before it is taken, so that the
  /// processes meet once for each.
  void all_reduce(void* data, std::int64_t count, DType dtype);
  /// Sums over the host, a chunk at a time. `between(sum, elements)` is called by rank 0 alone, on each chunk's sum in sum_type,
  /// before the others see it.
  template <class Between>
  void all_reduce(void* data, std::int64_t count, DType dtype, const Between& between);
  /// As Communicator's, within this host.
  void reduce_scatter(void* data, const std::int64_t* bounds, DType dtype);
  void all_gather_parts(char* data, const std::int64_t* bounds);

 private:
  struct Announcement {
    char what[16];
    std::int64_t count;
    DType dtype;
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
  /// Chunks go through two places in turn: 0 and 1.
  char* slot(int peer, int turn = 0) const { return reinterpret_cast<char*>(peers_[static_cast<std::size_t>(peer)]) + head_bytes + static_cast<std::size_t>(turn) * chunk_bytes; }
  char* sums(int turn = 0) const { return slot(0, 2) + static_cast<std::size_t>(turn) * sums_bytes; }
  void announce(const char* what, std::int64_t count, DType dtype);
  void compare() const;
  void sum_slice(std::int64_t count, DType dtype, int turn = 0) const;
  void take_sums(void* data, std::int64_t count, DType dtype, int turn = 0) const;
  /// Throws when one that is waited for will not come any more.
  void check_comes(const Head& peer, std::uint64_t number) const;
  [[noreturn]] void too_late() const;
  std::string describe(const Head& peer) const;
  Head& mine() const { return *peers_[static_cast<std::size_t>(rank_)]; }

  MPI_Win window_ = MPI_WIN_NULL;
  std::vector<Head*> peers_;
  int rank_ = 0;
  std::uint64_t meetings_ = 0, operations_ = 0;
  double timeout_seconds_;
  bool crowded_;
};

template <class Between>
void SharedWindow::all_reduce(void* data, std::int64_t count, DType dtype, const Between& between) {
  const auto chunk = static_cast<std::int64_t>(chunk_bytes / size_of(dtype));
  for (std::int64_t begin = 0; begin < count; begin += chunk) {
    const std::int64_t n = count - begin < chunk ? count - begin : chunk;
    char* mine = static_cast<char*>(data) + static_cast<std::size_t>(begin) * size_of(dtype);
    __builtin_memcpy(slot(rank_), mine, static_cast<std::size_t>(n) * size_of(dtype));
    meet();
    sum_slice(n, dtype);
    meet();
    if (rank_ == 0) between(sums(), n);
    meet();
    take_sums(mine, n, dtype);
  }
}

}  // namespace tasuki::dist
