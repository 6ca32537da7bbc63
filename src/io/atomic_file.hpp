#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace tasuki {

/// A file that appears whole or not at all: written aside in the same directory, flushed to the disk, then renamed over `path`.
/// Without commit() (or when that throws) what was at `path` stays, and the part that was written is removed.
class AtomicFile {
 public:
  /// Throws FileError when the directory is not there or may not be written, or `path` is something other than a regular file.
  explicit AtomicFile(std::string_view path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Throws FileError when not all bytes can be written, such as on a full disk.
  void write(const void* data, std::size_t bytes);
  void commit();

 private:
  [[noreturn]] void fail(const char* step, int error) const;
  std::string path_, target_, directory_, aside_;
  int descriptor_ = -1;
  std::size_t written_ = 0;
};

/// "No such file or directory", with a hint on what to do for the common causes.
std::string describe_system_error(int error);

}  // namespace tasuki
