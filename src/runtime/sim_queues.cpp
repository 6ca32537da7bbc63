#include "src/runtime/sim_queues.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "tasuki/core/error.hpp"

namespace tasuki {

namespace {

/// splitmix64: the same numbers everywhere, and any seed is a good one.
std::uint64_t next_random(std::uint64_t& state) {
  std::uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/// Mostly nothing, sometimes the rest of a time slice, sometimes up to 200 us: longer than most ops take.
void pause(std::uint64_t& random) {
  const std::uint64_t r = next_random(random);
  if (r % 8 == 0) std::this_thread::sleep_for(std::chrono::microseconds(r / 8 % 200));
  else if (r % 8 < 4) std::this_thread::yield();
}

std::exception_ptr run(SimWork& work) {
  try {
    work.run();
    return {};
  } catch (Error& error) {
    work.explain(error);
    return std::current_exception();
  } catch (...) {
    return std::current_exception();
  }
}

}  // namespace

SimQueues::SimQueues(SimSchedule schedule, std::uint64_t seed, const SimQueues* before) : schedule_(schedule), seed_(seed) {
  start_random();
  if (before)
    for (std::size_t s = 0; s < queues_.size(); ++s) {
      const Queue& old = before->queues_[s];
      queues_[s].submitted = queues_[s].done = queues_[s].clock_started = old.submitted;
    }
  if (schedule_ != SimSchedule::seeded)
    for (Queue& q : queues_) q.thread = std::thread([this, &q] { serve(q); });
}

SimQueues::~SimQueues() { stop(); }

void SimQueues::start_random() {
  choices_ = seed_;
  for (Queue& q : queues_) q.random = seed_ ^ static_cast<std::uint64_t>(&q - queues_.data() + 1) << 60;
}

void SimQueues::stop() noexcept {
  {
    const Lock lock(mutex_);
    stopped_ = true;
    for (Queue& q : queues_) {
      q.entries.clear();
      q.ready.notify_all();
    }
  }
  for (Queue& q : queues_)
    if (q.thread.joinable()) q.thread.join();
  const Lock lock(mutex_);
  for (Queue& q : queues_) q.done = q.submitted;
  progress_.notify_all();
}

void SimQueues::push(Queue& queue, Entry entry) {
  ++queue.submitted;
  if (stopped_) {
    queue.done = queue.submitted;
    return;
  }
  queue.entries.push_back(std::move(entry));
  queue.ready.notify_one();
}

void SimQueues::submit(StreamId stream, std::unique_ptr<SimWork> work, double seconds) {
  const Lock lock(mutex_);
  Queue& q = queues_[static_cast<std::size_t>(stream)];
  q.time.seconds = std::max(q.time.seconds, clock_.host_seconds) + seconds;
  q.time.busy_seconds += seconds;
  q.time.items += seconds > 0;
  push(q, {std::move(work), {}});
}

void SimQueues::collect() {
  std::vector<std::unique_ptr<SimWork>> finished;  // destroyed after the lock is given back
  const Lock lock(mutex_);
  finished.swap(finished_);
}

void SimQueues::wait_for_room(StreamId stream) {
  Lock lock(mutex_);
  const Queue& q = queues_[static_cast<std::size_t>(stream)];
  if (q.entries.size() < most_queued) return;
  if (schedule_ == SimSchedule::seeded) {
    while (q.entries.size() > most_queued / 2 && advance(lock)) {
    }
  } else {
    progress_.wait(lock, [&] { return q.entries.size() <= most_queued / 2; });
  }
}

Event SimQueues::record(StreamId stream) const {
  const Lock lock(mutex_);
  const Queue& q = queues_[static_cast<std::size_t>(stream)];
  return {stream, q.submitted, q.time.seconds};
}

void SimQueues::wait(StreamId stream, Event event) {
  const Lock lock(mutex_);
  Queue& q = queues_[static_cast<std::size_t>(stream)];
  if (event.ticket > queues_[static_cast<std::size_t>(event.stream)].clock_started) q.time.seconds = std::max(q.time.seconds, event.seconds);
  if (event.stream != stream) push(q, {nullptr, event});
}

bool SimQueues::happened(Event event) const {
  const Lock lock(mutex_);
  return happened_locked(event);
}

bool SimQueues::poll(Event event) {
  Lock lock(mutex_);
  if (schedule_ == SimSchedule::seeded && !happened_locked(event)) advance(lock);
  return happened_locked(event);
}

bool SimQueues::can_go(const Queue& queue) const {
  if (queue.entries.empty()) return false;
  const Entry& next = queue.entries.front();
  return next.work || happened_locked(next.until);
}

void SimQueues::step(Queue& queue, Lock& lock) {
  Entry entry = std::move(queue.entries.front());
  queue.entries.pop_front();
  if (entry.work) {
    lock.unlock();
    if (schedule_ == SimSchedule::delayed) pause(queue.random);
    const std::exception_ptr error = run(*entry.work);
    lock.lock();
    if (error && !queue.error) queue.error = error;
    finished_.push_back(std::move(entry.work));
  }
  ++queue.done;
  for (Queue& other : queues_)
    if (!other.entries.empty() && !other.entries.front().work) other.ready.notify_one();
  progress_.notify_all();
}

void SimQueues::serve(Queue& queue) {
  Lock lock(mutex_);
  for (;;) {
    queue.ready.wait(lock, [&] { return stopped_ || can_go(queue); });
    if (stopped_) return;
    step(queue, lock);
  }
}

/// On the seeded schedule: lets a random queue of those that can go on do so. Returns false when none can.
bool SimQueues::advance(Lock& lock) {
  if (advancing_) {  // another thread is at it
    progress_.wait(lock, [&] { return !advancing_; });
    return true;
  }
  std::array<Queue*, sim::stream_count> ready;
  std::size_t count = 0;
  for (Queue& q : queues_)
    if (can_go(q)) ready[count++] = &q;
  if (count == 0) return false;
  advancing_ = true;
  step(*ready[next_random(choices_) % count], lock);
  advancing_ = false;
  progress_.notify_all();
  return true;
}

void SimQueues::finish_all(Queue& queue, Lock& lock) {
  const std::uint64_t target = queue.submitted;
  if (schedule_ == SimSchedule::seeded) {
    while (queue.done < target && advance(lock)) {
    }
  } else {
    progress_.wait(lock, [&] { return queue.done >= target; });
  }
}

void SimQueues::synchronize(StreamId stream) {
  std::vector<std::unique_ptr<SimWork>> finished;
  std::exception_ptr error;
  {
    Lock lock(mutex_);
    Queue& q = queues_[static_cast<std::size_t>(stream)];
    ++clock_.synchronizations;
    clock_.host_seconds = std::max(clock_.host_seconds, q.time.seconds);
    finish_all(q, lock);
    finished.swap(finished_);
    error = std::exchange(q.error, nullptr);
  }
  finished.clear();
  if (error) std::rethrow_exception(error);
}

// ---- the virtual clock

sim::Clock SimQueues::clock() const {
  const Lock lock(mutex_);
  sim::Clock clock = clock_;
  for (std::size_t s = 0; s < queues_.size(); ++s) clock.streams[s] = queues_[s].time;
  return clock;
}

void SimQueues::reset_clock() {
  Lock lock(mutex_);
  for (Queue& q : queues_) finish_all(q, lock);
  for (Queue& q : queues_) {
    q.time = {};
    q.clock_started = q.submitted;
  }
  clock_ = {};
  start_random();
}

void SimQueues::count_copy(DeviceRuntime::CopyKind kind, std::size_t bytes) {
  const Lock lock(mutex_);
  if (kind == DeviceRuntime::CopyKind::device_to_host) clock_.bytes_out += bytes;
  if (kind == DeviceRuntime::CopyKind::host_to_device) clock_.bytes_in += bytes;
}

}  // namespace tasuki
