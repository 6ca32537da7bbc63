#include "tasuki/io/safetensors.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "tasuki/core/error.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/catch.hpp"
#include "tests/io/temporary_folder.hpp"

namespace ts = tasuki;

namespace {

std::string little_endian(std::uint64_t value) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}
std::string file_of(const std::string& header, const std::string& data) { return little_endian(header.size()) + header + data; }

ts::Tensor tensor_of(ts::DType dtype) { return ts::tensor({{1, 0, 1}, {0, 1, 1}}, {.dtype = dtype}); }

}  // namespace

TEST_CASE("the bytes of a file are those that the reference implementation writes") {
  const TemporaryFolder folder;
  const std::string path = folder / "golden.safetensors";
  ts::save_tensors({{"b", ts::tensor({1.5f, -2.0f})}, {"a", ts::tensor({{1, 2}}, {.dtype = ts::i64})}, {"c", ts::tensor({true})}}, path, {{"k", "v"}});
  const std::string header =
      R"({"__metadata__":{"k":"v"},"a":{"dtype":"I64","shape":[1,2],"data_offsets":[0,16]},"b":{"dtype":"F32","shape":[2],"data_offsets":[16,24]},"c":{"dtype":"BOOL","shape":[1],"data_offsets":[24,25]}} )";
  const std::string data("\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\0\0\xC0\x3F\0\0\0\xC0\1", 25);
  std::string padded = header.substr(0, header.size() - 1);
  while (padded.size() % 8 != 0) padded += ' ';
  CHECK(TemporaryFolder::read(path) == file_of(padded, data));
}

TEST_CASE("every dtype survives writing and reading, mapped and copied") {
  const TemporaryFolder folder;
  const std::string path = folder / "all.safetensors";
  std::vector<ts::NamedTensor> tensors;
  for (const ts::DType d : {ts::f32, ts::f64, ts::bf16, ts::f16, ts::i64, ts::i32, ts::u8, ts::bool_}) tensors.push_back({ts::name_of(d), tensor_of(d)});
  tensors.push_back({"scalar", ts::tensor(7.0)});
  tensors.push_back({"empty", ts::zeros({0, 3})});
  ts::save_tensors(tensors, path);

  const ts::safetensors::File file(path);
  CHECK(file.tensors().size() == tensors.size());
  const auto loaded = ts::load_tensors(path);
  REQUIRE(loaded.size() == tensors.size());
  for (const auto& [name, written] : tensors) {
    CAPTURE(name);
    REQUIRE(file.contains(name));
    const ts::Tensor mapped = file.tensor(name);
    CHECK(mapped.dtype() == written.dtype());
    CHECK(mapped.shape() == written.shape());
    CHECK(mapped.to(ts::f64).to_vector<double>() == written.to(ts::f64).to_vector<double>());
    const auto copy = std::find_if(loaded.begin(), loaded.end(), [&, &wanted = name](const ts::NamedTensor& t) { return t.name == wanted; });
    REQUIRE(copy != loaded.end());
    CHECK(copy->tensor.to(ts::f64).to_vector<double>() == written.to(ts::f64).to_vector<double>());
  }
}

TEST_CASE("special values keep their bits") {
  const TemporaryFolder folder;
  const std::string path = folder / "nan.safetensors";
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  ts::save_tensors({{"x", ts::tensor({inf, -inf, nan, -0.0f, 1e-45f})}}, path);
  const auto x = ts::load_tensors(path)[0].tensor.to_vector<float>();
  CHECK(x[0] == inf);
  CHECK(x[1] == -inf);
  CHECK(x[2] != x[2]);
  CHECK((x[3] == 0 && std::signbit(x[3])));
  CHECK(x[4] == 1e-45f);
}

TEST_CASE("a strided tensor is written in its logical order") {
  const TemporaryFolder folder;
  const std::string path = folder / "strided.safetensors";
  ts::save_tensors({{"x", ts::tensor({{1.0f, 2.0f, 3.0f}, {4.0f, 5.0f, 6.0f}}).transpose(0, 1)}}, path);
  const ts::Tensor x = ts::load_tensors(path)[0].tensor;
  CHECK(x.shape() == ts::Shape{3, 2});
  CHECK(x.to_vector<float>() == std::vector<float>{1, 4, 2, 5, 3, 6});
}

