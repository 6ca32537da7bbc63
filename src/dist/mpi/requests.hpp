#pragma once
#include <mpi.h>

#include <string>

#include "src/dist/mpi/shared_window.hpp"

namespace tasuki::dist {

/// Looks after requests of MPI until they are done, somebody of this host has failed, or the deadline is over.
class Requests {
 public:
  /// `others`: who is waited for, in messages.
  Requests(SharedWindow& window, double timeout_seconds, const char* others) : window_(window), timeout_seconds_(timeout_seconds), others_(others) {}
  void wait(const char* what, MPI_Request& request) const;
  template <class Start>
  void complete(const char* what, const Start& start) const {
    MPI_Request request = MPI_REQUEST_NULL;
    start(&request);
    wait(what, request);
  }
  /// Throws, here and on all processes of this host.
  [[noreturn]] void fail(const std::string& text) const;

 private:
  SharedWindow& window_;
  double timeout_seconds_;
  const char* others_;
};

}  // namespace tasuki::dist
