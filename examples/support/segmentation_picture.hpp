#pragma once
// A slice of a volume three times: as it is, with its labels, and with the prediction of a network.
#include <tasuki/tasuki.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "support/picture.hpp"

namespace support {

namespace segmentation {

inline constexpr Color paper{15, 18, 28}, ink{226, 230, 238}, outline{255, 255, 255};
inline constexpr Color tints[] = {{255, 140, 50}, {60, 165, 255}, {110, 215, 90}, {220, 90, 200}};
inline constexpr std::int64_t zoom = 9, margin = 18, caption = 34;

inline Color tint(std::int64_t part) { return tints[(part - 1) % 4]; }

/// Gray between the darkest and the brightest hundredth, smooth at the picture's size.
inline std::vector<float> grays(const tasuki::Tensor& slice) {
  namespace ts = tasuki;
  const ts::InterpolateOptions enlarged{.size = {slice.size(0) * zoom, slice.size(1) * zoom}, .mode = ts::Interpolation::bicubic};
  auto values = ts::interpolate(slice.unsqueeze(0).unsqueeze(0), enlarged).to_vector<float>();
  auto sorted = values;
  std::sort(sorted.begin(), sorted.end());
  const float dark = sorted[sorted.size() / 100], bright = std::max(sorted[sorted.size() - 1 - sorted.size() / 100], dark + 1e-6f);
  for (float& v : values) v = 255 * std::clamp((v - dark) / (bright - dark), 0.f, 1.f);
  return values;
}

/// The part that has most of the interpolated weight at each pixel: borders follow the voxels without their corners.
inline std::vector<std::int64_t> parts(const tasuki::Tensor& slice, std::int64_t classes) {
  namespace ts = tasuki;
  std::vector<ts::Tensor> planes;
  for (std::int64_t c = 0; c < classes; ++c) planes.push_back(slice.eq(c).to(ts::f32));
  const ts::InterpolateOptions enlarged{.size = {slice.size(0) * zoom, slice.size(1) * zoom}, .mode = ts::Interpolation::bilinear};
  return ts::argmax(ts::interpolate(ts::stack(planes).unsqueeze(0), enlarged), 1).to_vector<std::int64_t>();
}

}  // namespace segmentation

/// Draws the slice (along dimension 0) with the most labelled voxels. Image, label and prediction are [depth, height, width]; part c of
/// the names is label c + 1. White lines in the prediction are the borders of the label.
inline void write_picture(const std::string& path, const tasuki::Tensor& image, const tasuki::Tensor& label, const tasuki::Tensor& prediction,
                          const std::vector<std::string>& names) {
  using namespace segmentation;
  namespace ts = tasuki;
  const std::int64_t slice = ts::argmax(ts::sum(label.gt(0).to(ts::i64), {1, 2}), 0).item<std::int64_t>();
  const std::int64_t height = label.size(1) * zoom, width = label.size(2) * zoom, classes = static_cast<std::int64_t>(names.size()) + 1;
  const auto gray = grays(image[slice]);
  const auto truth = parts(label[slice], classes), guess = parts(prediction[slice], classes);
  const auto is_border = [&](const std::vector<std::int64_t>& in, std::int64_t i, std::int64_t j) {
    const std::int64_t here = in[static_cast<std::size_t>(i * width + j)];
    for (std::int64_t di = -1; di <= 1; ++di)
      for (std::int64_t dj = -1; dj <= 1; ++dj)
        if (in[static_cast<std::size_t>(std::clamp<std::int64_t>(i + di, 0, height - 1) * width + std::clamp<std::int64_t>(j + dj, 0, width - 1))] != here) return true;
    return false;
  };

  Picture picture(3 * width + 4 * margin, height + 2 * (margin + caption), paper);
  const std::string titles[] = {"MRI", "label", "prediction"};
  for (std::int64_t panel = 0; panel < 3; ++panel) {
    const std::int64_t left = margin + panel * (width + margin), top = margin + caption;
    picture.text(left, margin, titles[panel], ink, 3);
    for (std::int64_t i = 0; i < height; ++i)
      for (std::int64_t j = 0; j < width; ++j) {
        const auto from = static_cast<std::size_t>((height - 1 - i) * width + j);  // rows of a scan go up
        const std::int64_t part = panel == 0 ? 0 : panel == 1 ? truth[from] : guess[from];
        Color color{gray[from], gray[from], gray[from]};
        if (part > 0) color = mixed(color, tint(part), 0.55f);
        if (panel > 0 && is_border(truth, height - 1 - i, j)) color = mixed(color, outline, 0.85f);
        picture.set(left + j, top + i, color);
      }
  }
  std::int64_t left = margin;
  for (std::size_t c = 0; c < names.size(); ++c) {
    const std::int64_t top = margin + caption + height + margin;
    picture.rectangle(left, top, 16, 16, tint(static_cast<std::int64_t>(c) + 1));
    picture.text(left + 26, top + 1, names[c], ink);
    left += 26 + 12 * static_cast<std::int64_t>(names[c].size()) + 2 * margin;
  }
  picture.write(path);
}

}  // namespace support
