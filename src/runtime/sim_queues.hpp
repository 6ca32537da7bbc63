#pragma once
#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "tasuki/runtime/sim.hpp"

namespace tasuki {

class Error;

/// Something that a queue of a simulated device does: a launch, a copy.
class SimWork {
 public:
  virtual ~SimWork() = default;
  /// On a thread of the device's choice. What it throws reaches the user at the next synchronization.
  virtual void run() = 0;
  /// Adds to an error of run what tells the user its place.
  virtual void explain(Error&) const {}
};

/// The queues of a simulated device, the threads that empty them, and the virtual clock. Any thread may call it. Work that is done
/// waits for a caller of collect or synchronize to destroy it: what it owns belongs to threads that launch, not to workers and not
/// to threads that only copy.
class SimQueues {
 public:
  /// `before`, if there is one, is done; its events stay valid.
  SimQueues(SimSchedule schedule, std::uint64_t seed, const SimQueues* before);
  ~SimQueues();
  SimQueues(const SimQueues&) = delete;
  SimQueues& operator=(const SimQueues&) = delete;

  /// `seconds` by the virtual clock; work that takes none is not counted as an item.
  void submit(StreamId stream, std::unique_ptr<SimWork> work, double seconds);
  void collect();
  /// Waits while a queue is so long that the work itself would fill the host's memory. No synchronization: the queue does not run dry.
  void wait_for_room(StreamId stream);
  Event record(StreamId stream) const;
  void wait(StreamId stream, Event event);
  /// Whether it has happened so far; lets nothing go on.
  bool happened(Event event) const;
  /// The same; on the seeded schedule, where nothing runs by itself, it lets a step happen first.
  bool poll(Event event);
  void synchronize(StreamId stream);
  /// Ends the threads. What is queued now or later is dropped.
  void stop() noexcept;

  sim::Clock clock() const;
  void reset_clock();
  void count_copy(DeviceRuntime::CopyKind kind, std::size_t bytes);

 private:
  struct Entry {
    std::unique_ptr<SimWork> work;  // or nothing, and
    Event until;                    // a wait
  };
  struct Queue {
    std::deque<Entry> entries;
    std::uint64_t submitted = 0, done = 0;
    std::uint64_t clock_started = 0;  // submitted when the clock stood at zero: earlier events are of another time
    sim::StreamTime time;
    std::exception_ptr error;
    std::condition_variable ready;
    std::uint64_t random = 0;
    std::thread thread;
  };
  using Lock = std::unique_lock<std::mutex>;
  void push(Queue& queue, Entry entry);
  bool happened_locked(Event event) const { return queues_[static_cast<std::size_t>(event.stream)].done >= event.ticket; }
  bool can_go(const Queue& queue) const;
  void step(Queue& queue, Lock& lock);
  bool advance(Lock& lock);
  void serve(Queue& queue);
  void finish_all(Queue& queue, Lock& lock);

  static constexpr std::size_t most_queued = 16384;
  void start_random();
  const SimSchedule schedule_;
  const std::uint64_t seed_;
  mutable std::mutex mutex_;
  std::array<Queue, sim::stream_count> queues_;
  std::condition_variable progress_;
  std::vector<std::unique_ptr<SimWork>> finished_;
  sim::Clock clock_;  // the times of the queues are in the queues
  std::uint64_t choices_ = 0;
  bool advancing_ = false, stopped_ = false;
};

}  // namespace tasuki
