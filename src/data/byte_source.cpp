#include "src/data/byte_source.hpp"

#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

#include "src/io/readable_file.hpp"
#include "tasuki/core/error.hpp"

namespace tasuki::data {

std::vector<unsigned char> read_file(std::string_view path) {
  const ReadableFile file{std::string(path)};
  std::vector<unsigned char> bytes(file.size());
  std::size_t got = 0;
  while (got < bytes.size()) {
    const ssize_t count = ::read(file.descriptor(), bytes.data() + got, std::min(bytes.size() - got, std::size_t{1} << 30));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) file.fail(errno);
    if (count == 0) break;  // it became shorter meanwhile
    got += static_cast<std::size_t>(count);
  }
  bytes.resize(got);
  return bytes;
}

ByteSource::ByteSource(const unsigned char* bytes, std::size_t size, std::string_view path) : next_(bytes), left_(size), path_(path) {
  if (size < 2 || bytes[0] != 0x1f || bytes[1] != 0x8b) return;
  stream_ = new z_stream();
  if (inflateInit2(stream_, 16 + MAX_WBITS) != Z_OK) {
    delete stream_;
    TASUKI_THROW(FileError, "cannot read ", path_, ": zlib has no memory");
  }
}

ByteSource::~ByteSource() {
  if (!stream_) return;
  inflateEnd(stream_);
  delete stream_;
}

std::size_t ByteSource::read(void* to, std::size_t count) {
  if (stream_) return inflate(static_cast<unsigned char*>(to), count);
  count = std::min(count, left_);
  if (count > 0) std::memcpy(to, next_, count);
  next_ += count;
  left_ -= count;
  return count;
}

std::size_t ByteSource::most_remaining() const {
  // Deflate packs at most 1,032 bytes into one; zlib may hold up to a window's worth back.
  return stream_ ? left_ * 1032 + 65536 : left_;
}

std::size_t ByteSource::inflate(unsigned char* to, std::size_t count) {
  std::size_t got = 0;
  while (got < count) {
    if (between_members_) {
      if (left_ == 0) break;
      if (left_ < 2 || next_[0] != 0x1f || next_[1] != 0x8b)
        TASUKI_THROW(FileError, path_, ": ", left_, " bytes follow the gzip data and are not gzip");
      inflateReset(stream_);
      between_members_ = false;
    }
    const auto input = static_cast<uInt>(std::min<std::size_t>(left_, UINT_MAX));
    const auto output = static_cast<uInt>(std::min<std::size_t>(count - got, UINT_MAX));
    stream_->next_in = const_cast<unsigned char*>(next_);
    stream_->avail_in = input;
    stream_->next_out = to + got;
    stream_->avail_out = output;
    const int result = ::inflate(stream_, Z_NO_FLUSH);
    next_ += input - stream_->avail_in;
    left_ -= input - stream_->avail_in;
    got += output - stream_->avail_out;
    if (result == Z_STREAM_END) {
      between_members_ = true;
    } else if (result == Z_BUF_ERROR || (result == Z_OK && left_ == 0 && stream_->avail_out != 0)) {
      TASUKI_THROW(FileError, path_, ": the gzip data are cut off\nget the file again, or check it with gzip -t");
    } else if (result != Z_OK) {
      TASUKI_THROW(FileError, path_, ": the gzip data are damaged (", stream_->msg ? stream_->msg : "zlib error", ")\nget the file again, or check it with gzip -t");
    }
  }
  return got;
}

}  // namespace tasuki::data
