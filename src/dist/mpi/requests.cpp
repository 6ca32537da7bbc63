#include "src/dist/mpi/requests.hpp"

#include <chrono>
#include <thread>

#include "src/dist/patience.hpp"

namespace tasuki::dist {

void Requests::wait(const char* what, MPI_Request& request) const {
  Patience patience;
  for (int turns = 1;; ++turns) {
    int done = 0;
    MPI_Test(&request, &done, MPI_STATUS_IGNORE);
    if (done) return;
    if (window_.is_crowded() || turns % 16 == 0) std::this_thread::yield();
    if (turns % 256 != 0) continue;
    window_.check_failures();
    const double waited = patience.seconds();
    if (waited > timeout_seconds_)
      fail(tasuki::detail::concat({"rank ", window_.job_rank(), " has waited ", timeout_seconds_, " s for other ", others_, " in ", what,
                                   "\none of them has ended, hangs, does other steps, or cannot be reached"}));
    if (waited > 1e-2) std::this_thread::sleep_for(std::chrono::microseconds(20));
  }
}

void Requests::fail(const std::string& text) const {
  window_.fail(text);
  throw DistributedError(text);
}

}  // namespace tasuki::dist
