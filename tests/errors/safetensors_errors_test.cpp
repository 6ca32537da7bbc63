#include <unistd.h>

#include <cstdint>
#include <string>
#include <vector>

#include "src/io/safetensors_header.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/catch.hpp"
#include "tests/io/temporary_folder.hpp"
#include "tests/support/expect_error.hpp"

// Files that are broken, hostile or in the way: what the user reads.
namespace ts = tasuki;
using tasuki::testing::error_text;

namespace {

std::string file_of(const std::string& header, const std::string& data = {}) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(std::uint64_t{header.size()} >> (8 * i));
  return bytes + header + data;
}

/// The text of the rejection of a file called "f", without "FileError: f".
std::string rejection(const std::string& file) {
  try {
    ts::safetensors::parse_header(reinterpret_cast<const unsigned char*>(file.data()), file.size(), "f");
  } catch (const ts::FileError& error) {
    return std::string(error.what()).substr(std::string("FileError: f").size());
  }
  return "accepted";
}
std::string tensor(const std::string& name, const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return '"' + name + R"(":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + '}';
}

}  // namespace

TEST_CASE("files that are something else") {
  CHECK(rejection("") == ": not a safetensors file\n  expected  at least 8 bytes, the length of the header\n  actual    0");
  CHECK(rejection("abc") == ": not a safetensors file\n  expected  at least 8 bytes, the length of the header\n  actual    3");
  CHECK(rejection("\x89PNG\r\n\x1a\n and more") ==
        ": not a safetensors file\n  expected  a header of at most 100000000 bytes\n  actual    727905341920923785");
  CHECK(rejection(std::string("\x40\0\0\0\0\0\0\0{}", 10)) ==
        ": the file is cut off or not a safetensors file\n  expected  a header of 64 bytes\n  actual    2 bytes follow");
  CHECK(rejection(file_of("")) == ": not a safetensors file\n  expected  a header that begins with {\n  actual    an empty header");
  CHECK(rejection(file_of("[1]")) == ": not a safetensors file\n  expected  a header that begins with {\n  actual    \"[\"");
}

TEST_CASE("headers that are no header") {
  const std::string malformed = ": the safetensors header is malformed\n  ";
  CHECK(rejection(file_of("{\"a\":")).find(malformed + "expected  a JSON header\n  actual    no JSON at byte 6 of it: ") == 0);
  CHECK(rejection(file_of("{} x")).find(malformed + "expected  a JSON header") == 0);
  CHECK(rejection(file_of(R"({"a":1})")) == malformed + "expected  an object for tensor \"a\"\n  actual    1");
  CHECK(rejection(file_of(R"({"__metadata__":[]})")) == malformed + "expected  __metadata__ to be an object of strings\n  actual    an array");
  CHECK(rejection(file_of(R"({"__metadata__":{"k":1}})")) == malformed + "expected  a string for \"k\" in __metadata__\n  actual    1");
  CHECK(rejection(file_of(R"({"a":{"dtype":"U8","shape":[]}})")) ==
        malformed + "tensor \"a\"\n  expected  the fields dtype, shape, data_offsets\n  actual    no data_offsets");
  CHECK(rejection(file_of(R"({"a":{"extra":1}})")) == malformed + "tensor \"a\"\n  expected  the fields dtype, shape, data_offsets\n  actual    \"extra\"");
  CHECK(rejection(file_of("{" + tensor("a", "U8", "[-1]", "[0,0]") + "}")) == malformed + "tensor \"a\"\n  expected  a list of sizes for shape\n  actual    -1");
  CHECK(rejection(file_of("{" + tensor("a", "U8", "[1.5]", "[0,0]") + "}")) == malformed + "tensor \"a\"\n  expected  a list of sizes for shape\n  actual    1.5");
  CHECK(rejection(file_of("{" + tensor("a", "U8", "[1]", "[0]") + "}")) == malformed + "tensor \"a\"\n  expected  data_offsets of two numbers\n  actual    1");
  CHECK(rejection(file_of("{" + tensor("a", "U8", "[1]", "[0,1,2]") + "}")) == malformed + "tensor \"a\"\n  expected  two numbers for data_offsets\n  actual    2");
  CHECK(rejection(file_of("{" + tensor("a", "U8", "[1,1,1,1,1,1,1,1,1]", "[0,1]") + "}", "x")) ==
        malformed + "tensor \"a\"\n  expected  at most 8 dimensions\n  actual    more");
}

