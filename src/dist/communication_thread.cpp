#include "src/dist/communication_thread.hpp"

#include <chrono>
#include <cstdio>
#include <exception>
#include <utility>

#include "src/core/clock.hpp"
#include "src/dist/failure.hpp"
#include "src/dist/patience.hpp"

namespace tasuki::dist {

namespace {
constexpr std::size_t shown = 8;
/// Communicators keep deadlines themselves, and know more when they are over; this is for those that do not.
constexpr double longer = 1.25;
/// Of the time that others wait for a process, after which it says so itself.
constexpr double early = 0.9;
constexpr std::chrono::duration<double> look{Patience::look};
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
void Work::settle() const noexcept {
  try {
    wait();
  } catch (...) {  // whoever needs the result asks by wait()
  }
}

CommunicationThread::CommunicationThread(Communicator& communicator, double timeout_seconds)
    : communicator_(&communicator), timeout_seconds_(timeout_seconds), thread_([this] { work(); }) {}

CommunicationThread::~CommunicationThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_there_.notify_all();
  if (is_stuck()) thread_.detach();
  else thread_.join();
}

void CommunicationThread::use(Communicator& communicator) {
  post("a new link", 0, [](Communicator&) {}).wait();
  const std::lock_guard lock(mutex_);
  communicator_ = &communicator;
}

Work CommunicationThread::post(const char* what, std::size_t bytes, Callback<void(Communicator&)> operation) {
  const std::lock_guard lock(mutex_);
  auto state = intrusive_ptr<WorkState>::adopt(new WorkState{what, bytes, log_.issue(what, bytes), false, {}, this});
  tell(Progress::here);
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

int CommunicationThread::failure_code() {
  const std::lock_guard lock(mutex_);
  return failure_code_;
}

void CommunicationThread::leave(Progress::Presence presence) {
  const std::lock_guard lock(mutex_);
  tell(presence);
}

void CommunicationThread::tell(Progress::Presence presence) {
  const OperationLog::Entry last = log_.last();
  communicator_->tell({last.number, last.what, static_cast<std::size_t>(last.bytes), last.step, presence});
}

void CommunicationThread::wait(WorkState& state) {
  std::unique_lock lock(mutex_);
  const double start = now();
  Patience patience;
  std::uint64_t ended = ended_;
  while (!progress_.wait_for(lock, look, [&] { return state.done; })) {
    if (std::exchange(ended, ended_) != ended_) patience = Patience();  // what was asked for before has a deadline of its own
    if (patience.seconds() > longer * timeout_seconds_) break;
  }
  waited_seconds_ += now() - start;
  if (!state.done) {
    stuck_ = true;
    failure_code_ = failure::not_together_code;
    failure::write_log();
    TASUKI_THROW(DistributedError, "rank ", communicator_->rank(), " of ", communicator_->size(), " has waited ", timeout_seconds_, " s for the others in ", state.what, " of ",
                 state.bytes, " bytes, its operation ", static_cast<std::int64_t>(state.number),
                 "\none of them has ended, hangs, or does fewer steps; the latest operations here were", log_.recent(shown));
  }
  if (!state.error.empty()) throw DistributedError(state.error);
}

/// A process that asks for nothing is the one that others wait for: it says so itself, before they give up.
bool CommunicationThread::await_work(std::unique_lock<std::mutex>& lock) {
  const auto there = [&] { return stopping_ || !queue_.empty(); };
  Patience patience;
  while (communicator_->size() > 1 && !work_there_.wait_for(lock, look, there)) {
    if (patience.seconds() < early * timeout_seconds_) continue;
    const OperationLog::Entry last = log_.last();
    std::fprintf(stderr, "tasuki: rank %d of %d has taken part in nothing for %g s, since its operation %llu, %s of %llu bytes, at step %lld\n", communicator_->rank(), communicator_->size(),
                 early * timeout_seconds_, static_cast<unsigned long long>(last.number), last.what, static_cast<unsigned long long>(last.bytes), static_cast<long long>(last.step));
    break;
  }
  work_there_.wait(lock, there);
  return !queue_.empty();
}

void CommunicationThread::work() {
  std::unique_lock lock(mutex_);
  while (await_work(lock)) {
    Operation next = std::move(queue_.front());
    queue_.pop_front();
    if (error_.empty()) {
      lock.unlock();
      log_.begin(next.state->number);
      std::string error;
      int code = failure::not_together_code;
      try {
        next.run(*communicator_);
      } catch (const failure::PeerFailure& e) {
        error = e.body();
        code = failure::exception_code;
      } catch (const Error& e) {
        error = e.body();
      } catch (const std::exception& e) {
        error = e.what();
      }
      lock.lock();
      if (error.empty()) log_.end(next.state->number);
      else failure::write_log();
      if (!error.empty()) failure_code_ = code;
      error_ = std::move(error);
    }
    next.state->error = error_;
    next.state->done = true;
    ++ended_;
    progress_.notify_all();
  }
}

}  // namespace tasuki::dist
