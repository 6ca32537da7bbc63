#pragma once
#include <string_view>

#include "tasuki/data/dataset.hpp"

namespace tasuki::data {

struct MnistOptions {
  /// (x - 0.1307) / 0.3081, the mean and standard deviation of the full training set's pixels; otherwise pixels are in [0, 1].
  bool normalize = false;
};

struct Mnist {
  TensorDataset train, test;
};

/// The handwritten digits of LeCun, Cortes and Burges (or data in their format: Fashion-MNIST, KMNIST) from a folder with the four
/// original files, gzipped or not. Images are f32 [N, 1, 28, 28], labels i64 [N]. Throws FileError that names the file that is
/// missing, malformed, or does not fit the others.
Mnist mnist(std::string_view folder, const MnistOptions& options = {});

}  // namespace tasuki::data
