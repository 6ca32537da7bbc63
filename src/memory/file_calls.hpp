#pragma once
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>

namespace tasuki::memory {

/// The system calls of the file tier, so that a test can make any of them fail. Results and errno as the system's own.
class FileCalls {
 public:
  virtual ~FileCalls() = default;
  virtual int open(const char* path, int flags, mode_t mode) { return ::open(path, flags, mode); }
  virtual ssize_t read(int file, void* to, std::size_t bytes, off_t offset) { return ::pread(file, to, bytes, offset); }
  virtual ssize_t write(int file, const void* from, std::size_t bytes, off_t offset) { return ::pwrite(file, from, bytes, offset); }
  /// Takes room on the disk for a part that may lie behind the end, and moves the end there.
  virtual int preallocate(int file, off_t offset, off_t bytes) { return ::fallocate(file, 0, offset, bytes); }
  virtual int truncate(int file, off_t bytes) { return ::ftruncate(file, bytes); }
  /// The file's length, or -1.
  virtual off_t length(int file) {
    struct stat status;
    return ::fstat(file, &status) == 0 ? status.st_size : -1;
  }
};

}  // namespace tasuki::memory
