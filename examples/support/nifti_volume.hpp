#pragma once
#include <nifti1_io.h>
#include <tasuki/tasuki.hpp>

#include <memory>
#include <string>

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

}  // namespace support
