#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "tasuki/core/intrusive.hpp"
#include "tasuki/memory/tier.hpp"
#include "tasuki/runtime/runtime.hpp"

/// How a storage's bytes leave its device and come back. A Home is a place for the bytes of one storage in a lower tier: a part of
/// a host slab, or of the file. It keeps its copy until it is freed or written again, so a clean storage leaves for free.
///
///     TransferEngine tiers(runtime, {.host_bytes = 64_GiB});
///     Home* home = tiers.reserve(bytes, Tier::host, "relu");           // nullptr: no tier has room, tiers.refusal() says why
///     Transfer out = tiers.start_out(*home, data, runtime.record_event(0));
///     if (auto failed = tiers.order(out, 0)) keep(failed.text);         // else work queued on 0 from here on may reuse the source
///     ...
///     Transfer in = tiers.start_in(*home, data, runtime.record_event(0));
///     if (auto failed = tiers.order(in, 0)) failed.raise();             // else work queued on 0 from here on sees the bytes
///     tiers.free(home);
///
/// On an asynchronous device, bytes go to and from host slabs by copies on the streams below, ordered by events alone. Files are
/// read and written by the engine's own threads; on the CPU these are all there is. Arrivals go before departures, and a transfer
/// that somebody waits for before both; large ones are cut into chunks, so that an urgent one waits for at most a chunk a thread.
///
/// The engine is for one host thread at a time. Its threads call copy_async, record_event, wait_event and has_happened of an
/// asynchronous runtime while that thread does.
namespace tasuki::memory {

inline constexpr StreamId out_stream = 1, in_stream = 2;

/// Why bytes could not be moved or placed: a value, because it is found out on a thread that nobody can catch from.
struct TransferError {
  enum class Kind : std::uint8_t {
    none,
    no_room,       ///< no space on the disk, or its quota or limit reached
    input_output,  ///< the disk failed, or refused
    truncated,     ///< somebody shortened the file
    corrupted,     ///< the checksum of what arrived differs from that of what left
  };
  Kind kind = Kind::none;
  std::string text;  ///< what happened, what it means, and what to do
  explicit operator bool() const { return kind != Kind::none; }
  /// Throws it: InternalError for `corrupted`, else FileError.
  [[noreturn]] void raise() const;
};

class FileCalls;
class Home;
struct TransferState;

/// A transfer under way or over; cheap to copy. A default one is over and went well.
class Transfer {
 public:
  Transfer();
  ~Transfer();
  Transfer(const Transfer&);
  Transfer& operator=(Transfer) noexcept;
  explicit operator bool() const { return static_cast<bool>(state_); }

 private:
  friend class TransferEngine;
  explicit Transfer(intrusive_ptr<TransferState> state);
  intrusive_ptr<TransferState> state_;
};

struct TierOptions {
  /// Bytes that host slabs may take together; by default what the control group and the system have available. 0: no host tier.
  std::optional<std::size_t> host_bytes = std::nullopt;
  /// A file to make, or a folder to make a nameless one in; empty: a nameless one under /var/tmp. Whatever its name, it is unlinked
  /// as soon as it is open: nothing is left behind, and several processes may name the same.
  std::string file = {};
  /// Bytes that the file may take; by default the free space less a reserve for others. 0: no file tier.
  std::optional<std::size_t> file_bytes = std::nullopt;
  bool direct = true;                                     ///< O_DIRECT where the file system has it
  int threads = 2;                                        ///< that read and write the file
  std::size_t chunk_bytes = std::size_t{16} << 20;        ///< largest single read or write
  bool checksums = false;                                 ///< of each storage on leaving and on arriving; costs host synchronization
  FileCalls* calls = nullptr;                             ///< replaces the system's, for tests
};

/// What the engine has done, and what it holds now.
struct TierStats {
  std::size_t host_limit = 0, host_reserved = 0, host_in_use = 0, host_peak_in_use = 0;  ///< bytes; reserved: obtained from the system
  std::size_t file_limit = 0, file_size = 0, file_in_use = 0;  ///< 0 until the file is open; prepare opens it
  std::uint64_t host_out_bytes = 0, host_in_bytes = 0, file_out_bytes = 0, file_in_bytes = 0;
  double file_out_seconds = 0, file_in_seconds = 0;  ///< during which a thread wrote, or read
  double file_compute_seconds = 0;                       ///< that these threads computed, or the system for them
  std::uint64_t transfers = 0, failures = 0;
  std::uint64_t host_allocations = 0;  ///< of slabs, from the system
  std::uint64_t host_waits = 0;        ///< calls that had to block the host thread
  double waited_seconds = 0;           ///< by those
};

class TransferEngine {
 public:
  /// Throws FileError when `options.file` names something that cannot be used. The nameless default is opened when it is first
  /// needed, and doing without it is no error.
  explicit TransferEngine(DeviceRuntime& runtime, TierOptions options = {});
  /// Waits for what is under way. Homes that were not freed go with it.
  ~TransferEngine();
  TransferEngine(const TransferEngine&) = delete;
  TransferEngine& operator=(const TransferEngine&) = delete;

