#pragma once
#include <algorithm>
#include <cerrno>
#include <functional>
#include <map>
#include <mutex>
#include <utility>

#include "src/memory/file_calls.hpp"

/// The system's calls, except that the n-th of a kind from now on (0 is the next) can be made to do something else.
class FaultyCalls final : public tasuki::memory::FileCalls {
 public:
  enum Call { opening, reading, writing, preallocating, truncating };

  /// Returns -1 with this errno, `times` times in a row.
  void fail(Call call, int nth, int error, int times = 1) {
    const std::lock_guard lock(mutex_);
    for (int i = 0; i < times; ++i) faults_[{call, made_[call] + nth + i}].error = error;
  }
  /// Moves at most `bytes` bytes, and says so.
  void cut(Call call, int nth, std::size_t bytes, int times = 1) {
    const std::lock_guard lock(mutex_);
    for (int i = 0; i < times; ++i) faults_[{call, made_[call] + nth + i}].most = bytes;
  }
  /// Something happens to the file just before it.
  void before(Call call, int nth, std::function<void(int file)> action) {
    const std::lock_guard lock(mutex_);
    faults_[{call, made_[call] + nth}].action = std::move(action);
  }
  int made(Call call) {
    const std::lock_guard lock(mutex_);
    return made_[call];
  }
  int file() const { return file_; }

  int open(const char* path, int flags, mode_t mode) override {
    const Fault fault = next(opening);
    if (fault.error) return refuse(fault);
    return file_ = FileCalls::open(path, flags, mode);
  }
  ssize_t read(int file, void* to, std::size_t bytes, off_t offset) override {
    const Fault fault = next(reading, file);
    if (fault.error) return refuse(fault);
    return cut_to(fault, FileCalls::read(file, to, bytes, offset));
  }
  ssize_t write(int file, const void* from, std::size_t bytes, off_t offset) override {
    const Fault fault = next(writing, file);
    if (fault.error) return refuse(fault);
    return cut_to(fault, FileCalls::write(file, from, bytes, offset));
  }
  int preallocate(int file, off_t offset, off_t bytes) override {
    const Fault fault = next(preallocating, file);
    return fault.error ? refuse(fault) : FileCalls::preallocate(file, offset, bytes);
  }
  int truncate(int file, off_t bytes) override {
    const Fault fault = next(truncating, file);
    return fault.error ? refuse(fault) : FileCalls::truncate(file, bytes);
  }

 private:
  struct Fault {
    int error = 0;
    std::size_t most = ~std::size_t{0};
    std::function<void(int)> action;
  };
  static int refuse(const Fault& fault) {
    errno = fault.error;
    return -1;
  }
  /// A cut call moves whole blocks, as O_DIRECT must, and claims less.
  static ssize_t cut_to(const Fault& fault, ssize_t count) {
    return count < 0 ? count : static_cast<ssize_t>(std::min(static_cast<std::size_t>(count), fault.most));
  }
  Fault next(Call call, int file = -1) {
    Fault fault;
    {
      const std::lock_guard lock(mutex_);
      const auto found = faults_.find({call, made_[call]++});
      if (found == faults_.end()) return fault;
      fault = found->second;
    }
    if (fault.action) fault.action(file);
    return fault;
  }

  std::mutex mutex_;
  std::map<std::pair<Call, int>, Fault> faults_;
  std::map<Call, int> made_;
  int file_ = -1;
};
