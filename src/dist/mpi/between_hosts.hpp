#pragma once
#include <mpi.h>

#include <cstdint>
#include <vector>

#include "src/dist/mpi/requests.hpp"

namespace tasuki::dist {

/// Sums over several hosts. The processes of a host sum a chunk; their leader, process 0 of the window, sends each other leader a section
/// of it, adds up the section that is its own, in the order of the hosts, and gives it to all. Three chunks are under way: one is
/// summed within the hosts while the sections of another go out and those of a third come back. A leader sends 2 (H - 1) / H of the bytes
/// that are summed over H hosts (4 bytes for each bf16 or f16), half of that where each process gets its part only, and the same
/// half to gather parts.
///
/// Which bits come out depends neither on how a buffer is cut into chunks nor on the MPI.
class BetweenHosts {
 public:
  /// `leaders`: null but for leaders, in the order of hosts, which are numbered from 0. `host_of`: by rank of the job.
  BetweenHosts(SharedWindow& window, const Requests& requests, MPI_Comm leaders, std::vector<int> host_of, int rank);

  /// All processes have agreed. `region`: where data lie on all processes of this host, or null.
  void all_reduce(const SharedRegion* region, void* data, std::int64_t count, DType dtype);
  void reduce_scatter(void* data, const std::int64_t* bounds, DType dtype);
  void all_gather_parts(void* data, const std::int64_t* bounds);

 private:
  /// What of a chunk belongs to which host, in elements.
  struct Sections {
    std::vector<int> counts, begins;
  };
  struct UnderWay {
    MPI_Request request = MPI_REQUEST_NULL;
    char* sums = nullptr;
    Sections sections, sent, received;
    std::vector<char> parts;  ///< the own section of all other hosts
  };
  /// Parts of all processes, side by side, those of a host together.
  struct Packed {
    std::vector<std::int64_t> begins, counts;  ///< by rank of the job
    std::int64_t total = 0;
    Sections sections;
  };
  Packed pack(const std::int64_t* bounds, std::int64_t done, std::int64_t share) const;
  Sections even(std::int64_t count) const;
  UnderWay& under_way(std::int64_t step) { return under_way_[step % SharedWindow::sums_turns]; }

  void send_sections(std::int64_t step, char* sums, Sections sections, DType dtype);
  void sum_section(std::int64_t step, DType dtype);
  void gather_sections(std::int64_t step, DType dtype);

  /// fill(k), lead(k), take(k - lag), with a meeting between them; lead by leaders only, and `lag` times more than there are steps.
  template <class Fill, class Lead, class Take>
  void pipeline(std::int64_t steps, std::int64_t lag, const Fill& fill, const Lead& lead, const Take& take);

  SharedWindow& window_;
  const Requests& requests_;
  MPI_Comm leaders_;
  std::vector<int> host_of_, by_host_;  ///< by_host_: ranks, those of a host together
  int rank_, host_, hosts_;
  UnderWay under_way_[SharedWindow::sums_turns];
};

}  // namespace tasuki::dist
