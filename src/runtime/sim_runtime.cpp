#include "src/runtime/sim_runtime.hpp"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "tasuki/core/error.hpp"
#include "tasuki/runtime/residency.hpp"

namespace tasuki {

namespace {

class Copy final : public SimWork {
 public:
  Copy(void* to, const void* from, std::size_t bytes) : to_(to), from_(from), bytes_(bytes) {}
  void run() override { std::memcpy(to_, from_, bytes_); }

 private:
  void* to_;
  const void* from_;
  std::size_t bytes_;
};

class Upload final : public SimWork {
 public:
  Upload(void* to, const void* from, std::size_t bytes) : to_(to), bytes_(static_cast<const char*>(from), static_cast<const char*>(from) + bytes) {}
  void run() override { std::memcpy(to_, bytes_.data(), bytes_.size()); }

 private:
  void* to_;
  std::vector<char> bytes_;
};

class Poison final : public SimWork {
 public:
  Poison(void* data, std::size_t bytes) : data_(data), bytes_(bytes) {}
  /// All bits set: NaN in every floating type, -1 or 255 in the others.
  void run() override { std::memset(data_, 0xff, bytes_); }

 private:
  void* data_;
  std::size_t bytes_;
};

}  // namespace

SimRuntime::SimRuntime(int index, const SimOptions& options) : DeviceRuntime(Device(DeviceKind::sim, index)) { configure(options); }

void SimRuntime::configure(const SimOptions& options) {
  const DeviceProfile& profile = device_profile(options.profile);
  if (options.bytes < granule) TASUKI_THROW(DeviceError, "expected  a device with memory\nactual    SimOptions{.bytes = ", options.bytes, "}");
  if (queues_)
    for (StreamId s = 0; s < sim::stream_count; ++s) queues_->synchronize(s);
  const std::lock_guard lock(mutex_);
  if (stats_.current_bytes != 0)
    TASUKI_THROW(DeviceError, "expected  no tensors on ", device(), ", to start it again with other options\nactual    ", stats_.current_bytes,
                 " bytes are in use\nconfigure the device first, or use another one: ts::Device::sim(", device().index() + 1, ", ...)");
  options_ = options;
  profile_ = &profile;
  queues_ = std::make_unique<SimQueues>(options.schedule, options.seed, queues_.get());
  memory_ = std::make_unique<SimMemory>(2 * options.bytes);
  stats_ = {};
  stats_.limit_bytes = options.bytes;
  clock_only_ = false;
}

void SimRuntime::set_clock_only(bool on) {
  for (StreamId s = 0; s < sim::stream_count; ++s) queues_->synchronize(s);
  clock_only_ = on;
}

/// By the clock alone, the queue gets an entry that has nothing to do.
void SimRuntime::submit(StreamId stream, std::unique_ptr<SimWork> work, double seconds) {
  if (clock_only_) work.reset();
  queues_->submit(stream, std::move(work), seconds);
}

void SimRuntime::launch(std::unique_ptr<SimWork> work, double seconds, StreamId stream) {
  queues_->wait_for_room(stream);
  queues_->collect();
  submit(stream, std::move(work), seconds);
}

// ---- memory

bool SimRuntime::reserve(std::size_t bytes) {
  if (bytes > stats_.limit_bytes || stats_.current_bytes > stats_.limit_bytes - bytes) return false;
  stats_.current_bytes += bytes;
  stats_.reserved_bytes = stats_.current_bytes;
  stats_.peak_bytes = std::max(stats_.peak_bytes, stats_.current_bytes);
  return true;
}

char* SimRuntime::take(std::size_t bytes, StreamId stream) {
  // The emulation's own footprint: pages of ranges that were used once and lie idle.
  if (memory_->touched_bytes() + bytes > options_.bytes + options_.bytes / 2) memory_->trim([&](Event e) { return queues_->happened(e); });
  SimMemory::Uses uses;
  const std::size_t mapped = memory_->mapped_bytes();
  char* const block = memory_->take(bytes, uses);
  if (!block) return nullptr;
  ++stats_.allocations;
  stats_.system_allocations += memory_->mapped_bytes() != mapped;
  for (const Event& use : uses)
    if (use.ticket != 0 && use.stream != stream) queues_->wait(stream, use);
  return block;
}

void* SimRuntime::allocate(std::size_t bytes, StreamId stream) {
  if (bytes == 0) return nullptr;
  if (bytes > (std::size_t{1} << 62)) no_room(bytes, bytes);
  const std::size_t size = block_bytes(bytes);
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (reserve(size)) {
        if (char* block = take(size, stream)) return block;
        stats_.reserved_bytes = stats_.current_bytes -= size;
        TASUKI_THROW(OutOfMemory, "expected  room for ", bytes, " bytes on ", device(), "\nactual    the system has no address range of that length");
      }
    }
    if (!manager() || !manager()->make_room(size)) no_room(bytes, size);
  }
}

