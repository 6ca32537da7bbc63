#include "src/io/atomic_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "tasuki/core/error.hpp"

namespace tasuki {

namespace {

/// Writes of more than 2 GiB are cut by Linux anyway; smaller ones can be interrupted sooner.
constexpr std::size_t largest_write = std::size_t{1} << 30;

std::string unique_suffix() {
  static unsigned counter = 0;
  return ".tmp-" + std::to_string(::getpid()) + "-" + std::to_string(__atomic_fetch_add(&counter, 1u, __ATOMIC_RELAXED));
}

}  // namespace

std::string describe_system_error(int error) {
  std::string text = std::strerror(error);
  switch (error) {
    case ENOENT: return text + "\nis the name right, and does its directory exist?";
    case EACCES:
    case EPERM: return text + "\nthis user may not; check the permissions of the file and of its directory";
    case ENOSPC:
    case EDQUOT: return text + "\nfree some space, or choose another disk";
    case EFBIG: return text + "\nthe limit on the size of files (ulimit -f) or of the file system was reached";
    case EROFS: return text + "\nchoose a directory on a file system that can be written";
    default: return text;
  }
}

AtomicFile::AtomicFile(std::string_view path) : path_(path), target_(path) {
  if (path_.empty()) TASUKI_THROW(FileError, "cannot write a file without a name");
  if (path_.find('\0') != std::string::npos) TASUKI_THROW(FileError, "cannot write a file whose name contains a zero byte");
  // a link is followed, so that the file it names is replaced and not the link
  if (char* real = ::realpath(path_.c_str(), nullptr)) {
    target_ = real;
    std::free(real);
  }
  mode_t mode = 0;
  struct stat status;
  if (::stat(target_.c_str(), &status) == 0) {
    if (!S_ISREG(status.st_mode))
      TASUKI_THROW(FileError, "cannot write ", path_, "\nexpected  a regular file, or nothing yet\nactual    ", S_ISDIR(status.st_mode) ? "a directory" : "a device or pipe");
    mode = status.st_mode & 07777;
  }
  const auto slash = target_.find_last_of('/');
  directory_ = slash == std::string::npos ? "." : slash == 0 ? "/" : target_.substr(0, slash);
  aside_ = target_ + unique_suffix();
  descriptor_ = ::open(aside_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor_ < 0) {
    const int error = errno;
    aside_.clear();
    fail("create a file beside it", error);
  }
  if (mode != 0) (void)::fchmod(descriptor_, mode);  // best effort: the new file keeps the old one's permissions
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!aside_.empty()) ::unlink(aside_.c_str());
}

void AtomicFile::fail(const char* step, int error) const {
  throw FileError(detail::concat({"cannot write ", path_, ": failed to ", step, written_ ? " after " + std::to_string(written_) + " bytes" : std::string(), "\n",
                                  describe_system_error(error)}));
}

void AtomicFile::write(const void* data, std::size_t bytes) {
  const char* from = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t count = ::write(descriptor_, from, std::min(bytes, largest_write));
    if (count < 0) {
      if (errno == EINTR) continue;
      fail("write", errno);
    }
    from += count;
    bytes -= static_cast<std::size_t>(count);
    written_ += static_cast<std::size_t>(count);
  }
}

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0) fail("flush", errno);
  const int descriptor = descriptor_;
  descriptor_ = -1;
  if (::close(descriptor) != 0) fail("close", errno);
  if (::rename(aside_.c_str(), target_.c_str()) != 0) fail("rename the finished file", errno);
  aside_.clear();
  // The rename itself survives a power failure only once the directory is on the disk. Some file systems cannot flush one.
  const int directory = ::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory >= 0) {
    const int result = ::fsync(directory);
    const int error = errno;
    ::close(directory);
    if (result != 0 && error != EINVAL && error != ENOTSUP) fail("flush the directory", error);
  }
}

}  // namespace tasuki
