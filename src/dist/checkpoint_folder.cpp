#include "src/dist/checkpoint_folder.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "src/io/atomic_file.hpp"
#include "src/io/readable_file.hpp"
#include "tasuki/core/error.hpp"

namespace tasuki::dist {

namespace {

namespace fs = std::filesystem;

constexpr const char* prefix = "step-";

[[noreturn]] void fail(const char* what, const std::string& path, int error) { TASUKI_THROW(FileError, "cannot ", what, " ", path, "\n", describe_system_error(error)); }

/// A name is on the disk only when its folder is. Some file systems cannot flush one.
void flush_folder(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) fail("open", path, errno);
  const int result = ::fsync(descriptor), error = errno;
  ::close(descriptor);
  if (result != 0 && error != EINVAL && error != ENOTSUP) fail("flush", path, error);
}

std::string name_of_step(std::int64_t step) {
  char text[40];
  std::snprintf(text, sizeof text, "%s%012lld", prefix, static_cast<long long>(step));
  return text;
}

bool is_hidden_rest(const std::string& name) { return name.rfind("." + std::string(prefix), 0) == 0; }

}  // namespace

std::string CheckpointFolder::place_of(std::int64_t step) const { return path_ + "/" + name_of_step(step); }
std::string CheckpointFolder::draft_of(std::int64_t step) const { return path_ + "/." + name_of_step(step) + ".writing"; }

void CheckpointFolder::begin_draft(std::int64_t step) const {
  std::error_code error;
  fs::create_directories(path_, error);
  if (error) fail("make the folder", path_, error.value());
  std::vector<fs::path> rests;
  for (const auto& entry : fs::directory_iterator(path_, error))
    if (is_hidden_rest(entry.path().filename())) rests.push_back(entry.path());
  for (const fs::path& rest : rests) fs::remove_all(rest, error);
  fs::create_directory(draft_of(step), error);
  if (error) fail("make the folder", draft_of(step), error.value());
}

void CheckpointFolder::publish(std::int64_t step) const {
  const std::string draft = draft_of(step), place = place_of(step);
  flush_folder(draft);
  // One of the same step is swapped with the new one, so that there is one at every instant.
  if (::rename(draft.c_str(), place.c_str()) != 0) {
    if (errno != ENOTEMPTY && errno != EEXIST) fail("rename the finished checkpoint to", place, errno);
    if (::renameat2(AT_FDCWD, draft.c_str(), AT_FDCWD, place.c_str(), RENAME_EXCHANGE) != 0) {
      const std::string old = draft + ".old";  // a file system that cannot swap
      if (::rename(place.c_str(), old.c_str()) != 0) fail("rename", place, errno);
      if (::rename(draft.c_str(), place.c_str()) != 0) fail("rename the finished checkpoint to", place, errno);
    }
  }
  flush_folder(path_);
  std::error_code ignored;
  fs::remove_all(draft, ignored);
  fs::remove_all(draft + ".old", ignored);
}

void CheckpointFolder::discard_draft(std::int64_t step) const noexcept {
  std::error_code ignored;
  fs::remove_all(draft_of(step), ignored);
}

std::vector<std::string> CheckpointFolder::list() const {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(path_, error)) {
    const std::string name = entry.path().filename();
    if (name.rfind(prefix, 0) == 0 && fs::exists(manifest_path(entry.path()), error)) found.push_back(path_ + "/" + name);
  }
  // steps have as many digits, or more and are larger
  std::sort(found.begin(), found.end(), [](const std::string& a, const std::string& b) { return a.size() != b.size() ? a.size() < b.size() : a < b; });
  return found;
}

void CheckpointFolder::keep_newest(int count) const {
  const std::vector<std::string> all = list();
  for (std::size_t i = 0; i + static_cast<std::size_t>(count) < all.size(); ++i) remove(all[i]);
}

void CheckpointFolder::remove(const std::string& checkpoint) const {
  const std::string hidden = path_ + "/." + checkpoint.substr(checkpoint.rfind('/') + 1) + ".removing";
  std::error_code ignored;
  fs::remove_all(hidden, ignored);
  if (::rename(checkpoint.c_str(), hidden.c_str()) == 0) fs::remove_all(hidden, ignored);
}

Manifest read_manifest(const std::string& checkpoint) {
  const std::string path = manifest_path(checkpoint);
  const ReadableFile exists(path);  // names what stands in the way
  std::ifstream in(path, std::ios::binary);
  return Manifest::parse({std::istreambuf_iterator<char>(in), {}}, path);
}

Manifest::Shard describe_shard(const std::string& folder, const std::string& file) {
  const ReadableFile in(folder + "/" + file);
  Manifest::Shard shard{file, 0, 0};
  std::vector<unsigned char> block(std::size_t{1} << 20);
  for (;;) {
    const ssize_t count = ::read(in.descriptor(), block.data(), block.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) in.fail(errno);
    if (count == 0) return shard;
    shard.bytes += static_cast<std::uint64_t>(count);
    shard.crc32 = static_cast<std::uint32_t>(::crc32(shard.crc32, block.data(), static_cast<uInt>(count)));
  }
}

std::string problems_of(const std::string& checkpoint, const Manifest& manifest, int rank, int size) {
  for (std::size_t i = 0; i < manifest.shards.size(); ++i) {
    const Manifest::Shard& shard = manifest.shards[i];
    std::error_code error;
    const std::uintmax_t bytes = fs::file_size(checkpoint + "/" + shard.file, error);
    if (error) return detail::concat({checkpoint, " is not complete: ", shard.file, ", shard ", i, " of ", manifest.shards.size(), ", is missing"});
    if (bytes != shard.bytes)
      return detail::concat({checkpoint, " is not complete: ", shard.file, " has ", bytes, " bytes, and ", shard.bytes, " were written"});
    if (static_cast<int>(i % static_cast<std::size_t>(size)) == rank && describe_shard(checkpoint, shard.file).crc32 != shard.crc32)
      return detail::concat({checkpoint, " is damaged: the checksum of ", shard.file, " is not that of what was written"});
  }
  return {};
}

}  // namespace tasuki::dist