TEST_CASE("deep nesting ends at the first bracket that has no place") {
  const std::string deep(1'000'000, '[');
  CHECK(rejection(file_of("{\"a\":" + deep)) ==
        ": the safetensors header is malformed\n  expected  an object for tensor \"a\"\n  actual    an array");
}

TEST_CASE("names and fields that are given twice") {
  const std::string malformed = ": the safetensors header is malformed\n  ";
  const std::string one = tensor("a", "U8", "[1]", "[0,1]");
  CHECK(rejection(file_of("{" + one + "," + one + "}", "x")) == malformed + "expected  each name once\n  actual    \"a\" is there twice");
  CHECK(rejection(file_of(R"({"a":{"dtype":"U8","dtype":"I8"}})")) == malformed + "tensor \"a\"\n  expected  each field once\n  actual    \"dtype\" is there twice");
  CHECK(rejection(file_of(R"({"__metadata__":{"k":"1","k":"2"}})")) == malformed + "expected  each key of __metadata__ once\n  actual    \"k\" is there twice");
}

TEST_CASE("tensors that do not fit the data") {
  CHECK(rejection(file_of("{" + tensor("a", "F32", "[2]", "[0,8]") + "}", "1234")) ==
        ": tensor \"a\"\n  expected  data_offsets with 0 <= begin <= end <= 4, the bytes of data\n  actual    [0, 8]\n  is the file complete?");
  CHECK(rejection(file_of("{" + tensor("a", "F32", "[2]", "[4,0]") + "}", "1234")) ==
        ": tensor \"a\"\n  expected  data_offsets with 0 <= begin <= end <= 4, the bytes of data\n  actual    [4, 0]\n  is the file complete?");
  CHECK(rejection(file_of("{" + tensor("a", "F32", "[2]", "[0,4]") + "}", "1234")) ==
        ": tensor \"a\"\n  expected  8 bytes for F32[2]\n  actual    4 bytes in data_offsets [0, 4]");
  CHECK(rejection(file_of("{" + tensor("a", "U8", "[3]", "[0,3]") + "," + tensor("b", "U8", "[2]", "[2,4]") + "}", "1234")) ==
        ": tensor \"b\"\n  expected  its data to begin at byte 3, where the tensor before it ends\n  actual    2: they overlap");
  CHECK(rejection(file_of("{" + tensor("a", "U8", "[1]", "[0,1]") + "," + tensor("b", "U8", "[2]", "[2,4]") + "}", "1234")) ==
        ": tensor \"b\"\n  expected  its data to begin at byte 1, where the tensor before it ends\n  actual    2: there is a gap");
  CHECK(rejection(file_of("{" + tensor("a", "U8", "[1]", "[0,1]") + "}", "1234")) ==
        "\n  expected  1 bytes of data, as the header says\n  actual    4: 3 bytes belong to no tensor");
  CHECK(rejection(file_of("{" + tensor("a", "Q4", "[1]", "[0,1]") + "}", "1")) ==
        ": tensor \"a\"\n  expected  a dtype of the safetensors format (F32, BF16, I64, ...)\n  actual    \"Q4\"");
}

TEST_CASE("sizes whose product overflows, a zero beside them or not") {
  CHECK(rejection(file_of("{" + tensor("a", "F32", "[4611686018427387904,4]", "[0,0]") + "}")) ==
        ": tensor \"a\"\n  expected  a shape whose bytes 64 bits can count\n  actual    [4611686018427387904, 4] of F32");
  CHECK(rejection(file_of("{" + tensor("a", "U8", "[0,4611686018427387904,4]", "[0,0]") + "}")) ==
        ": tensor \"a\"\n  expected  a shape whose bytes 64 bits can count\n  actual    [0, 4611686018427387904, 4] of U8");
  CHECK(rejection(file_of("{" + tensor("a", "U8", "[18446744073709551615]", "[0,0]") + "}")) ==
        ": the safetensors header is malformed\n  tensor \"a\"\n  expected  a list of sizes for shape\n  actual    18446744073709551615");
  CHECK(rejection(file_of("{" + tensor("a", "U8", "[1]", "[0,99999999999999999999]") + "}")).find("expected  two numbers for data_offsets") != std::string::npos);
}

