#include "tasuki/data/mnist.hpp"

#include <string>
#include <vector>

#include "tasuki/core/error.hpp"
#include "tests/catch.hpp"
#include "tests/io/temporary_folder.hpp"

namespace ts = tasuki;

namespace {

std::string images(int count, int size = 2) {
  std::string bytes{'\0', '\0', '\x08', '\3', '\0', '\0', '\0', static_cast<char>(count), '\0', '\0', '\0', static_cast<char>(size), '\0', '\0', '\0', static_cast<char>(size)};
  for (int i = 0; i < count * size * size; ++i) bytes += static_cast<char>(i % 2 ? 255 : 51);
  return bytes;
}
std::string labels(int count) {
  std::string bytes{'\0', '\0', '\x08', '\1', '\0', '\0', '\0', static_cast<char>(count)};
  for (int i = 0; i < count; ++i) bytes += static_cast<char>(i % 10);
  return bytes;
}

std::string message_of(const std::string& folder) {
  try {
    ts::data::mnist(folder);
  } catch (const ts::Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

}  // namespace

TEST_CASE("images become f32 [N, 1, H, W] in [0, 1], labels i64") {
  const TemporaryFolder folder;
  folder.write("train-images-idx3-ubyte", images(3));
  folder.write("train-labels-idx1-ubyte", labels(3));
  folder.write("t10k-images.idx3-ubyte", images(1));
  folder.write("t10k-labels.idx1-ubyte", labels(1));
  const auto [train, test] = ts::data::mnist(folder.path());
  CHECK(train.size() == 3);
  CHECK(test.size() == 1);
  CHECK(train.x().shape() == ts::Shape{3, 1, 2, 2});
  CHECK(train.x()[0].to_vector<float>() == std::vector<float>{0.2f, 1, 0.2f, 1});
  CHECK(train.t().to_vector<std::int64_t>() == std::vector<std::int64_t>{0, 1, 2});

  const auto normalized = ts::data::mnist(folder.path() + "/", {.normalize = true}).train.x()[0].to_vector<float>();
  CHECK(normalized[0] == Approx((0.2 - 0.1307) / 0.3081));
  CHECK(normalized[1] == Approx((1.0 - 0.1307) / 0.3081));
}

TEST_CASE("what is missing or does not fit is named") {
  const TemporaryFolder folder;
  folder.write("train-images-idx3-ubyte", images(3));
  CHECK(message_of(folder.path()) ==
        "FileError: MNIST is not complete in " + folder.path() +
            "\n  expected  train-labels-idx1-ubyte, with .gz or without\n  actual    no such file\n  the folder must hold the four files train-images, train-labels, "
            "t10k-images and t10k-labels");
  folder.write("train-labels-idx1-ubyte", labels(4));
  CHECK(message_of(folder.path()) == "FileError: " + (folder / "train-labels-idx1-ubyte") + ": the labels do not belong to the images\n  expected  3 labels, one for each image in " +
                                         (folder / "train-images-idx3-ubyte") + "\n  actual    4");
  folder.write("train-labels-idx1-ubyte", images(3));
  CHECK(message_of(folder.path()) ==
        "FileError: " + (folder / "train-labels-idx1-ubyte") + ": not labels of MNIST\n  expected  u8[N]\n  actual    u8[3, 2, 2]");
}
