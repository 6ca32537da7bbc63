#include "tasuki/data/mnist.hpp"

#include <sys/stat.h>

#include <cstdint>
#include <string>

#include "tasuki/core/error.hpp"
#include "tasuki/data/idx.hpp"
#include "tasuki/tensor/layout.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki::data {

namespace {

bool exists(const std::string& path) {
  struct stat status;
  return ::stat(path.c_str(), &status) == 0;
}

/// The file under one of the names it is distributed by.
std::string find_file(std::string_view folder, const std::string& set, const std::string& content) {
  const std::string base = std::string(folder) + (folder.empty() || folder.back() == '/' ? "" : "/") + set + "-" + content;
  for (const char separator : {'-', '.'})
    for (const char* ending : {"", ".gz"}) {
      std::string path = base;
      path += separator;
      path += content == "images" ? "idx3-ubyte" : "idx1-ubyte";
      path += ending;
      if (exists(path)) return path;
    }
  TASUKI_THROW(FileError, "MNIST is not complete in ", folder.empty() ? std::string_view("the current folder") : folder, "\nexpected  ", set, "-", content,
               content == "images" ? "-idx3-ubyte" : "-idx1-ubyte", ", with .gz or without\nactual    no such file\nthe folder must hold the four files train-images, train-labels, t10k-images and t10k-labels");
}

TensorDataset read_set(std::string_view folder, const std::string& set, const MnistOptions& options) {
  const std::string images_path = find_file(folder, set, "images"), labels_path = find_file(folder, set, "labels");
  const Tensor pixels = read_idx(images_path), digits = read_idx(labels_path);
  if (pixels.ndim() != 3 || pixels.dtype() != DType::u8)
    TASUKI_THROW(FileError, images_path, ": not images of MNIST\nexpected  u8[N, height, width]\nactual    ", pixels.dtype(), pixels.shape());
  if (digits.ndim() != 1 || digits.dtype() != DType::u8)
    TASUKI_THROW(FileError, labels_path, ": not labels of MNIST\nexpected  u8[N]\nactual    ", digits.dtype(), digits.shape());
  if (pixels.size(0) != digits.size(0))
    TASUKI_THROW(FileError, labels_path, ": the labels do not belong to the images\nexpected  ", pixels.size(0), " labels, one for each image in ", images_path, "\nactual    ",
                 digits.size(0));

  float value[256];
  for (int p = 0; p < 256; ++p) {
    value[p] = static_cast<float>(p) / 255.0f;
    if (options.normalize) value[p] = (value[p] - 0.1307f) / 0.3081f;
  }
  const Tensor x = detail::allocate(Device::cpu(), {pixels.size(0), 1, pixels.size(1), pixels.size(2)}, DType::f32, OwnerClass::input);
  const Tensor t = detail::allocate(Device::cpu(), digits.shape(), DType::i64, OwnerClass::input);
  const auto* pixel = static_cast<const std::uint8_t*>(pixels.impl()->address());
  const auto* digit = static_cast<const std::uint8_t*>(digits.impl()->address());
  auto* out = static_cast<float*>(x.impl()->address());
  auto* label = static_cast<std::int64_t*>(t.impl()->address());
  for (std::int64_t i = 0; i < x.numel(); ++i) out[i] = value[pixel[i]];
  for (std::int64_t i = 0; i < t.numel(); ++i) label[i] = digit[i];
  return TensorDataset(x, t);
}

}  // namespace

Mnist mnist(std::string_view folder, const MnistOptions& options) {
  return {read_set(folder, "train", options), read_set(folder, "t10k", options)};
}

}  // namespace tasuki::data