TEST_CASE("elements that cannot be, and tensors that are not there") {
  const TemporaryFolder folder;
  const std::string path = folder.write("f", file_of("{" + tensor("flags", "BOOL", "[2]", "[0,2]") + "}", std::string("\1\2", 2)));
  const ts::safetensors::File file(path);
  CHECK(error_text([&] { file.tensor("flags"); }) ==
        "FileError: " + path + ": tensor \"flags\"\n  expected  bytes of 0 and 1 for BOOL\n  actual    2 as element 1");
  CHECK(error_text([&] { file.tensor("weight"); }) == "FileError: " + path + "\n  expected  a tensor \"weight\"\n  actual    1 others: \"flags\"");
}

TEST_CASE("places that cannot be read or written") {
  const TemporaryFolder folder;
  const std::string nowhere = folder / "no/such/folder/x";
  const std::string hint = "\n  No such file or directory\n  is the name right, and does its directory exist?";
  CHECK(error_text([&] { ts::load_tensors(nowhere); }) == "FileError: cannot read " + nowhere + hint);
  CHECK(error_text([&] { ts::save_tensors({}, nowhere); }) == "FileError: cannot write " + nowhere + ": failed to create a file beside it" + hint);
  CHECK(error_text([&] { ts::load_tensors(folder.path()); }) == "FileError: cannot read " + folder.path() + "\n  expected  a regular file\n  actual    a directory");
  CHECK(error_text([&] { ts::save_tensors({}, folder.path()); }) ==
        "FileError: cannot write " + folder.path() + "\n  expected  a regular file, or nothing yet\n  actual    a directory");
  CHECK(error_text([] { ts::save_tensors({}, "/dev/full"); }) ==
        "FileError: cannot write /dev/full\n  expected  a regular file, or nothing yet\n  actual    a device or pipe");
  CHECK(error_text([] { ts::save_tensors({}, ""); }) == "FileError: cannot write a file without a name");
}

TEST_CASE("no permission") {
  const TemporaryFolder folder;
  const std::string path = folder.write("x", "");
  std::filesystem::permissions(folder.path(), std::filesystem::perms::none);
  const bool root = ::geteuid() == 0;  // whom no permission stops
  if (root) REQUIRE(::seteuid(65534) == 0);
  const std::string read = error_text([&] { ts::load_tensors(path); }), write = error_text([&] { ts::save_tensors({}, path); });
  if (root) REQUIRE(::seteuid(0) == 0);
  const std::string hint = "\n  Permission denied\n  this user may not; check the permissions of the file and of its directory";
  CHECK(read == "FileError: cannot read " + path + hint);
  CHECK(write == "FileError: cannot write " + path + ": failed to create a file beside it" + hint);
}

TEST_CASE("tensors that have no place in the format") {
  const TemporaryFolder folder;
  const std::string path = folder / "x";
  const ts::Tensor t = ts::tensor({1});
  CHECK(error_text([&] { ts::save_tensors({{"", t}}, path); }).find("a tensor cannot be saved under the name \"\"") != std::string::npos);
  CHECK(error_text([&] { ts::save_tensors({{"__metadata__", t}}, path); }).find("a tensor cannot be saved under the name \"__metadata__\"") != std::string::npos);
  CHECK(error_text([&] { ts::save_tensors({{"a", t}, {"a", t}}, path); }).find("two tensors have the name \"a\"") != std::string::npos);
  CHECK(error_text([&] { ts::save_tensors({{"a", ts::Tensor()}}, path); }).find("the tensor \"a\" is undefined") != std::string::npos);
  CHECK(folder.file_count() == 0);
}
