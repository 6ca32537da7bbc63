#include "src/memory/file_tier.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <new>

#include "src/io/atomic_file.hpp"
#include "src/memory/byte_text.hpp"
#include "tasuki/core/error.hpp"

namespace tasuki::memory {

namespace {

constexpr std::size_t page = 4096, largest_call = std::size_t{1} << 30;
constexpr std::size_t smallest_growth = std::size_t{64} << 20, largest_growth = std::size_t{1} << 30;
constexpr int patience = 16;  // calls in a row that may come back without a whole block

TransferError::Kind kind_of(int error) {
  return error == ENOSPC || error == EDQUOT || error == EFBIG ? TransferError::Kind::no_room : TransferError::Kind::input_output;
}

std::string advice_on(int error) {
  if (error == EIO) return std::string(std::strerror(EIO)) + "\nthe disk or its file system fails: see the kernel's log, and name a file on another disk";
  return describe_system_error(error);
}

}  // namespace

Bounce::Bounce(std::size_t bytes) : data_(static_cast<char*>(std::aligned_alloc(page, bytes))), bytes_(bytes) {
  if (!data_) throw std::bad_alloc();
}
Bounce::~Bounce() { std::free(data_); }

FileTier::~FileTier() {
  if (file_ >= 0) ::close(file_);
}

std::size_t FileTier::length() const { return length_.load(std::memory_order_relaxed); }

std::size_t FileTier::in_use() const {
  const std::lock_guard lock(mutex_);
  return extents_.in_use();
}

/// Beyond the places the file has one block that nobody writes: no write can give a shortened file its length again.
bool FileTier::grow(std::size_t need, std::string& refusal) {
  const std::size_t size = extents_.size(), have = length();
  if (const off_t actual = calls_.length(file_); is_shortened(actual)) {
    refusal = shortened(actual).text;
    close_for(refusal);
    return false;
  }
  if (need > limit_ - std::min(limit_, size)) {
    refusal = tasuki::detail::concat({place_, " is full: ", byte_text(extents_.in_use()), " are in use of ", byte_text(size), " taken and ", byte_text(limit_), " allowed; ", byte_text(need), " more are needed"});
    return false;
  }
  std::size_t growth = std::min(std::max(need, std::clamp(size / 4, smallest_growth, largest_growth)), limit_ - size);
  growth = std::max(growth / block_ * block_, need);
  for (;;) {
    const std::size_t end = size + growth + block_;
    int result = -1;
    if (preallocates_) {
      do result = calls_.preallocate(file_, static_cast<off_t>(have), static_cast<off_t>(end - have));
      while (result != 0 && errno == EINTR);
      if (result != 0 && (errno == EOPNOTSUPP || errno == ENOSYS)) preallocates_ = false;
    }
    if (!preallocates_) result = calls_.truncate(file_, static_cast<off_t>(end));
    if (result == 0) {
      length_.store(end, std::memory_order_relaxed);
      extents_.grow(growth);
      return true;
    }
    const int error = errno;
    if (growth > need) {
      growth = need;
      continue;
    }
    // A failed preallocation may have taken a part and moved the end.
    if (calls_.length(file_) > static_cast<off_t>(have)) (void)calls_.truncate(file_, static_cast<off_t>(have));
    refusal = tasuki::detail::concat({"cannot take ", byte_text(need), " more in ", place_, ": ", advice_on(error)});
    return false;
  }
}

std::optional<std::size_t> FileTier::reserve(std::size_t bytes, std::string& refusal) {
  const std::size_t need = whole_blocks(std::max<std::size_t>(bytes, 1));
  const std::lock_guard lock(mutex_);
  if (!why_closed_.empty()) {
    refusal = why_closed_;
    return std::nullopt;
  }
  auto taken = extents_.take(need);
  if (!taken && grow(need - extents_.free_at_end(), refusal)) taken = extents_.take(need);
  if (!taken) return std::nullopt;
  return taken->offset;
}

void FileTier::free(std::size_t offset, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  extents_.give(offset, whole_blocks(std::max<std::size_t>(bytes, 1)));
}

bool FileTier::prepare(std::size_t bytes, std::string& refusal) {
  const std::size_t need = whole_blocks(bytes);
  const std::lock_guard lock(mutex_);
  if (extents_.largest_free() >= need) return true;
  if (!why_closed_.empty()) {
    refusal = why_closed_;
    return false;
  }
  return grow(need - extents_.free_at_end(), refusal);
}

TransferError FileTier::write(std::size_t offset, const char* from, std::size_t bytes, Bounce& bounce) {
  return move(true, offset, const_cast<char*>(from), bytes, bounce);
}
TransferError FileTier::read(std::size_t offset, char* to, std::size_t bytes, Bounce& bounce) {
  return move(false, offset, to, bytes, bounce);
}

TransferError FileTier::move(bool out, std::size_t offset, char* memory, std::size_t bytes, Bounce& bounce) {
  if (!direct_) return move_aligned(out, offset, memory, bytes);
  const bool fits = reinterpret_cast<std::uintptr_t>(memory) % memory_alignment_ == 0;
  std::size_t at = fits ? bytes / block_ * block_ : 0;
  if (at)
    if (auto error = move_aligned(out, offset, memory, at)) return error;
  while (at < bytes) {
    const std::size_t part = std::min(bytes - at, bounce.bytes() / block_ * block_), blocks = whole_blocks(part);
    if (out) {
      std::memcpy(bounce.data(), memory + at, part);
      std::memset(bounce.data() + part, 0, blocks - part);
    }
    if (auto error = move_aligned(out, offset + at, bounce.data(), blocks)) return error;
    if (!out) std::memcpy(memory + at, bounce.data(), part);
    at += part;
  }
  return {};
}

TransferError FileTier::move_aligned(bool out, std::size_t offset, char* memory, std::size_t bytes) {
  int without_progress = 0;
  for (std::size_t done = 0; done < bytes;) {
    const std::size_t part = std::min(bytes - done, largest_call);
    const auto place = static_cast<off_t>(offset + done);
    const ssize_t count = out ? calls_.write(file_, memory + done, part, place) : calls_.read(file_, memory + done, part, place);
    if (count < 0 && errno != EINTR) return failed(out, errno, offset + done, part);
    if (count == 0 && !out) return close_after(shortened(calls_.length(file_)));
    // O_DIRECT goes on only from a whole block
    const std::size_t moved = count < 0 ? 0 : direct_ ? static_cast<std::size_t>(count) / block_ * block_ : static_cast<std::size_t>(count);
    if (moved == 0 && count >= 0 && ++without_progress > patience) {
      const off_t actual = calls_.length(file_);  // the new end may lie within this block
      return is_shortened(actual) ? close_after(shortened(actual)) : failed(out, EIO, offset + done, part);
    }
    if (moved != 0) without_progress = 0;
    done += moved;
  }
  // A shortened file that was written again behind its new end would give zeros for what it lost.
  const off_t actual = calls_.length(file_);
  return is_shortened(actual) ? close_after(shortened(actual)) : TransferError{};
}

TransferError FileTier::failed(bool out, int error, std::size_t offset, std::size_t bytes) {
  TransferError result{kind_of(error), tasuki::detail::concat({"cannot ", out ? "write " : "read ", byte_text(bytes), " at ", byte_text(offset), " of ", place_, ": ", advice_on(error)})};
  return result.kind == TransferError::Kind::no_room ? result : close_after(std::move(result));
}

bool FileTier::is_shortened(off_t actual) const { return actual >= 0 && static_cast<std::size_t>(actual) < length(); }

TransferError FileTier::shortened(off_t actual) const {
  return {TransferError::Kind::truncated,
          tasuki::detail::concat({place_, " was shortened by somebody else: it has ", actual < 0 ? std::string("an unknown length") : byte_text(static_cast<std::size_t>(actual)), " instead of ",
                          byte_text(length()), "\nwhat was in it is lost: go on from the last checkpoint, and keep others from that file"})};
}

TransferError FileTier::close_after(TransferError error) {
  const std::lock_guard lock(mutex_);
  close_for(error.text);
  return error;
}

void FileTier::close_for(const std::string& reason) {
  if (why_closed_.empty()) why_closed_ = "the file is no longer used since an error: " + reason;
}

}  // namespace tasuki::memory
