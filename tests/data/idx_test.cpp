#include "tasuki/data/idx.hpp"

#include <zlib.h>

#include <cstdint>
#include <string>
#include <vector>

#include "src/data/idx_parser.hpp"
#include "tasuki/core/error.hpp"
#include "tests/catch.hpp"
#include "tests/io/temporary_folder.hpp"
#include "tests/support/expect_error.hpp"

namespace ts = tasuki;
using tasuki::testing::error_text;

namespace {

std::string gzip(const std::string& content) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(deflateBound(&stream, content.size()) + 32, '\0');
  stream.next_in = reinterpret_cast<unsigned char*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<unsigned>(content.size());
  stream.next_out = reinterpret_cast<unsigned char*>(packed.data());
  stream.avail_out = static_cast<unsigned>(packed.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

std::string header(unsigned char type, const std::vector<std::uint32_t>& sizes) {
  std::string bytes{'\0', '\0', static_cast<char>(type), static_cast<char>(sizes.size())};
  for (const std::uint32_t n : sizes)
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(n >> shift);
  return bytes;
}

ts::Tensor parse(const std::string& file) { return ts::data::parse_idx(reinterpret_cast<const unsigned char*>(file.data()), file.size(), "f"); }

/// The text of the rejection of a file called "f", without "FileError: f".
std::string rejection(const std::string& file) {
  try {
    parse(file);
  } catch (const ts::FileError& error) {
    return std::string(error.what()).substr(std::string("FileError: f").size());
  }
  return "accepted";
}

}  // namespace

TEST_CASE("every type of the format is read, big endian") {
  CHECK(parse(header(0x08, {3}) + "\x01\x80\xFF").to_vector<unsigned char>() == std::vector<unsigned char>{1, 128, 255});
  CHECK(parse(header(0x09, {2}) + "\x7F\x80").to_vector<std::int32_t>() == std::vector<std::int32_t>{127, -128});
  CHECK(parse(header(0x0B, {2}) + std::string("\x01\x02\xFF\xFE", 4)).to_vector<std::int32_t>() == std::vector<std::int32_t>{258, -2});
  CHECK(parse(header(0x0C, {2}) + std::string("\0\1\0\0\xFF\xFF\xFF\xFF", 8)).to_vector<std::int32_t>() == std::vector<std::int32_t>{65536, -1});
  CHECK(parse(header(0x0D, {2}) + std::string("\x3F\xC0\0\0\xC0\0\0\0", 8)).to_vector<float>() == std::vector<float>{1.5f, -2});
  CHECK(parse(header(0x0E, {1}) + std::string("\x3F\xF8\0\0\0\0\0\0", 8)).to_vector<double>() == std::vector<double>{1.5});
}

TEST_CASE("dimensions are read in order, and may be empty") {
  const ts::Tensor x = parse(header(0x08, {2, 1, 3}) + "abcdef");
  CHECK(x.shape() == ts::Shape{2, 1, 3});
  CHECK(x.to_vector<unsigned char>() == std::vector<unsigned char>{'a', 'b', 'c', 'd', 'e', 'f'});
  CHECK(parse(header(0x08, {0, 28, 28})).shape() == ts::Shape{0, 28, 28});
}

TEST_CASE("gzip is recognized by its content, in several members too") {
  std::string content = header(0x0C, {20000});
  for (int i = 0; i < 20000; ++i) content += std::string{'\0', '\0', static_cast<char>(i >> 8), static_cast<char>(i)};
  const auto plain = parse(content).to_vector<std::int32_t>();
  CHECK(plain[12345] == 12345);
  CHECK(parse(gzip(content)).to_vector<std::int32_t>() == plain);
  CHECK(parse(gzip(content.substr(0, 5000)) + gzip(content.substr(5000))).to_vector<std::int32_t>() == plain);
}

TEST_CASE("files that are no IDX files") {
  CHECK(rejection("") == ": not an IDX file\n  expected  at least 4 bytes\n  actual    0");
  CHECK(rejection("PK\3\4 zip") ==
        ": not an IDX file\n  expected  two zero bytes at the start\n  actual    0x50 0x4b\n  if it is compressed, gzip is what can be read here");
  CHECK(rejection(std::string("\0\0\x0A\1", 4)) ==
        ": not an IDX file\n  expected  0x08, 0x09, 0x0b, 0x0c, 0x0d or 0x0e as type code in byte 2\n  actual    0x0a");
  CHECK(rejection(std::string("\0\0\x08\0", 4)) == ": not an IDX file that can be read here\n  expected  1 to 8 dimensions\n  actual    0");
  CHECK(rejection(std::string("\0\0\x08\x09", 4)) == ": not an IDX file that can be read here\n  expected  1 to 8 dimensions\n  actual    9");
}

TEST_CASE("files that are cut off or too long") {
  CHECK(rejection(header(0x08, {2, 3}).substr(0, 10)) ==
        ": the file is cut off\n  expected  2 sizes of 4 bytes\n  actual    the file ends in size 1");
  CHECK(rejection(header(0x0C, {3}) + "12345678901") ==
        ": the file is cut off, or its sizes are wrong\n  expected  12 bytes for [3] elements of 4 bytes\n  actual    at most 11 bytes follow the sizes");
  CHECK(rejection(gzip(header(0x08, {5}) + "1234")) == ": the file is cut off\n  expected  5 elements for the sizes [5]\n  actual    4");
  CHECK(rejection(header(0x08, {2}) + "123") ==
        ": bytes follow the last element\n  expected  the end of the file after 2 elements for the sizes [2]\n  actual    more");
  CHECK(rejection(gzip(header(0x08, {2}) + "123")).find(": bytes follow the last element") == 0);
  CHECK(rejection(gzip(header(0x08, {2}) + "12") + "junk").find(": 4 bytes follow the gzip data and are not gzip") == 0);
}

TEST_CASE("sizes that no memory could hold are refused before anything is allocated") {
  const std::uint32_t huge = 0xffffffffu;
  CHECK(rejection(header(0x0E, {huge, huge, huge})).find("expected  more bytes than 64 bits can count for [4294967295, 4294967295, 4294967295]") != std::string::npos);
  CHECK(rejection(header(0x08, {0, huge, huge, huge})).find("expected  more bytes than 64 bits can count") != std::string::npos);
  CHECK(rejection(header(0x09, {huge, 0x64000000u, 0})).find("expected  more bytes than 64 bits can count") != std::string::npos);  // as i32
  CHECK(rejection(header(0x08, {huge, huge}) + "x").find("at most 1 bytes follow the sizes") != std::string::npos);
  CHECK(rejection(gzip(header(0x08, {huge, 100}))).find(": the file is cut off, or its sizes are wrong") == 0);
}

TEST_CASE("damaged gzip") {
  const std::string good = gzip(header(0x08, {1000}) + std::string(1000, 'x') );
  CHECK(rejection(good.substr(0, good.size() - 4)) == ": the gzip data are cut off\n  get the file again, or check it with gzip -t");
  std::string flipped = good;
  flipped[flipped.size() - 6] = static_cast<char>(flipped[flipped.size() - 6] ^ 1);  // in the checksum
  CHECK(rejection(flipped) == ": the gzip data are damaged (incorrect data check)\n  get the file again, or check it with gzip -t");
}

TEST_CASE("read_idx names what is in the way") {
  const TemporaryFolder folder;
  CHECK(error_text([&] { ts::data::read_idx(folder / "none"); }) ==
        "FileError: cannot read " + (folder / "none") + "\n  No such file or directory\n  is the name right, and does its directory exist?");
  CHECK(error_text([&] { ts::data::read_idx(folder.path()); }) ==
        "FileError: cannot read " + folder.path() + "\n  expected  a regular file\n  actual    a directory");
  const std::string path = folder.write("x", header(0x08, {2}) + "ab");
  CHECK(ts::data::read_idx(path).to_vector<unsigned char>() == std::vector<unsigned char>{'a', 'b'});
}
