#include "src/dist/mpi/shared_region.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "src/io/atomic_file.hpp"
#include "tasuki/dist/communicator.hpp"

namespace tasuki::dist {

/// A file without a name: it goes with the last process that maps it, however that ends.
SharedRegion::SharedRegion(void* begin, std::size_t bytes) : begin_(static_cast<char*>(begin)), bytes_(bytes), file_(begin ? ::memfd_create("tasuki", MFD_CLOEXEC) : -1) {
  if (file_ >= 0 && ::ftruncate(file_, static_cast<off_t>(bytes)) != 0) {
    ::close(file_);
    file_ = -1;
  }
}

SharedRegion::~SharedRegion() { unmap(); }

SharedRegion::SharedRegion(SharedRegion&& other) noexcept
    : begin_(other.begin_), bytes_(other.bytes_), file_(std::exchange(other.file_, -1)), peers_(std::exchange(other.peers_, {})) {}

SharedRegion& SharedRegion::operator=(SharedRegion&& other) noexcept {
  std::swap(begin_, other.begin_);
  std::swap(bytes_, other.bytes_);
  std::swap(file_, other.file_);
  std::swap(peers_, other.peers_);
  return *this;
}

void SharedRegion::unmap() noexcept {
  for (char* peer : peers_)
    if (peer && peer != begin_) ::munmap(peer, bytes_);
  if (file_ >= 0) ::close(file_);
}

SharedRegion::Offer SharedRegion::offer() const { return {::getpid(), file_}; }

bool SharedRegion::reach(const std::vector<Offer>& offers, int rank) {
  peers_.assign(offers.size(), nullptr);
  peers_[static_cast<std::size_t>(rank)] = begin_;
  for (std::size_t peer = 0; peer < offers.size(); ++peer) {
    if (offers[peer].file < 0) return false;
    if (peers_[peer]) continue;
    const std::string path = "/proc/" + std::to_string(offers[peer].process) + "/fd/" + std::to_string(offers[peer].file);
    const int file = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (file < 0) return false;
    void* const pages = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    ::close(file);
    if (pages == MAP_FAILED) return false;
    peers_[peer] = static_cast<char*>(pages);
  }
  return true;
}

void SharedRegion::move_in() {
  void* const pages = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
  if (pages != MAP_FAILED) {
    std::memcpy(pages, begin_, bytes_);
    ::munmap(pages, bytes_);
  }
  if (pages == MAP_FAILED || ::mmap(begin_, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file_, 0) == MAP_FAILED)
    TASUKI_THROW(DistributedError, "cannot share ", bytes_, " bytes with the other processes of this host\n", describe_system_error(errno));
  ::close(std::exchange(file_, -1));
}

bool SharedRegion::contains(const void* data, std::size_t bytes) const {
  const char* const at = static_cast<const char*>(data);
  return at >= begin_ && bytes <= bytes_ && at <= begin_ + (bytes_ - bytes);
}

}  // namespace tasuki::dist
