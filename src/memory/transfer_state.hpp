#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "src/memory/file_tier.hpp"
#include "src/memory/host_limit.hpp"
#include "src/memory/host_slabs.hpp"
#include "src/memory/transfer.hpp"

/// What transfer.cpp (the caller's side) and transfer_work.cpp (the threads' side) share.
namespace tasuki::memory {

/// A home as the engine sees it. `jobs` are its unfinished transfers from and to the file: only the first may run.
struct Place final : Home {
  using Home::bytes_;
  using Home::holds_copy_;
  using Home::tier_;
  const char* name = nullptr;
  HostSlabs::Place slab;  ///< in the host tier; in the file tier while its bytes are still on their way through host memory
  bool has_extent = false;
  std::size_t extent = 0;
  std::vector<intrusive_ptr<TransferState>> jobs;
  Event last_out, last_in;  ///< copies between the device and the slab
  std::uint64_t checksum = 0;
  TransferError error;  ///< of the last departure, if it failed
  bool freed = false;
};

struct TransferState {
  enum class Kind : std::uint8_t {
    copy,    ///< between an asynchronous device and a slab: over when `event` has happened
    out,     ///< from memory, or a device, to the file
    in,      ///< from the file
    settle,  ///< from a home's slab to the file, behind the back of whoever copied into the slab
  };
  TransferState(Kind kind, Place& home, char* memory, Event event) : kind(kind), home(&home), memory(memory), event(event), bytes(home.bytes_) {}
  void retain() noexcept { count_up(references); }
  void release() noexcept {
    if (count_down(references)) delete this;
  }

  const Kind kind;
  Place* home;   ///< valid until the transfer is over
  char* memory;  ///< the other end
  Event event;   ///< copy: its end; else what must have happened before it starts
  const std::size_t bytes;
  std::size_t claimed = 0;  ///< by threads: parts before this are done or being moved
  int active = 0;           ///< threads that move a part
  bool urgent = false, abandoned = false;
  std::uint64_t checksum = 0;
  TransferError error;
  std::atomic<bool> over{false};  ///< written last; then `error` no longer changes

 private:
  ~TransferState() = default;
  unsigned references = 1;
};

/// What an arrival gets that was queued behind a departure that its owner gave up.
TransferError cancelled();

struct TransferEngine::Impl {
  Impl(DeviceRuntime& device, TierOptions given, HostLimit host);
  ~Impl();

  // the caller's side
  FileTier* open_file();
  TransferError start_threads();
  Transfer copy_out(Place& home, const char* from, Event after);
  Transfer copy_in(Place& home, char* to, Event after);
  Transfer submit(TransferState::Kind kind, Place& home, char* memory, Event after);
  void stop_settling(Place& home, std::unique_lock<std::mutex>& lock);
  void abandon(TransferState& state);
  void hurry(TransferState& state);
  void wait_for(TransferState& state, std::unique_lock<std::mutex>& lock);
  void wait_for(Event event);
  void drain_device();

  // the threads' side
  void work(int number, Bounce& bounce);
  TransferState* next_job(int number, bool& some_must_wait);
  bool may_start(const TransferState& job);
  TransferError move_part(const TransferState& job, std::size_t offset, std::size_t bytes, Bounce& bounce, std::uint64_t& checksum);
  TransferError move_device_part(const TransferState& job, std::size_t offset, std::size_t bytes, Bounce& bounce, std::uint64_t& checksum);

  void count_seconds(bool out, int change);

  // both sides, with the mutex held
  void make_ready(TransferState& state);
  void take_from_ready(TransferState& state);
  void finish(TransferState& state);
  void settled(TransferState& state);
  void end(TransferState& state);
  void lose_copy(Place& home, TransferError why);
  void release(Place& home);
  TransferError mismatch(const Place& home) const;

  DeviceRuntime& runtime;
  TierOptions options;
  const bool asynchronous;
  const std::string host_note;
  std::string refusal, no_file;
  FileCalls system_calls;
  TierStats waited;  // the host thread's own

  mutable std::mutex mutex;  // of everything below
  HostSlabs slabs;
  std::unique_ptr<FileTier> file;
  std::unordered_set<Place*> homes;
  std::deque<TransferState*> ready[2][2];  // [urgent][to the file]
  std::size_t unfinished = 0;              // jobs of all homes
  TierStats counted;
  std::condition_variable work_there, job_over;
  int moving[2] = {};  // threads that read, or write
  std::chrono::steady_clock::time_point moving_since[2];
  bool stopping = false;
  std::vector<std::unique_ptr<Bounce>> bounces;
  std::vector<std::thread> threads;
  const long process;
};

}  // namespace tasuki::memory
