#include "src/dist/failure.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <iterator>

#include "src/dist/signal_safe_text.hpp"

namespace tasuki::dist::failure {

namespace {

constexpr int fatal_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

/// What a handler needs, ready before anything happens.
struct Watch {
  std::atomic<Communicator*> communicator{nullptr};
  std::atomic<const OperationLog*> log{nullptr};
  int rank = 0, size = 1;
  char host[64] = "", path[1024] = "";
  std::atomic<bool> reported{false};
  struct sigaction before[std::size(fatal_signals)];
  alignas(16) char stack[64 << 10];  // a handler's own: the other one may have overflowed
};
Watch watched;

const char* name_of(int signal) {
  switch (signal) {
    case SIGSEGV: return "signal 11, an access to memory that is not there (SIGSEGV)";
    case SIGBUS: return "signal 7, an access to memory that cannot be had (SIGBUS); is /dev/shm or a mapped file's disk full?";
    case SIGFPE: return "signal 8, an integer division by zero (SIGFPE)";
    case SIGILL: return "signal 4, an instruction that this processor does not have (SIGILL)";
    default: return "signal 6, the program called abort (SIGABRT)";
  }
}

/// Whoever handled the signal before (MPI, a sanitizer, or nobody) comes next, and ends the process; its launcher ends the job.
void on_signal(int signal, siginfo_t* info, void*) {
  report(name_of(signal));
  for (std::size_t i = 0; i < std::size(fatal_signals); ++i)
    if (fatal_signals[i] == signal) ::sigaction(signal, &watched.before[i], nullptr);
  if (info->si_code <= 0) std::raise(signal);  // otherwise the instruction fails again
}

[[noreturn]] void on_terminate() {
  try {
    if (const std::exception_ptr current = std::current_exception()) std::rethrow_exception(current);
    report("std::terminate was called");
  } catch (const std::exception& e) {
    report(e.what());
  } catch (...) {
    report("an exception that is not a std::exception");
  }
  if (Communicator* c = watched.communicator.load()) c->abort(exception_code);
  std::_Exit(exception_code);
}

}  // namespace

void watch(Communicator& communicator, const OperationLog& log) {
  watched.rank = communicator.rank();
  watched.size = communicator.size();
  ::gethostname(watched.host, sizeof watched.host - 1);
  std::error_code ignored;
  const char* folder = std::getenv("TASUKI_DIST_LOG");
  const std::string path = (folder ? std::string(folder) : std::filesystem::temp_directory_path(ignored).string()) + "/tasuki-operations-" + std::to_string(::getpid()) + "-rank-" +
                           std::to_string(watched.rank) + "-of-" + std::to_string(watched.size) + ".txt";
  std::strncpy(watched.path, path.c_str(), sizeof watched.path - 1);
  watched.log = &log;
  watched.communicator = &communicator;
  std::set_terminate(on_terminate);
  stack_t stack{};
  if (::sigaltstack(nullptr, &stack) == 0 && (stack.ss_flags & SS_DISABLE)) {  // a sanitizer has one already
    stack = {};
    stack.ss_sp = watched.stack;
    stack.ss_size = sizeof watched.stack;
    ::sigaltstack(&stack, nullptr);
  }
  struct sigaction action {};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK;
  for (std::size_t i = 0; i < std::size(fatal_signals); ++i) ::sigaction(fatal_signals[i], &action, &watched.before[i]);
}

void stop_watching() noexcept {
  watched.communicator = nullptr;
  watched.log = nullptr;
}

std::string log_path() { return watched.path; }

void write_log() noexcept {
  const OperationLog* log = watched.log.load();
  if (!log || !*watched.path) return;
  const int file = ::open(watched.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return;
  log->write(file);
  ::close(file);
}

void report(const char* why) noexcept {
  const OperationLog* log = watched.log.load();
  if (!log || watched.reported.exchange(true)) return;
  const OperationLog::Entry last = log->last();
  SignalSafeText text;
  text << "tasuki: rank " << static_cast<std::uint64_t>(watched.rank) << " of " << static_cast<std::uint64_t>(watched.size) << " on host " << watched.host << ", process "
       << static_cast<std::uint64_t>(::getpid()) << ", has failed at step " << static_cast<std::uint64_t>(last.step < 0 ? 0 : last.step);
  if (last.number > 0) text << (last.ended > 0 ? ", after" : ", in") << " operation " << last.number << ", " << last.what << " of " << last.bytes << " bytes";
  text << "\ntasuki: its last operations are in " << watched.path << "\ntasuki: " << why << "\n";
  text.write(STDERR_FILENO);
  write_log();
}

}  // namespace tasuki::dist::failure
