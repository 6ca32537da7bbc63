#include <sys/statvfs.h>
#include <sys/vfs.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "src/io/atomic_file.hpp"
#include "src/memory/byte_text.hpp"
#include "src/memory/file_tier.hpp"
#include "tasuki/core/error.hpp"

namespace tasuki::memory {

namespace {

constexpr const char* default_folder = "/var/tmp";
constexpr std::size_t smallest_reserve = std::size_t{1} << 30;  // of the free space, left for others

/// Linux's numbers for them; glibc names only some.
const char* name_of_file_system(long type) {
  switch (static_cast<unsigned long>(type) & 0xffffffffu) {
    case 0x0000ef53u: return "ext4";
    case 0x58465342u: return "xfs";
    case 0x9123683eu: return "btrfs";
    case 0xf2f52010u: return "f2fs";
    case 0x2fc12fc1u: return "zfs";
    case 0x01021994u: return "tmpfs";
    case 0x858458f6u: return "ramfs";
    case 0x794c7630u: return "overlayfs";
    case 0x00006969u: return "nfs";
    case 0x0bd00bd0u: return "lustre";
    case 0x47504653u: return "gpfs";
    case 0x65735546u: return "fuse";
    case 0x01021997u: return "9p";
    default: return "a file system of unknown kind";
  }
}

[[noreturn]] void cannot_open(const std::string& path, const std::string& reason) {
  throw FileError(tasuki::detail::concat({"cannot swap to ", path, ": ", reason}));
}

}  // namespace

FileTier::FileTier(const TierOptions& options) : calls_(*options.calls) {
  try {
    open(options.file);
    find_limit(options);
    if (options.direct) try_direct();
    else direct_note_ = "switched off";
  } catch (...) {
    if (file_ >= 0) ::close(file_);
    throw;
  }
}

/// Each process uses only an inode that it made itself, and unlinks it at once, so that several may name the same file: at worst one
/// unlinks the name that another one is about to.
void FileTier::open(const std::string& path) {
  if (path.find('\0') != std::string::npos) cannot_open("a file", "its name contains a zero byte");
  if (path.empty()) return open_nameless(default_folder, default_folder);
  struct stat status;
  for (int attempt = 0; attempt < 100; ++attempt) {
    file_ = calls_.open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file_ >= 0) {
      ::unlink(path.c_str());
      place_ = path;
      return;
    }
    const int error = errno;
    if (error != EEXIST) {
      if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return open_nameless(path, path);
      cannot_open(path, describe_system_error(error));
    }
    if (::lstat(path.c_str(), &status) != 0) continue;  // its maker has unlinked it
    if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) return open_nameless(path, path);
    if (!S_ISREG(status.st_mode)) cannot_open(path, "it is neither a regular file nor a folder\nname a file that is not there yet, or a folder");
    if (status.st_size != 0)
      cannot_open(path, "it is there already and holds " + byte_text(static_cast<std::size_t>(status.st_size)) + " that would be lost\nremove it if nobody needs it, or name a file that is not there yet");
    ::unlink(path.c_str());
  }
  cannot_open(path, "others make and remove it all the time\nname another file");
}

void FileTier::open_nameless(const std::string& folder, const std::string& path) {
  file_ = calls_.open(folder.c_str(), O_RDWR | O_TMPFILE | O_EXCL | O_CLOEXEC, 0600);
  if (file_ < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {  // not every file system has them
    std::string name = folder + "/tasuki-XXXXXX";
    file_ = ::mkostemp(name.data(), O_CLOEXEC);
    if (file_ >= 0) ::unlink(name.c_str());
  }
  if (file_ < 0) cannot_open(path, describe_system_error(errno));
  place_ = "a nameless file in " + folder;
}

void FileTier::find_limit(const TierOptions& options) {
  struct statfs kind;
  system_ = ::fstatfs(file_, &kind) == 0 ? name_of_file_system(kind.f_type) : "an unknown file system";
  if (options.file_bytes) {
    limit_ = *options.file_bytes;
    limit_note_ = "as stated";
    return;
  }
  struct statvfs room;
  if (::fstatvfs(file_, &room) != 0) cannot_open(place_, describe_system_error(errno));
  const std::size_t free = static_cast<std::size_t>(room.f_bavail) * room.f_frsize;
  const std::size_t reserve = std::min(free, std::max(smallest_reserve, free / 20));
  limit_ = free - reserve;
  limit_note_ = byte_text(free) + " are free, " + byte_text(reserve) + " are left for others";
}

/// Which sizes of blocks and alignments of memory work is found by trying: the kernel refuses others before it moves anything.
void FileTier::try_direct() {
  const int flags = ::fcntl(file_, F_GETFL);
  if (::fcntl(file_, F_SETFL, flags | O_DIRECT) != 0) {
    direct_note_ = "the file system does not have it";
    return;
  }
  constexpr std::size_t largest = 65536;
  const Bounce scratch(2 * largest);
  std::memset(scratch.data(), 0, scratch.bytes());
  int error = 0;
  for (std::size_t block = 4096; block <= largest && !direct_ && (error == 0 || error == EINVAL); block *= 4)
    for (const std::size_t alignment : {std::size_t{64}, std::size_t{512}, block}) {
      const ssize_t written = calls_.write(file_, scratch.data() + alignment, block, 0);
      error = written < 0 ? errno : 0;
      if (written != static_cast<ssize_t>(block) || calls_.read(file_, scratch.data() + alignment, block, 0) != written) continue;
      block_ = block;
      memory_alignment_ = alignment;
      direct_ = true;
      break;
    }
  (void)calls_.truncate(file_, 0);
  if (!direct_) {
    ::fcntl(file_, F_SETFL, flags);
    direct_note_ = error ? std::strerror(error) : "a block did not come back";
  }
}

std::string FileTier::description() const {
  const std::lock_guard lock(mutex_);
  std::string text = tasuki::detail::concat({place_, " (", system_, direct_ ? ", O_DIRECT" : ", without O_DIRECT: ", direct_note_, "), ", byte_text(extents_.in_use()), " in use of ",
                                     byte_text(extents_.size()), " taken and ", byte_text(limit_), " allowed (", limit_note_, ")"});
  if (system_ == "tmpfs" || system_ == "ramfs") text += "; its bytes are memory and count against the control group: name a file on a disk instead";
  else if (!direct_) text += "; what it holds also fills the page cache, which counts as memory";
  if (!preallocates_) text += "; the file system cannot take room ahead, so that a full disk is met only when writing";
  if (!why_closed_.empty()) text += "; " + why_closed_;
  return text;
}

}  // namespace tasuki::memory
