#include "tasuki/dist/interruption.hpp"

#include <cerrno>

#include "src/core/annotated.hpp"
#include "src/io/atomic_file.hpp"

namespace tasuki::dist {

namespace {
volatile std::sig_atomic_t signalled = 0;
}

struct Interruption::Before {
  int signal;
  struct sigaction action;
};

Interruption::Interruption(const World& world, std::vector<int> signals, SourceLocation at) : world_(world) {
  signalled = 0;
  struct sigaction action {};
  action.sa_handler = [](int) { signalled = 1; };
  action.sa_flags = SA_RESTART;
  for (const int signal : signals) {
    Before before{signal, {}};
    if (::sigaction(signal, &action, &before.action) == 0) {
      before_.push_back(before);
      continue;
    }
    const int reason = errno;
    for (const Before& b : before_) ::sigaction(b.signal, &b.action, nullptr);
    refuse(ValueError(tasuki::detail::concat({"expected  a signal that can be caught\nactual    ", signal, ": ", describe_system_error(reason)})), "Interruption", at);
  }
}

/// A process that ends with the code makes the launcher send a SIGTERM to those that are about to.
Interruption::~Interruption() {
  if (requested_) return;
  for (const Before& b : before_) ::sigaction(b.signal, &b.action, nullptr);
}

bool Interruption::requested() {
  if (requested_) return true;
  std::int32_t told = signalled;
  world_.post("interruption", sizeof told, [&told](Communicator& c) { c.all_reduce(&told, 1, i32); }).wait();
  return requested_ = told > 0;
}

}  // namespace tasuki::dist
