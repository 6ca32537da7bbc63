#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <exception>

#include "src/memory/byte_text.hpp"
#include "src/memory/checksum.hpp"
#include "src/memory/transfer_state.hpp"
#include "tasuki/core/error.hpp"

namespace tasuki::memory {

using Kind = TransferState::Kind;
using CopyKind = DeviceRuntime::CopyKind;

namespace {

/// When the device is done with the home's slab. Copies into it are ordered by their queue.
Event last_use_of(const Place& home) { return home.last_in.ticket ? home.last_in : home.slab.last_use; }

/// By this thread so far.
double computed_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

}  // namespace

void TransferEngine::Impl::make_ready(TransferState& state) {
  ready[state.urgent][state.kind != Kind::in].push_back(&state);
  work_there.notify_one();
}

void TransferEngine::Impl::take_from_ready(TransferState& state) { std::erase(ready[state.urgent][state.kind != Kind::in], &state); }

/// Somebody waiting comes first, then arrivals; but the last thread prefers departures, so that both directions of a disk are used.
TransferState* TransferEngine::Impl::next_job(int number, bool& some_must_wait) {
  const bool prefers_out = number > 0 && number + 1 == options.threads;
  for (const bool urgent : {true, false})
    for (const bool out : {prefers_out && !urgent, !(prefers_out && !urgent)})
      for (TransferState* job : ready[urgent][out]) {
        if (may_start(*job)) return job;
        some_must_wait = true;
      }
  return nullptr;
}

/// A job whose source or destination the device still uses would keep a thread from others.
bool TransferEngine::Impl::may_start(const TransferState& job) {
  try {
    return !asynchronous || job.claimed > 0 || runtime.has_happened(job.event);
  } catch (const std::exception&) {
    return true;  // moving it meets the error again, and reports it
  }
}

void TransferEngine::Impl::work(int number, Bounce& bounce) {
  std::unique_lock lock(mutex);
  for (;;) {
    bool some_must_wait = false;
    TransferState* job = next_job(number, some_must_wait);
    if (!job) {
      if (stopping) return;
      if (some_must_wait) work_there.wait_for(lock, std::chrono::microseconds(200));  // events of a device wake nobody
      else work_there.wait(lock);
      continue;
    }
    const std::size_t offset = job->claimed, bytes = std::min(options.chunk_bytes, job->bytes - offset);
    job->claimed += bytes;
    ++job->active;
    count_seconds(job->kind != Kind::in, 1);
    if (job->claimed == job->bytes) take_from_ready(*job);
    else work_there.notify_one();  // another thread may move the next part meanwhile
    lock.unlock();

    const double computed = computed_seconds();
    std::uint64_t checksum = 0;
    TransferError error;
    try {
      error = move_part(*job, offset, bytes, bounce, checksum);
    } catch (const std::exception& failure) {
      error = {TransferError::Kind::input_output, failure.what()};
    }

    const double computing = computed_seconds() - computed;
    lock.lock();
    counted.file_compute_seconds += computing;
    count_seconds(job->kind != Kind::in, -1);
    --job->active;
    job->checksum += checksum;
    if (error && !job->error) {
      job->error = std::move(error);
      take_from_ready(*job);
      job->claimed = job->bytes;
    }
    if (job->active == 0 && job->claimed == job->bytes) finish(*job);
  }
}

/// One more or one less thread moves bytes in that direction.
void TransferEngine::Impl::count_seconds(bool out, int change) {
  const auto now = std::chrono::steady_clock::now();
  if (moving[out] > 0) (out ? counted.file_out_seconds : counted.file_in_seconds) += std::chrono::duration<double>(now - moving_since[out]).count();
  moving_since[out] = now;
  moving[out] += change;
}

TransferError TransferEngine::Impl::move_part(const TransferState& job, std::size_t offset, std::size_t bytes, Bounce& bounce, std::uint64_t& checksum) {
  if (asynchronous && job.kind != Kind::settle) return move_device_part(job, offset, bytes, bounce, checksum);
  char* memory = job.memory + offset;
  const std::size_t place = job.home->extent + offset;
  if (job.kind == Kind::in) {
    auto error = file->read(place, memory, bytes, bounce);
    if (!error && options.checksums) checksum = checksum_part(memory, offset, bytes);
    return error;
  }
  if (options.checksums) checksum = checksum_part(memory, offset, bytes);
  return file->write(place, memory, bytes, bounce);
}

/// Between the file and a device there is only this thread's scratch: for arrivals, and for departures when the slabs are full.
TransferError TransferEngine::Impl::move_device_part(const TransferState& job, std::size_t offset, std::size_t bytes, Bounce& bounce, std::uint64_t& checksum) {
  const bool out = job.kind == Kind::out;
  const StreamId stream = out ? out_stream : in_stream;
  const std::size_t block = file->block_bytes();
  runtime.wait_event(stream, job.event);
  for (std::size_t at = 0; at < bytes; at += bounce.bytes()) {
    const std::size_t part = std::min(bounce.bytes(), bytes - at), blocks = (part + block - 1) / block * block;
    const std::size_t place = job.home->extent + offset + at;
    char* device = job.memory + offset + at;
    if (out) {
      std::memset(bounce.data() + part, 0, blocks - part);
      runtime.copy_async(bounce.data(), device, part, CopyKind::device_to_host, stream);
      wait_for(runtime.record_event(stream));
      if (auto error = file->write(place, bounce.data(), blocks, bounce)) return error;
    } else {
      if (auto error = file->read(place, bounce.data(), blocks, bounce)) return error;
      runtime.copy_async(device, bounce.data(), part, CopyKind::host_to_device, stream);
      wait_for(runtime.record_event(stream));
    }
    if (options.checksums) checksum += checksum_part(bounce.data(), offset + at, part);
  }
  return {};
}

/// The first of its home's jobs, with no thread on it any more.
void TransferEngine::Impl::finish(TransferState& state) {
  Place& home = *state.home;
  const intrusive_ptr<TransferState> kept(&state);
  if (state.kind == Kind::settle) {
    settled(state);
  } else if (state.kind == Kind::out) {
    if (state.error) lose_copy(home, state.error);
    else if (state.abandoned) lose_copy(home, cancelled());
    else home.holds_copy_ = true;
    if (!home.slab) home.checksum = state.checksum;
    counted.file_out_bytes += state.error || state.abandoned ? 0 : state.bytes;
  } else if (!state.error && !state.abandoned) {
    counted.file_in_bytes += state.bytes;
    if (options.checksums && state.checksum != home.checksum) state.error = mismatch(home);
  }
  if (state.error) ++counted.failures;
  home.jobs.erase(home.jobs.begin());
  end(state);
  if (home.jobs.empty()) {
    if (home.freed) release(home);
    return;
  }
  TransferState& next = *home.jobs.front();
  if (next.kind == Kind::in && !home.holds_copy_) {
    next.error = home.error;
    finish(next);
  } else {
    make_ready(next);
  }
}

/// Without room or luck in the file, the bytes stay where they are: in host memory.
void TransferEngine::Impl::settled(TransferState& state) {
  Place& home = *state.home;
  if (state.abandoned) return;
  if (state.error) {
    file->free(home.extent, home.bytes_);
    home.has_extent = false;
    home.tier_ = Tier::host;
    return;
  }
  slabs.give(home.slab, home.bytes_, last_use_of(home));
  home.slab = {};
  counted.file_out_bytes += state.bytes;
}

void TransferEngine::Impl::end(TransferState& state) {
  --unfinished;
  state.over = true;
  job_over.notify_all();
}

TransferError cancelled() { return {TransferError::Kind::input_output, "the departure was cancelled"}; }

void TransferEngine::Impl::lose_copy(Place& home, TransferError why) {
  if (home.slab) return;  // a later departure is there
  home.holds_copy_ = false;
  home.error = std::move(why);
}

void TransferEngine::Impl::release(Place& home) {
  if (home.slab) slabs.give(home.slab, home.bytes_, last_use_of(home));
  if (home.has_extent) file->free(home.extent, home.bytes_);
  homes.erase(&home);
  delete &home;
}

TransferError TransferEngine::Impl::mismatch(const Place& home) const {
  return {TransferError::Kind::corrupted, tasuki::detail::concat({"the ", byte_text(home.bytes_), " of ", home.name ? home.name : "a storage", " that came back from ",
                                                          home.tier_ == Tier::host ? "host memory" : "the file", " are not those that left\nmemory or disk is failing, or Tasuki has a bug"})};
}

}  // namespace tasuki::memory