TEST_CASE("metadata and names travel as UTF-8 with everything JSON must escape") {
  const TemporaryFolder folder;
  const std::string path = folder / "names.safetensors";
  const std::string odd = "a\"b\\c\n\xE8\xA5\xB7";
  ts::save_tensors({{odd, ts::tensor({1})}}, path, {{"quote", "\""}, {"empty", ""}});
  const ts::safetensors::File file(path);
  CHECK(file.names() == std::vector<std::string>{odd});
  CHECK(file.metadata() == ts::Metadata{{"quote", "\""}, {"empty", ""}});
  CHECK_THROWS_AS(ts::save_tensors({{"\xFF", ts::tensor({1})}}, path), ts::ValueError);
}

TEST_CASE("a mapped tensor outlives the File, and writing into it leaves the file alone") {
  const TemporaryFolder folder;
  const std::string path = folder / "mapped.safetensors";
  ts::save_tensors({{"x", ts::tensor({1.0f, 2.0f})}}, path);
  const std::string before = TemporaryFolder::read(path);
  ts::Tensor x = ts::safetensors::File(path).tensor("x");
  x.data<float>()[0] = 9;
  CHECK(x.to_vector<float>() == std::vector<float>{9, 2});
  CHECK(TemporaryFolder::read(path) == before);
}

TEST_CASE("a file may be replaced while its tensors are mapped") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.safetensors";
  ts::save_tensors({{"x", ts::tensor({1.0f, 2.0f})}}, path);
  const ts::Tensor old = ts::safetensors::File(path).tensor("x");
  ts::save_tensors({{"x", ts::tensor({2.0f, 3.0f})}}, path);
  CHECK(old.to_vector<float>() == std::vector<float>{1, 2});
  CHECK(ts::load_tensors(path)[0].tensor.to_vector<float>() == std::vector<float>{2, 3});
}

TEST_CASE("elements that are not aligned in the file are copied") {
  const TemporaryFolder folder;
  const std::string header = R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  const std::string odd = header + std::string(8 - (header.size() + 1) % 8 + 2, ' ');
  const std::string path = folder.write("odd.safetensors", file_of(odd, std::string("\0\0\x80\x3F", 4)));
  CHECK(ts::safetensors::File(path).tensor("x").item<float>() == 1.0f);
}

TEST_CASE("no tensors make a file too") {
  const TemporaryFolder folder;
  ts::save_tensors({}, folder / "none.safetensors");
  CHECK(ts::load_tensors(folder / "none.safetensors").empty());
}

TEST_CASE("types of the format that Tasuki lacks do not keep the others from being read") {
  const TemporaryFolder folder;
  const std::string path = folder.write("i16.safetensors", file_of(R"({"a":{"dtype":"I16","shape":[1],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})", "abcd"));
  const ts::safetensors::File file(path);
  CHECK(file.tensor("b").to_vector<unsigned char>() == std::vector<unsigned char>{'c', 'd'});
  CHECK_THROWS_AS(file.tensor("a"), ts::FileError);
}

TEST_CASE("a write that fails leaves the old file whole and nothing beside it") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.safetensors";
  ts::save_tensors({{"x", ts::tensor({1.0f})}}, path);
  const std::string before = TemporaryFolder::read(path);

  // A full disk, as far as a process can tell: the system takes the first 64 KiB and refuses the rest.
  rlimit old_limit{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &old_limit) == 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{64 * 1024, old_limit.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  std::string message;
  try {
    ts::save_tensors({{"x", ts::zeros({1'000'000})}}, path);
  } catch (const ts::FileError& error) {
    message = error.what();
  }
  ::setrlimit(RLIMIT_FSIZE, &old_limit);
  std::signal(SIGXFSZ, old_handler);

  CHECK(message == "FileError: cannot write " + path +
                       ": failed to write after 65536 bytes\n  File too large\n  the limit on the size of files (ulimit -f) or of the file system was reached");
  CHECK(TemporaryFolder::read(path) == before);
  CHECK(folder.file_count() == 1);
}

TEST_CASE("a link is followed, permissions are kept") {
  const TemporaryFolder folder;
  const std::string target = folder / "target.safetensors", link = folder / "link.safetensors";
  ts::save_tensors({{"x", ts::tensor({1.0f})}}, target);
  std::filesystem::permissions(target, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  std::filesystem::create_symlink("target.safetensors", link);
  ts::save_tensors({{"y", ts::tensor({2.0f})}}, link);
  CHECK(std::filesystem::is_symlink(link));
  CHECK(ts::safetensors::File(target).contains("y"));
  CHECK(std::filesystem::status(target).permissions() == (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
}
