#pragma once
#include <cstdint>

namespace tasuki::kernels::cpu {

/// A convolution of stride 1 over row-major f32 images with few channels, computed for 16 images at once: each vector lane holds
/// one image, so that neither channels nor rows need to fill a vector. Images are transposed into that order and back, block by
/// block, in cache.
struct DirectConv {
  static constexpr std::int64_t lanes = 16;
  std::int64_t images, c, h, w, o, kh, kw, oh, ow, padding_h, padding_w;

  std::int64_t blocks() const { return (images + lanes - 1) / lanes; }
  std::int64_t padded_elements() const { return c * (h + 2 * padding_h) * (w + 2 * padding_w); }
  /// Scratch floats of one block, aligned to 64 bytes: x padded, planes of y, sums of weights.
  std::int64_t scratch_floats() const { return lanes * (padded_elements() + 6 * oh * ow + 6 * c * kh * kw); }
};

#if defined(__x86_64__)  // 16 lanes are a register of AVX-512; without it this is no gain
namespace avx512 {
/// Weight [o, c, kh, kw] (strides in elements) in the order in which direct_conv_block reads it; `flipped` turns kernels around and
/// swaps the roles of o and c: the weight of the gradient in x.
void direct_conv_pack_weight(const DirectConv& conv, const float* weight, const std::int64_t* strides, bool flipped, float* packed);
/// y of the images of one block; bias may be null.
void direct_conv_block(const DirectConv& conv, std::int64_t block, const float* x, const float* packed_weight, const float* bias, float* y, float* scratch);
/// The block's share of the gradients of weight [o, c, kh, kw] and, unless null, bias; each lane, pixel and image in a fixed order.
void direct_conv_weight_grad_block(const DirectConv& conv, std::int64_t block, const float* x, const float* dy, float* weight, float* bias, float* scratch);
}  // namespace avx512
#endif

}  // namespace tasuki::kernels::cpu
