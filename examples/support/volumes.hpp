#pragma once
// Volumes of a medical scanner and their labels, from NIfTI files.
#include <nifti1_io.h>
#include <tasuki/tasuki.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace support {

/// The values of a NIfTI file, [depth, height, width] in f32 with the file's scaling applied. Throws FileError.
inline tasuki::Tensor read_nifti(const std::string& path) {
  namespace ts = tasuki;
  const std::unique_ptr<nifti_image, void (*)(nifti_image*)> image(nifti_image_read(path.c_str(), 1), nifti_image_free);
  if (!image || !image->data) throw ts::FileError(path + " is not a NIfTI image");
  if (image->ndim != 3) throw ts::FileError(path + " has " + std::to_string(image->ndim) + " dimensions instead of 3");
  ts::Tensor volume = ts::empty({image->nz, image->ny, image->nx});
  const auto to = volume.data<float>();
  const auto convert = [&]<class T>(const T* from) {
    const float slope = image->scl_slope == 0 ? 1.f : image->scl_slope, offset = image->scl_slope == 0 ? 0.f : image->scl_inter;
    for (std::int64_t i = 0; i < volume.numel(); ++i) to[i] = static_cast<float>(from[i]) * slope + offset;
  };
  switch (image->datatype) {
    case DT_UINT8: convert(static_cast<const std::uint8_t*>(image->data)); break;
    case DT_INT16: convert(static_cast<const std::int16_t*>(image->data)); break;
    case DT_UINT16: convert(static_cast<const std::uint16_t*>(image->data)); break;
    case DT_INT32: convert(static_cast<const std::int32_t*>(image->data)); break;
    case DT_FLOAT32: convert(static_cast<const float*>(image->data)); break;
    case DT_FLOAT64: convert(static_cast<const double*>(image->data)); break;
    default: throw ts::FileError(path + " has values of type " + nifti_datatype_string(image->datatype) + ", which this example does not read");
  }
  return volume;
}

struct Volume {
  tasuki::Tensor image, label;  // [depth, height, width]: f32 with mean 0 and standard deviation 1, and u8
};

/// All volumes of a folder with images/ and labels/, in the order of their names. Throws FileError, or ShapeError when a label has
/// another size than its image.
inline std::vector<Volume> read_volumes(const std::string& folder) {
  namespace ts = tasuki;
  if (!std::filesystem::is_directory(folder + "/images")) throw ts::FileError(folder + " has no folder images");
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder + "/images"))
    if (entry.path().filename().string().find(".nii") != std::string::npos) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  std::vector<Volume> volumes;
  for (const auto& path : paths) {
    const ts::Tensor image = read_nifti(path.string()), label = read_nifti(folder + "/labels/" + path.filename().string());
    if (!(image.shape() == label.shape())) throw ts::ShapeError(path.string() + " is not as large as its label");
    const ts::Tensor centered = image - ts::mean(image);
    volumes.push_back({centered / ts::sqrt(ts::mean(ts::square(centered)) + 1e-6), label.to(ts::u8)});
  }
  return volumes;
}

/// The sizes that hold every volume, rounded up to multiples of `unit`.
inline tasuki::Shape common_size(const std::vector<Volume>& volumes, std::int64_t unit) {
  tasuki::Shape size{unit, unit, unit};
  for (const Volume& v : volumes)
    for (int d = 0; d < 3; ++d) size[d] = std::max(size[d], (v.image.size(d) + unit - 1) / unit * unit);
  return size;
}

/// Volumes of one size, with zeros (the mean, and background) behind what was smaller, so that all steps are alike.
class VolumeDataset final : public tasuki::data::Dataset {
 public:
  VolumeDataset(const std::vector<Volume>& volumes, const tasuki::Shape& size) {
    for (const Volume& v : volumes) volumes_.push_back({padded(v.image, size).unsqueeze(0), padded(v.label, size)});
  }
  std::int64_t size() const override { return static_cast<std::int64_t>(volumes_.size()); }
  tasuki::data::Batch get(std::int64_t index) const override {
    const Volume& v = volumes_[static_cast<std::size_t>(index)];
    return {v.image, v.label.to(tasuki::i64)};
  }

 private:
  static tasuki::Tensor padded(const tasuki::Tensor& volume, const tasuki::Shape& size) {
    const tasuki::Tensor whole = tasuki::zeros(size, {.dtype = volume.dtype()});
    tasuki::Tensor part = whole;
    for (int d = 0; d < 3; ++d) part = part.slice(d, 0, volume.size(d));
    part.copy_(volume);
    return whole;
  }

  std::vector<Volume> volumes_;
};

}  // namespace support
