#pragma once
#include <atomic>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>

#include "src/runtime/extents.hpp"
#include "src/memory/file_calls.hpp"
#include "src/memory/transfer.hpp"

namespace tasuki::memory {

/// Page-aligned scratch of one transfer thread, for what O_DIRECT cannot take as it lies.
class Bounce {
 public:
  explicit Bounce(std::size_t bytes);
  ~Bounce();
  Bounce(const Bounce&) = delete;
  Bounce& operator=(const Bounce&) = delete;
  char* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  char* data_;
  std::size_t bytes_;
};

/// One unlinked file in which storages have places of whole blocks. Room on the disk is taken ahead, so that writing meets no full
/// disk where the file system can preallocate. Any of its calls may run on any thread, reads and writes of different places at once.
class FileTier {
 public:
  /// Opens the file, and finds out by writing one block whether and how O_DIRECT works. Throws FileError.
  explicit FileTier(const TierOptions& options);
  ~FileTier();
  FileTier(const FileTier&) = delete;
  FileTier& operator=(const FileTier&) = delete;

  /// The place's offset, or nullopt with the reason.
  std::optional<std::size_t> reserve(std::size_t bytes, std::string& refusal);
  void free(std::size_t offset, std::size_t bytes);
  /// Takes room on the disk for `bytes` bytes of places in one piece; false, with the reason, when there is none.
  bool prepare(std::size_t bytes, std::string& refusal);

  /// The whole of `bytes`, or an error. `offset` is a multiple of block_bytes(), and a place ends at or behind the block that
  /// offset + bytes lies in. Memory that O_DIRECT cannot take, and the last part of a block, go through `bounce`.
  TransferError write(std::size_t offset, const char* from, std::size_t bytes, Bounce& bounce);
  TransferError read(std::size_t offset, char* to, std::size_t bytes, Bounce& bounce);

  bool is_direct() const { return direct_; }
  std::size_t block_bytes() const { return block_; }
  std::size_t limit() const { return limit_; }
  std::size_t length() const;
  std::size_t in_use() const;
  /// One line: where it is, on which file system, O_DIRECT or why not, limit and length.
  std::string description() const;

 private:
  void open(const std::string& path);
  void open_nameless(const std::string& folder, const std::string& path);
  void find_limit(const TierOptions& options);
  void try_direct();
  bool grow(std::size_t need, std::string& refusal);
  std::size_t whole_blocks(std::size_t bytes) const { return (bytes + block_ - 1) / block_ * block_; }
  TransferError move(bool out, std::size_t offset, char* memory, std::size_t bytes, Bounce& bounce);
  TransferError move_aligned(bool out, std::size_t offset, char* memory, std::size_t bytes);
  TransferError failed(bool out, int error, std::size_t offset, std::size_t bytes);
  bool is_shortened(off_t actual) const;
  TransferError shortened(off_t actual) const;
  TransferError close_after(TransferError error);
  void close_for(const std::string& reason);  // nothing new is put there; locked

  FileCalls& calls_;
  int file_ = -1;
  std::string place_, system_, direct_note_, limit_note_;
  bool direct_ = false, preallocates_ = true;
  std::size_t block_ = 4096, memory_alignment_ = 1, limit_ = 0;
  std::atomic<std::size_t> length_{0};  // that the file must have
  mutable std::mutex mutex_;            // of what follows
  Extents extents_;
  std::string why_closed_;
};

}  // namespace tasuki::memory
