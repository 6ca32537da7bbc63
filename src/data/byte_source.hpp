#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

struct z_stream_s;

namespace tasuki::data {

/// The whole of a regular file. Throws FileError.
std::vector<unsigned char> read_file(std::string_view path);

/// A run of bytes in memory, unpacked on the way when it begins as gzip does (several members follow one another, as zcat reads
/// them). Throws FileError when the packed bytes are damaged or cut off.
class ByteSource {
 public:
  ByteSource(const unsigned char* bytes, std::size_t size, std::string_view path);
  ~ByteSource();
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;

  /// Up to `count` bytes; fewer only at the end.
  std::size_t read(void* to, std::size_t count);
  /// More bytes than this cannot follow. It bounds what a false header can make a reader allocate.
  std::size_t most_remaining() const;
  bool is_gzip() const { return stream_ != nullptr; }

 private:
  std::size_t inflate(unsigned char* to, std::size_t count);
  const unsigned char* next_;
  std::size_t left_;
  std::string path_;
  z_stream_s* stream_ = nullptr;
  bool between_members_ = false;
};

}  // namespace tasuki::data
