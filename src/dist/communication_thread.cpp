#include "src/dist/communication_thread.hpp"

#include <chrono>
#include <exception>

namespace tasuki::dist {

namespace {
constexpr std::size_t remembered = 8;
}

Work::Work() = default;
Work::~Work() = default;
Work::Work(const Work&) = default;
Work& Work::operator=(Work o) noexcept {
  state_ = std::move(o.state_);
  return *this;
}
Work::Work(intrusive_ptr<WorkState> state) : state_(std::move(state)) {}
bool Work::ready() const { return !state_ || state_->thread->is_done(*state_); }
void Work::wait() const {
  if (state_) state_->thread->wait(*state_);
}

CommunicationThread::CommunicationThread(Communicator& communicator, double timeout_seconds)
    : communicator_(communicator), timeout_seconds_(timeout_seconds), thread_([this] { work(); }) {}

CommunicationThread::~CommunicationThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_there_.notify_all();
  if (is_stuck()) thread_.detach();
  else thread_.join();
}

Work CommunicationThread::post(const char* what, std::size_t bytes, Callback<void(Communicator&)> operation) {
  const std::lock_guard lock(mutex_);
  auto state = intrusive_ptr<WorkState>::adopt(new WorkState{what, bytes, ++posted_, false, {}, this});
  recent_.push_back(std::to_string(posted_) + " " + what + " of " + std::to_string(bytes) + " bytes");
  if (recent_.size() > remembered) recent_.pop_front();
  queue_.push_back({state, std::move(operation)});
  work_there_.notify_one();
  return Work(std::move(state));
}

bool CommunicationThread::is_done(const WorkState& state) {
  const std::lock_guard lock(mutex_);
  return state.done;
}

bool CommunicationThread::is_stuck() {
  const std::lock_guard lock(mutex_);
  return stuck_;
}

double CommunicationThread::waited_seconds() {
  const std::lock_guard lock(mutex_);
  return waited_seconds_;
}

std::string CommunicationThread::history() const {
  std::string text;
  for (const std::string& operation : recent_) text += "\n  " + operation;
  return text;
}

void CommunicationThread::wait(WorkState& state) {
  std::unique_lock lock(mutex_);
  const auto patience = std::chrono::duration<double>(timeout_seconds_);
  const auto start = std::chrono::steady_clock::now();
  const bool done = progress_.wait_for(lock, patience, [&] { return state.done; });
  waited_seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (!done) {
    stuck_ = true;
    TASUKI_THROW(DistributedError, "rank ", communicator_.rank(), " of ", communicator_.size(), " has waited ", timeout_seconds_, " s for the others in ", state.what, " of ",
                 state.bytes, " bytes, its operation ", static_cast<std::int64_t>(state.number),
                 "\none of them has ended, hangs, or does fewer steps; the latest operations here were", history());
  }
  if (!state.error.empty()) throw DistributedError(state.error);
}

void CommunicationThread::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_there_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    Operation next = std::move(queue_.front());
    queue_.pop_front();
    if (error_.empty()) {
      lock.unlock();
      std::string error;
      try {
        next.run(communicator_);
      } catch (const Error& e) {
        error = e.body();
      } catch (const std::exception& e) {
        error = e.what();
      }
      lock.lock();
      error_ = std::move(error);
    }
    next.state->error = error_;
    next.state->done = true;
    progress_.notify_all();
  }
}

}  // namespace tasuki::dist