void SimRuntime::deallocate(void* block, std::size_t bytes, StreamId stream) noexcept {
  if (!block) return;
  char* const begin = static_cast<char*>(block);
  const std::size_t size = block_bytes(bytes);
  const std::lock_guard lock(mutex_);
  stats_.reserved_bytes = stats_.current_bytes -= size - forget_gaps(begin, size);
  poison(begin, size, stream);
  memory_->give(begin, size, queues_->record(stream));
}

void SimRuntime::poison(void* data, std::size_t bytes, StreamId stream) {
  if (options_.poison) submit(stream, std::make_unique<Poison>(data, bytes), 0);
}

std::size_t SimRuntime::decommittable(BlockPart part) const { return part.bytes; }

std::size_t SimRuntime::decommit(BlockPart part) {
  if (part.bytes == 0) return 0;
  char* const begin = static_cast<char*>(part.block) + part.offset;
  const std::lock_guard lock(mutex_);
  if (!gaps_.emplace(begin, part.bytes).second) return 0;
  stats_.reserved_bytes = stats_.current_bytes -= part.bytes;
  poison(begin, part.bytes, sim::compute_stream);
  return part.bytes;
}

void* SimRuntime::allocate_decommitted(std::size_t bytes) {
  const std::size_t size = block_bytes(bytes);
  const std::lock_guard lock(mutex_);
  char* const block = take(size, sim::compute_stream);
  if (!block) TASUKI_THROW(OutOfMemory, "expected  room for ", bytes, " bytes on ", device(), "\nactual    the system has no address range of that length");
  gaps_.emplace(block, size);
  return block;
}

void SimRuntime::commit(BlockPart part) {
  char* const begin = static_cast<char*>(part.block) + part.offset;
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      auto gap = gaps_.upper_bound(begin);
      if (gap == gaps_.begin()) return;
      const auto [first, bytes] = *--gap;
      if (first + bytes <= begin) return;
      char *const last = first + bytes, *const end = std::min(last, begin + part.bytes);
      if (reserve(static_cast<std::size_t>(end - begin))) {
        // What lies before and behind stays a gap.
        if (first < begin) gap->second = static_cast<std::size_t>(begin - first);
        else gaps_.erase(gap);
        if (end < last) gaps_.emplace(end, static_cast<std::size_t>(last - end));
        return;
      }
    }
    if (!manager() || !manager()->make_room(part.bytes)) no_room(part.bytes, part.bytes);
  }
}

/// Of a block that goes: how many of its bytes were decommitted.
std::size_t SimRuntime::forget_gaps(char* block, std::size_t bytes) {
  std::size_t missing = 0;
  auto gap = gaps_.lower_bound(block);
  while (gap != gaps_.end() && gap->first < block + bytes) {
    missing += gap->second;
    gap = gaps_.erase(gap);
  }
  return missing;
}

std::size_t SimRuntime::release_cached() {
  const std::lock_guard lock(mutex_);
  memory_->trim([&](Event e) { return queues_->happened(e); });
  return 0;  // blocks that nobody has do not count
}

MemoryStats SimRuntime::memory_stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

void SimRuntime::reset_peak() {
  const std::lock_guard lock(mutex_);
  stats_.peak_bytes = stats_.current_bytes;
}

void SimRuntime::set_byte_limit(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  stats_.limit_bytes = bytes == 0 ? options_.bytes : std::min(bytes, options_.bytes);
}

void SimRuntime::no_room(std::size_t bytes, std::size_t size) const {
  const MemoryStats s = memory_stats();
  const std::string need = detail::concat({"expected  room for ", bytes, " bytes on ", device(), "\nactual    ", s.current_bytes, " bytes in use of "});
  if (s.limit_bytes < options_.bytes)
    throw OutOfMemory(detail::concat({need, "a limit of ", s.limit_bytes, "; this launch needs a limit of at least ", s.current_bytes + size,
                                      "\nraise it with ts::memory::set_byte_limit, or use a smaller batch"}));
  throw OutOfMemory(detail::concat({need, "the device's ", s.limit_bytes, "; this launch needs at least ", s.current_bytes + size,
                                    "\nuse a smaller batch, or a larger device: ts::Device::sim(", device().index(), ", {.bytes = ...})"}));
}

// ---- copies

void SimRuntime::copy_async(void* to, const void* from, std::size_t bytes, CopyKind kind, StreamId stream) {
  if (bytes == 0) return;
  const double seconds = kind == CopyKind::device_to_host   ? profile_->out.seconds(bytes)
                         : kind == CopyKind::host_to_device ? profile_->in.seconds(bytes)
                                                            : profile_->seconds(0, DType::u8, 2 * bytes);
  queues_->count_copy(kind, bytes);
  submit(stream, std::make_unique<Copy>(to, from, bytes), seconds);
}

void SimRuntime::upload(void* to, const void* from, std::size_t bytes, StreamId stream) {
  if (bytes == 0) return;
  queues_->count_copy(CopyKind::host_to_device, bytes);
  submit(stream, std::make_unique<Upload>(to, from, bytes), profile_->in.seconds(bytes));
}

}  // namespace tasuki
