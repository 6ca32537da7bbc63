#pragma once
#include <cstddef>
#include <string>

namespace tasuki {

/// A regular file that is open for reading. Whatever stands in the way is a FileError that names the file and tells what to do.
class ReadableFile {
 public:
  explicit ReadableFile(std::string path);
  ~ReadableFile();
  ReadableFile(const ReadableFile&) = delete;
  ReadableFile& operator=(const ReadableFile&) = delete;
  int descriptor() const { return descriptor_; }
  std::size_t size() const { return size_; }
  [[noreturn]] void fail(int error) const;

 private:
  std::string path_;
  int descriptor_ = -1;
  std::size_t size_ = 0;
};

}  // namespace tasuki
