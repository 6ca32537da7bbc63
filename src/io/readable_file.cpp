#include "src/io/readable_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "src/io/atomic_file.hpp"
#include "tasuki/core/error.hpp"

namespace tasuki {

ReadableFile::ReadableFile(std::string path) : path_(std::move(path)) {
  if (path_.find('\0') != std::string::npos) TASUKI_THROW(FileError, "cannot read a file whose name contains a zero byte");
  descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) fail(errno);
  try {
    struct stat status;
    if (::fstat(descriptor_, &status) != 0) fail(errno);
    if (!S_ISREG(status.st_mode))
      TASUKI_THROW(FileError, "cannot read ", path_, "\nexpected  a regular file\nactual    ", S_ISDIR(status.st_mode) ? "a directory" : "a device or pipe");
    size_ = static_cast<std::size_t>(status.st_size);
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

ReadableFile::~ReadableFile() { ::close(descriptor_); }

void ReadableFile::fail(int error) const { TASUKI_THROW(FileError, "cannot read ", path_, "\n", describe_system_error(error)); }

}  // namespace tasuki
