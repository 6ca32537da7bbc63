#pragma once
#include <cstdint>
#include <vector>

namespace tasuki::benchmark {

/// A parameter tensor (weight and bias or scale and shift together) and the work of its layer.
struct Layer {
  std::int64_t parameters;
  double work;  ///< multiply-adds per image in forward
};

/// ResNet-50 (v1.5) for 224 x 224 images, in the order of forward: 25,557,032 parameters, 4.09 G multiply-adds.
inline std::vector<Layer> resnet50() {
  std::vector<Layer> layers;
  const auto conv = [&](std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t size) {
    const std::int64_t weights = in * out * kernel * kernel;
    layers.push_back({weights + 2 * out, static_cast<double>(weights * size * size)});  // with its batch norm
  };
  conv(3, 64, 7, 112);
  std::int64_t in = 64;
  const int blocks[] = {3, 4, 6, 3};
  for (int stage = 0; stage < 4; ++stage) {
    const std::int64_t width = 64 << stage, out = 4 * width, size = 56 >> stage;
    for (int b = 0; b < blocks[stage]; ++b) {
      const std::int64_t before = b == 0 && stage > 0 ? 2 * size : size;
      conv(in, width, 1, before);
      conv(width, width, 3, size);
      conv(width, out, 1, size);
      if (b == 0) conv(in, out, 1, size);
      in = out;
    }
  }
  layers.push_back({2048 * 1000 + 1000, 2048.0 * 1000});
  return layers;
}

}  // namespace tasuki::benchmark
