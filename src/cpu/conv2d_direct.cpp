#include <algorithm>

#include "kernels/conv_direct.hpp"
#include "kernels/parallel.hpp"
#include "src/cpu/conv2d_choices.hpp"
#include "src/cpu/dnnl_support.hpp"

namespace tasuki::cpu {

namespace {

namespace kernel = kernels::cpu;
using kernels::cpu::DirectConv;
// TASUKI_ON_ISA names the copies relative to the scope it is used in.
namespace baseline = kernels::cpu::baseline;
#if defined(__x86_64__)
namespace avx2 = kernels::cpu::avx2;
namespace avx512 = kernels::cpu::avx512;
#endif

class DirectConvPlan final : public ConvPlan {
 public:
  DirectConvPlan(ConvPass pass, const ConvShape& s) : pass_(pass), s_(s), conv_{s.n, s.c, s.h, s.w, s.o, s.kh, s.kw, s.oh, s.ow, s.padding_h, s.padding_w} {
    if (pass == ConvPass::input_grad)  // a convolution of dy with turned kernels
      conv_ = {s.n, s.o, s.oh, s.ow, s.c, s.kh, s.kw, s.h, s.w, s.kh - 1 - s.padding_h, s.kw - 1 - s.padding_w};
    weights_ = s.o * s.c * s.kh * s.kw;
  }
  const char* implementation() const override { return "direct:images"; }
  std::size_t workspace_bytes() const override { return floats(conv_.blocks() * conv_.scratch_floats()) + shared_bytes(); }
  void run(const ConvBuffers& buffers, void* workspace) const override {
    float* const shared = static_cast<float*>(workspace);
    float* const scratch = at_byte<float>(workspace, shared_bytes());
    const float* const x = static_cast<const float*>(pass_ == ConvPass::input_grad ? buffers.y : buffers.x);
    if (pass_ == ConvPass::weight_grad) return sum_blocks(buffers, shared, scratch);
    float* const y = static_cast<float*>(pass_ == ConvPass::input_grad ? buffers.x : buffers.y);
    const float* const bias = s_.has_bias && pass_ == ConvPass::forward ? static_cast<const float*>(buffers.bias) : nullptr;
    TASUKI_ON_ISA(direct_conv_pack_weight)(conv_, static_cast<const float*>(buffers.weight), s_.weight_strides.data(), pass_ == ConvPass::input_grad, shared);
    for_each_block([&](std::int64_t block) {
      TASUKI_ON_ISA(direct_conv_block)(conv_, block, x, shared, bias, y, scratch + block * conv_.scratch_floats());
    });
  }

 private:
  static std::size_t floats(std::int64_t count) { return aligned_bytes(static_cast<std::size_t>(count) * sizeof(float)); }
  /// The packed weight, or each block's share of its gradient.
  std::size_t shared_bytes() const { return floats(pass_ == ConvPass::weight_grad ? conv_.blocks() * (weights_ + s_.o) : weights_); }
  template <class F>
  void for_each_block(F&& f) const {
    kernels::parallel_for(conv_.blocks(), 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t block = begin; block < end; ++block) f(block);
    });
  }
  void sum_blocks(const ConvBuffers& buffers, float* shares, float* scratch) const {
    const std::int64_t each = weights_ + s_.o;
    for_each_block([&](std::int64_t block) {
      float* const share = shares + block * each;
      TASUKI_ON_ISA(direct_conv_weight_grad_block)(conv_, block, static_cast<const float*>(buffers.x), static_cast<const float*>(buffers.y), share,
                                                   s_.has_bias ? share + weights_ : nullptr, scratch + block * conv_.scratch_floats());
    });
    const std::int64_t used = s_.has_bias ? each : weights_;
    for (std::int64_t block = 1; block < conv_.blocks(); ++block)
      for (std::int64_t i = 0; i < used; ++i) shares[i] += shares[block * each + i];
    std::copy_n(shares, weights_, static_cast<float*>(buffers.weight));
    if (s_.has_bias) std::copy_n(shares + weights_, s_.o, static_cast<float*>(buffers.bias));
  }

  ConvPass pass_;
  ConvShape s_;
  DirectConv conv_;
  std::int64_t weights_;
};

bool is_row_major(const Shape& shape, const Strides& strides) {
  std::int64_t expected = 1;
  for (int d = shape.ndim() - 1; d >= 0; --d) {
    if (shape[d] != 1 && strides[d] != expected) return false;
    expected *= shape[d];
  }
  return true;
}

/// oneDNN's convolutions fill vectors with channels. Below 16 channels images fill them better; measured with 64 images: gradients
/// of 6 to 16 channels 5x5 on 14x14 0.48 against 0.79 ms, of 1 to 6 on 28x28 0.11 against 0.21; 1 to 32 channels 3x3 lose.
bool pays(ConvPass pass, const ConvShape& s) {
  constexpr std::int64_t least_images = 32;
  const std::int64_t lanes_used = 16 * ((s.n + 15) / 16), most_channels = pass == ConvPass::forward ? 15 : 16;
  return s.n >= least_images && 4 * s.n >= 3 * lanes_used && std::min(s.c, s.o) < 16 && std::max(s.c, s.o) <= most_channels;
}

/// A block's images should stay in the second-level cache.
bool fits_cache(const ConvShape& s) {
  constexpr std::int64_t most_floats = 192 * 1024;
  return 16 * std::max(s.c * (s.h + 2 * s.padding_h) * (s.w + 2 * s.padding_w), s.o * (s.oh + 2 * (s.kh - 1)) * (s.ow + 2 * (s.kw - 1))) <= 4 * most_floats &&
         16 * 6 * s.oh * s.ow <= most_floats;
}

}  // namespace

Plan* make_direct_conv(ConvPass pass, const ConvShape& s) {
  const bool plain = s.dtype == f32 && s.groups == 1 && s.stride_h == 1 && s.stride_w == 1 && s.dilation_h == 1 && s.dilation_w == 1 &&
                     s.padding_h < s.kh && s.padding_w < s.kw;
  if (!plain || kernel::isa() != kernel::Isa::avx512 || !pays(pass, s) || !fits_cache(s)) return nullptr;
  if (!is_row_major(s.x_shape(), s.x_strides) || !is_row_major(s.y_shape(), s.y_strides)) return nullptr;
  if (pass == ConvPass::weight_grad && !is_row_major(s.weight_shape(), s.weight_strides)) return nullptr;
  return new DirectConvPlan(pass, s);
}

}  // namespace tasuki::cpu
