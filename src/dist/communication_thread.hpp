#pragma once
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "src/dist/operation_log.hpp"
#include "tasuki/dist/world.hpp"

namespace tasuki::dist {

/// Shared by the handles of a Work and the thread that does it.
struct WorkState {
  const char* what;
  std::size_t bytes;
  std::uint64_t number;  ///< of this process' operations
  bool done = false;
  std::string error;
  CommunicationThread* thread;
  unsigned references = 1;
  void retain() noexcept { __atomic_fetch_add(&references, 1u, __ATOMIC_RELAXED); }
  void release() noexcept {
    if (__atomic_sub_fetch(&references, 1u, __ATOMIC_ACQ_REL) == 0) delete this;
  }
};

/// The only caller of a communicator: runs operations in the order in which they are posted. After the first error it does nothing
/// more, since processes that disagree cannot find back to each other.
class CommunicationThread {
 public:
  CommunicationThread(Communicator& communicator, double timeout_seconds);
  /// Finishes what was posted. After an error, or when somebody waited in vain, the thread may never come back: see is_stuck.
  ~CommunicationThread();
  CommunicationThread(const CommunicationThread&) = delete;
  CommunicationThread& operator=(const CommunicationThread&) = delete;

  /// Operations that are posted from now on run on this one.
  void use(Communicator& communicator);
  Work post(const char* what, std::size_t bytes, Callback<void(Communicator&)> operation);
  bool is_done(const WorkState& state);
  void wait(WorkState& state);
  bool is_stuck();
  /// An operation has failed: the processes are not together any more. A failure's code, or 0.
  int failure_code();
  /// This process takes part in nothing more.
  void leave(Progress::Presence presence);
  const OperationLog& log() const { return log_; }
  /// That callers of wait() were held up for.
  double waited_seconds();

 private:
  struct Operation {
    intrusive_ptr<WorkState> state;
    Callback<void(Communicator&)> run;
  };
  void work();
  /// Waits for something to do; false when there is nothing more.
  bool await_work(std::unique_lock<std::mutex>& lock);
  void tell(Progress::Presence presence);

  Communicator* communicator_;
  double timeout_seconds_;
  std::mutex mutex_;
  std::condition_variable work_there_, progress_;
  std::deque<Operation> queue_;
  OperationLog log_;
  std::uint64_t ended_ = 0;  ///< operations, done or failed
  double waited_seconds_ = 0;
  std::string error_;
  int failure_code_ = 0;
  bool stopping_ = false, stuck_ = false;
  std::thread thread_;
};

}  // namespace tasuki::dist
