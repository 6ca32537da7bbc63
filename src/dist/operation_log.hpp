#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

namespace tasuki::dist {

/// The last 256 operations of this process. Whoever finds out that something is wrong reads it, a signal handler too, so that all of
/// it is atomic and nothing is allocated.
class OperationLog {
 public:
  static constexpr std::size_t remembered = 256;
  struct Entry {
    std::uint64_t number = 0;          ///< from 1 on; 0: none
    const char* what = "nothing";      ///< a literal
    std::uint64_t bytes = 0;
    std::int64_t step = 0;             ///< of the optimizer when it was issued
    double issued = 0, begun = 0, ended = 0;  ///< seconds since the log was made; 0: not yet
  };

  OperationLog();
  /// One thread at a time.
  std::uint64_t issue(const char* what, std::uint64_t bytes);
  void begin(std::uint64_t number) noexcept { at(number).begun.store(seconds(), std::memory_order_relaxed); }
  void end(std::uint64_t number) noexcept { at(number).ended.store(seconds(), std::memory_order_relaxed); }

  Entry last() const noexcept;
  /// "\n  16 barrier of 0 bytes": the last few, one a line.
  std::string recent(std::size_t count) const;
  /// All, one a line, into a file that is open; safe in a signal handler.
  void write(int descriptor) const noexcept;

 private:
  struct Slot {
    std::atomic<std::uint64_t> number{0}, bytes{0};
    std::atomic<const char*> what{"nothing"};
    std::atomic<std::int64_t> step{0};
    std::atomic<double> issued{0}, begun{0}, ended{0};
  };
  Slot& at(std::uint64_t number) { return slots_[number % remembered]; }
  Entry entry(std::uint64_t number) const noexcept;
  double seconds() const noexcept;

  std::array<Slot, remembered> slots_;
  std::atomic<std::uint64_t> issued_{0};
  double start_;
};

}  // namespace tasuki::dist
