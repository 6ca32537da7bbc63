#pragma once
#include <cstdint>
#include <cstring>

#if defined(__linux__)
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace tasuki::benchmark {

/// Instructions that this thread retires in user mode, where the system lets a program count them. Unlike times, they repeat.
class InstructionCounter {
 public:
  InstructionCounter() {
#if defined(__linux__)
    perf_event_attr attributes;
    std::memset(&attributes, 0, sizeof attributes);
    attributes.size = sizeof attributes;
    attributes.type = PERF_TYPE_HARDWARE;
    attributes.config = PERF_COUNT_HW_INSTRUCTIONS;
    attributes.exclude_kernel = 1;
    attributes.exclude_hv = 1;
    file_ = static_cast<int>(syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0));
#endif
  }
  ~InstructionCounter() {
#if defined(__linux__)
    if (file_ >= 0) close(file_);
#endif
  }
  InstructionCounter(const InstructionCounter&) = delete;
  InstructionCounter& operator=(const InstructionCounter&) = delete;
  bool available() const { return file_ >= 0; }
  double read() const {
    std::uint64_t count = 0;
#if defined(__linux__)
    if (file_ >= 0 && ::read(file_, &count, sizeof count) != sizeof count) return 0;
#endif
    return static_cast<double>(count);
  }

 private:
  int file_ = -1;
};

}  // namespace tasuki::benchmark
