#include "src/memory/transfer.hpp"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <system_error>

#include "src/core/clock.hpp"
#include "src/memory/byte_text.hpp"
#include "src/memory/checksum.hpp"
#include "src/memory/host_limit.hpp"
#include "src/memory/transfer_state.hpp"
#include "tasuki/core/error.hpp"

namespace tasuki::memory {

namespace {

using Kind = TransferState::Kind;
using CopyKind = DeviceRuntime::CopyKind;

Place& place_of(Home& home) { return static_cast<Place&>(home); }

HostLimit host_limit_of(const TierOptions& options, bool asynchronous) {
  if (!asynchronous) return {0, "the CPU has no host tier beside its own memory"};
  if (!options.host_bytes) return default_host_limit();
  return {*options.host_bytes, "as stated"};
}

/// Counts one block of the host thread, and how long it took.
class Blocked {
 public:
  explicit Blocked(TierStats& stats) : stats_(stats), begin_(now()) { ++stats_.host_waits; }
  ~Blocked() { stats_.waited_seconds += now() - begin_; }

 private:
  TierStats& stats_;
  double begin_;
};

}  // namespace

void TransferError::raise() const {
  if (kind == Kind::corrupted) throw InternalError(text);
  throw FileError(text);
}

Transfer::Transfer() = default;
Transfer::~Transfer() = default;
Transfer::Transfer(const Transfer&) = default;
Transfer::Transfer(intrusive_ptr<TransferState> state) : state_(std::move(state)) {}
Transfer& Transfer::operator=(Transfer other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}

TransferEngine::Impl::Impl(DeviceRuntime& device, TierOptions given, HostLimit host)
    : runtime(device),
      options(std::move(given)),
      asynchronous(device.is_asynchronous()),
      host_note(std::move(host.source)),
      slabs(host.bytes, [this] { drain_device(); }),
      process(::getpid()) {
  options.threads = std::clamp(options.threads, 1, 16);
  options.chunk_bytes = std::max<std::size_t>((options.chunk_bytes + checksum_block - 1) / checksum_block, 1) * checksum_block;
  if (!options.calls) options.calls = &system_calls;
  if (options.file_bytes == std::size_t{0}) no_file = "the file tier is switched off (file_bytes = 0)";
  else if (!options.file.empty()) file = std::make_unique<FileTier>(options);
}

TransferEngine::Impl::~Impl() {
  {
    std::unique_lock lock(mutex);
    for (Place* home : std::vector<Place*>(homes.begin(), homes.end())) {
      std::vector<intrusive_ptr<TransferState>> jobs(home->jobs.begin(), home->jobs.end());
      for (auto job = jobs.rbegin(); job != jobs.rend(); ++job)
        if ((*job)->kind != Kind::in) abandon(**job);
    }
    job_over.wait(lock, [&] { return unfinished == 0; });
    stopping = true;
    work_there.notify_all();
  }
  for (std::thread& thread : threads) thread.join();
  drain_device();
  for (Place* home : homes) delete home;
}

void TransferEngine::Impl::drain_device() {
  if (!asynchronous) return;
  for (const StreamId stream : {out_stream, in_stream}) wait_for(runtime.record_event(stream));
}

FileTier* TransferEngine::Impl::open_file() {
  if (file || !no_file.empty()) return file.get();
  try {
    file = std::make_unique<FileTier>(options);
  } catch (const FileError& error) {
    no_file = error.body();
  }
  return file.get();
}

/// Fewer threads than wanted will do.
TransferError TransferEngine::Impl::start_threads() {
  if (!threads.empty()) return {};
  constexpr std::size_t largest_bounce = std::size_t{4} << 20;
  bounces.clear();
  for (int i = 0; i < options.threads; ++i) bounces.push_back(std::make_unique<Bounce>(std::min(options.chunk_bytes, largest_bounce)));
  try {
    for (int i = 0; i < options.threads; ++i) threads.emplace_back([this, i] { work(i, *bounces[static_cast<std::size_t>(i)]); });
  } catch (const std::system_error& error) {
    if (threads.empty())
      return {TransferError::Kind::input_output, tasuki::detail::concat({"cannot start a thread that moves bytes to the file: ", error.code().message(), "\nraise the limit on processes (ulimit -u)"})};
  }
  return {};
}

/// Device memory to the home's slab, on the device's own queue. Whoever read or wrote these pages before must be through.
Transfer TransferEngine::Impl::copy_out(Place& home, const char* from, Event after) {
  for (const Event& before : {after, home.last_in, home.slab.last_use})
    if (before.ticket != 0) runtime.wait_event(out_stream, before);
  runtime.copy_async(home.slab.data(), from, home.bytes_, CopyKind::device_to_host, out_stream);
  home.last_out = runtime.record_event(out_stream);
  home.holds_copy_ = true;
  ++counted.transfers;
  counted.host_out_bytes += home.bytes_;
  auto state = intrusive_ptr<TransferState>::adopt(new TransferState(Kind::copy, home, nullptr, home.last_out));
  if (options.checksums) {
    wait_for(home.last_out);
    home.checksum = checksum_part(home.slab.data(), 0, home.bytes_);
  }
  if (home.tier_ == Tier::file) submit(Kind::settle, home, home.slab.data(), home.last_out);
  return Transfer(std::move(state));
}

Transfer TransferEngine::Impl::copy_in(Place& home, char* to, Event after) {
  for (const Event& before : {after, home.last_out})
    if (before.ticket != 0) runtime.wait_event(in_stream, before);
  runtime.copy_async(to, home.slab.data(), home.bytes_, CopyKind::host_to_device, in_stream);
  home.last_in = runtime.record_event(in_stream);
  ++counted.transfers;
  counted.host_in_bytes += home.bytes_;
  auto state = intrusive_ptr<TransferState>::adopt(new TransferState(Kind::copy, home, to, home.last_in));
  if (options.checksums) {  // of what the device has now, which needs a copy back
    const std::unique_ptr<char[]> back(new char[home.bytes_]);
    runtime.copy_async(back.get(), to, home.bytes_, CopyKind::device_to_host, in_stream);
    wait_for(runtime.record_event(in_stream));
    if (checksum_part(back.get(), 0, home.bytes_) != home.checksum) {
      state->error = mismatch(home);
      ++counted.failures;
    }
  }
  return Transfer(std::move(state));
}

Transfer TransferEngine::Impl::submit(Kind kind, Place& home, char* memory, Event after) {
  TransferError no_threads = start_threads();
  auto state = intrusive_ptr<TransferState>::adopt(new TransferState(kind, home, memory, after));
  home.jobs.push_back(state);
  if (kind == Kind::out) home.holds_copy_ = true;
  if (kind != Kind::settle) ++counted.transfers;
  ++unfinished;
  if (no_threads) {
    state->error = std::move(no_threads);
    finish(*state);
  } else if (home.jobs.size() == 1) {
    make_ready(*state);
  }
  return Transfer(std::move(state));
}

/// A slab that is still being written to the file is about to get other contents.
void TransferEngine::Impl::stop_settling(Place& home, std::unique_lock<std::mutex>& lock) {
  for (std::size_t i = home.jobs.size(); i-- > 0;) {
    const intrusive_ptr<TransferState> job = home.jobs[i];
    if (job->kind != Kind::settle) continue;
    abandon(*job);
    if (!job->over) wait_for(*job, lock);
    return;
  }
}

void TransferEngine::Impl::abandon(TransferState& state) {
  if (state.over) return;
  Place& home = *state.home;
  state.abandoned = true;
  state.claimed = state.bytes;
  if (home.jobs.front().get() == &state) {
    take_from_ready(state);
    if (state.active == 0) finish(state);
    return;  // else the last thread that moves a part finishes it
  }
  if (state.kind == Kind::out) lose_copy(home, cancelled());
  const intrusive_ptr<TransferState> kept(&state);
  std::erase(home.jobs, kept);
  end(state);
}

void TransferEngine::Impl::hurry(TransferState& state) {
  for (const auto& job : state.home->jobs) {
    const bool waits_for_a_thread = job == state.home->jobs.front() && job->claimed < job->bytes && !job->urgent;
    if (waits_for_a_thread) take_from_ready(*job);
    job->urgent = true;
    if (waits_for_a_thread) make_ready(*job);
    if (job.get() == &state) break;
  }
}

void TransferEngine::Impl::wait_for(TransferState& state, std::unique_lock<std::mutex>& lock) {
  const Blocked blocked(waited);
  hurry(state);
  job_over.wait(lock, [&] { return state.over.load(); });
}

/// The runtimes have no call that blocks until one event: most waits are short, and the rest can spare 100 us.
void TransferEngine::Impl::wait_for(Event event) {
  for (int attempt = 0; !runtime.has_happened(event); ++attempt) {
    if (attempt < 64) std::this_thread::yield();
    else std::this_thread::sleep_for(std::chrono::microseconds(attempt < 256 ? 20 : 100));
  }
}

TransferEngine::TransferEngine(DeviceRuntime& runtime, TierOptions options) {
  HostLimit host = host_limit_of(options, runtime.is_asynchronous());
  impl_ = std::make_unique<Impl>(runtime, std::move(options), std::move(host));
}

TransferEngine::~TransferEngine() {
  // A forked child has none of the threads, and its condition variables still count them: nothing there can be taken down.
  if (impl_ && impl_->process != ::getpid()) (void)impl_.release();
}

Home* TransferEngine::reserve(std::size_t bytes, Tier wanted, const char* name) {
  if (wanted == Tier::device) TASUKI_THROW(InternalError, "a home on the device was asked for");
  Impl& i = *impl_;
  auto home = std::unique_ptr<Place>(new Place);
  home->bytes_ = bytes;
  home->name = name;
  const std::lock_guard lock(i.mutex);
  i.refusal.clear();
  if (wanted == Tier::host) {
    if (i.asynchronous) home->slab = i.slabs.take(bytes);
    if (!home->slab)
      i.refusal = i.asynchronous ? tasuki::detail::concat({"host memory has no room for ", byte_text(bytes), ": ", byte_text(i.slabs.in_use()), " are in use of ", byte_text(i.slabs.limit()), " (", i.host_note, ")"}) : i.host_note;
  }
  home->tier_ = home->slab ? Tier::host : Tier::file;
  if (!home->slab) {
    std::string reason;
    if (FileTier* file = i.open_file()) {
      if (const auto extent = file->reserve(bytes, reason)) {
        home->has_extent = true;
        home->extent = *extent;
      }
    } else {
      reason = i.no_file;
    }
    if (!reason.empty()) i.refusal += (i.refusal.empty() ? "" : "\n") + reason;
    if (!home->has_extent) return nullptr;
  }
  i.homes.insert(home.get());
  return home.release();
}

const std::string& TransferEngine::refusal() const { return impl_->refusal; }

void TransferEngine::free(Home* home) {
  if (!home) return;
  Place& place = place_of(*home);
  const std::lock_guard lock(impl_->mutex);
  place.freed = true;
  const std::vector<intrusive_ptr<TransferState>> jobs(place.jobs.begin(), place.jobs.end());
  if (jobs.empty()) return impl_->release(place);
  if (std::any_of(jobs.begin(), jobs.end(), [](const auto& job) { return job->kind == Kind::in; })) return;
  for (auto job = jobs.rbegin(); job != jobs.rend(); ++job) impl_->abandon(**job);  // the last one may release the home
}

Transfer TransferEngine::start_out(Home& home, const void* from, Event after) {
  Place& place = place_of(home);
  Impl& i = *impl_;
  std::unique_lock lock(i.mutex);
  if (place.bytes_ == 0) {
    place.holds_copy_ = true;
    return {};
  }
  i.stop_settling(place, lock);
  if (i.asynchronous && !place.slab) place.slab = i.slabs.take(place.bytes_);  // the file gets it from there
  if (place.slab) return i.copy_out(place, static_cast<const char*>(from), after);
  return i.submit(Kind::out, place, const_cast<char*>(static_cast<const char*>(from)), after);
}

Transfer TransferEngine::start_in(Home& home, void* to, Event after) {
  Place& place = place_of(home);
  Impl& i = *impl_;
  const std::lock_guard lock(i.mutex);
  if (!place.holds_copy_) {
    if (!place.error) TASUKI_THROW(InternalError, "bytes of ", place.name ? place.name : "a storage", " were asked for from a home that never got them");
    auto state = intrusive_ptr<TransferState>::adopt(new TransferState(Kind::in, place, nullptr, {}));
    state->error = place.error;
    state->over = true;
    return Transfer(std::move(state));
  }
  if (place.bytes_ == 0) return {};
  if (place.slab) return i.copy_in(place, static_cast<char*>(to), after);
  return i.submit(Kind::in, place, static_cast<char*>(to), after);
}

bool TransferEngine::finished(const Transfer& transfer) {
  const TransferState* state = transfer.state_.get();
  if (!state) return true;
  return state->kind == Kind::copy ? impl_->runtime.has_happened(state->event) : state->over.load();
}

TransferError TransferEngine::wait(const Transfer& transfer) {
  TransferState* state = transfer.state_.get();
  if (!state) return {};
  Impl& i = *impl_;
  if (state->kind == Kind::copy) {
    if (!i.runtime.has_happened(state->event)) {
      const Blocked blocked(i.waited);
      i.wait_for(state->event);
    }
  } else if (!state->over) {
    std::unique_lock lock(i.mutex);
    if (!state->over) i.wait_for(*state, lock);
  }
  return state->error;
}

TransferError TransferEngine::order(const Transfer& transfer, StreamId stream) {
  const TransferState* state = transfer.state_.get();
  if (!state || state->kind != Kind::copy) return wait(transfer);
  impl_->runtime.wait_event(stream, state->event);
  return state->error;
}

void TransferEngine::cancel(const Transfer& transfer, StreamId stream) {
  TransferState* state = transfer.state_.get();
  if (state && state->kind != Kind::copy) {
    const std::lock_guard lock(impl_->mutex);
    impl_->abandon(*state);
  }
  (void)order(transfer, stream);
}

bool TransferEngine::prepare(Tier tier, std::size_t bytes) {
  Impl& i = *impl_;
  const std::lock_guard lock(i.mutex);
  i.refusal.clear();
  if (tier == Tier::host) {
    if (i.slabs.prepare(bytes)) return true;
    i.refusal = tasuki::detail::concat({"host memory has no ", byte_text(bytes), " in one piece: ", byte_text(i.slabs.in_use()), " are in use of ", byte_text(i.slabs.limit()), " (", i.host_note, ")"});
    return false;
  }
  FileTier* file = i.open_file();
  if (!file) i.refusal = i.no_file;
  return file && file->prepare(bytes, i.refusal);
}

std::size_t TransferEngine::release_unused() {
  const std::lock_guard lock(impl_->mutex);
  return impl_->slabs.release_unused();
}

const TierOptions& TransferEngine::options() const { return impl_->options; }

TierStats TransferEngine::stats() const {
  const Impl& i = *impl_;
  const std::lock_guard lock(i.mutex);
  TierStats s = i.counted;
  s.host_waits = i.waited.host_waits;
  s.waited_seconds = i.waited.waited_seconds;
  s.host_limit = i.slabs.limit();
  s.host_reserved = i.slabs.reserved();
  s.host_in_use = i.slabs.in_use();
  s.host_peak_in_use = i.slabs.peak_in_use();
  s.host_allocations = i.slabs.allocations();
  if (i.file) {
    s.file_limit = i.file->limit();
    s.file_size = i.file->length();
    s.file_in_use = i.file->in_use();
  }
  return s;
}

std::string TransferEngine::report() const {
  const Impl& i = *impl_;
  const std::lock_guard lock(i.mutex);
  std::string text = "host: ";
  if (i.asynchronous) text += byte_text(i.slabs.in_use()) + " in use of " + byte_text(i.slabs.reserved()) + " taken and " + byte_text(i.slabs.limit()) + " allowed (" + i.host_note + ")";
  else text += i.host_note;
  text += "\nfile: ";
  if (i.file) return text + i.file->description();
  return text + (i.no_file.empty() ? "a nameless one in /var/tmp when it is needed" : "none: " + i.no_file);
}

}  // namespace tasuki::memory