  /// A place for `bytes` bytes in the wanted tier, which is not the device, or in the next one that has room: host, then file. `name` (a literal, or anything
  /// that outlives the home) is for error texts. nullptr when none has room. The CPU has no host tier beside its own memory.
  Home* reserve(std::size_t bytes, Tier wanted, const char* name = nullptr);
  /// Why the last reserve got nullptr, or a lower tier than it wanted; empty when it got what it wanted.
  const std::string& refusal() const;
  /// Gives the place back; transfers under way end first, without blocking the caller. nullptr is nothing.
  void free(Home* home);

  /// Copies the whole of a home from, or to, device memory, after `after` has happened. The other end must stay as it is until the
  /// transfer is over, or ordered. A home may be asked for before it is full: the engine orders its transfers.
  Transfer start_out(Home& home, const void* from, Event after = {});
  Transfer start_in(Home& home, void* to, Event after = {});

  /// Whether both ends are free again; never blocks. What went wrong, if anything, wait() tells.
  bool finished(const Transfer& transfer);
  /// Blocks the host until the transfer is over. After a failed departure the source is intact and the home holds nothing; after
  /// a failed arrival the destination holds anything, and the home what it held.
  TransferError wait(const Transfer& transfer);
  /// Work that is queued on `stream` from here on starts after the transfer. Between an asynchronous device and a host slab this
  /// never blocks; where the file takes part it may (counted in stats().host_waits). Then the same as wait().
  TransferError order(const Transfer& transfer, StreamId stream);
  /// Gives up what has not started; the rest is ordered before later work on `stream`, as order() does. Then nothing of the transfer
  /// touches either end, and the home may hold nothing.
  void cancel(const Transfer& transfer, StreamId stream = 0);

  /// Makes room ahead, in host slabs or in the file: afterwards `bytes` bytes of homes in that tier, in whatever sizes and order, need
  /// nothing from the system as far as fragments allow. Host slabs that hold nothing and are not part of it go back. False, with
  /// the reason in refusal(), when there is no such room.
  bool prepare(Tier tier, std::size_t bytes);
  /// Gives host slabs that hold nothing back to the system; returns how many bytes.
  std::size_t release_unused();

  const TierOptions& options() const;
  TierStats stats() const;
  /// What the tiers are: sizes, limits and where these come from, the file's place and whether O_DIRECT works there; a line each.
  std::string report() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// One place in a lower tier, made by TransferEngine::reserve.
class Home {
 public:
  /// Where the bytes are, or will be. A departure to the file that fails when its bytes have reached host memory stays there.
  Tier tier() const { return tier_.load(std::memory_order_acquire); }
  std::size_t bytes() const { return bytes_; }
  /// Whether a departure into it went through, or is under way and has not failed.
  bool holds_copy() const { return holds_copy_.load(std::memory_order_acquire); }

 protected:
  Home() = default;
  ~Home() = default;
  std::atomic<Tier> tier_{};
  std::size_t bytes_ = 0;
  std::atomic<bool> holds_copy_{false};
};

}  // namespace tasuki::memory
