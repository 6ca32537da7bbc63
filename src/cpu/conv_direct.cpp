#include <algorithm>

#include "kernels/conv_direct.hpp"
#include "kernels/isa.hpp"
#include "kernels/parallel.hpp"
#include "src/cpu/conv_choices.hpp"
#include "src/cpu/dnnl_support.hpp"

namespace tasuki::cpu {

#if defined(__x86_64__)
namespace {

namespace kernel = kernels::cpu;
using kernels::cpu::DirectConv;
namespace avx512 = kernels::cpu::avx512;

DirectConv described(const ConvShape& s) {
  return {s.n, s.c, s.x_size[1], s.x_size[2], s.o, s.kernel[1], s.kernel[2], s.y_size[1], s.y_size[2], s.padding[1], s.padding[2]};
}

class DirectConvPlan final : public ConvPlan {
 public:
  DirectConvPlan(ConvOperand result, const ConvShape& s) : result_(result), s_(s), conv_(described(s)) {
    if (result == ConvOperand::x)  // a convolution of dy with turned kernels
      conv_ = {s.n, s.o, conv_.oh, conv_.ow, s.c, conv_.kh, conv_.kw, conv_.h, conv_.w, conv_.kh - 1 - conv_.padding_h, conv_.kw - 1 - conv_.padding_w};
    weights_ = s.o * s.c * conv_.kh * conv_.kw;
  }
  const char* implementation() const override { return "direct:images"; }
  std::size_t workspace_bytes() const override { return floats(conv_.blocks() * conv_.scratch_floats()) + shared_bytes(); }
  void run(const ConvBuffers& buffers, void* workspace) const override {
    float* const shared = static_cast<float*>(workspace);
    float* const scratch = at_byte<float>(workspace, shared_bytes());
    if (result_ == ConvOperand::weight) return sum_blocks(buffers, shared, scratch);
    const bool turned = result_ == ConvOperand::x;
    const float* const x = static_cast<const float*>(buffers.of(turned ? ConvOperand::y : ConvOperand::x));
    float* const y = static_cast<float*>(buffers.of(result_));
    const float* const bias = s_.has_bias && !turned ? static_cast<const float*>(buffers.bias) : nullptr;
    avx512::direct_conv_pack_weight(conv_, static_cast<const float*>(buffers.of(ConvOperand::weight)), s_.strides_of(ConvOperand::weight).data(), turned,
                                    shared);
    for_each_block([&](std::int64_t block) {
      avx512::direct_conv_block(conv_, block, x, shared, bias, y, scratch + block * conv_.scratch_floats());
    });
  }

 private:
  static std::size_t floats(std::int64_t count) { return aligned_bytes(static_cast<std::size_t>(count) * sizeof(float)); }
  /// The packed weight, or each block's share of its gradient.
  std::size_t shared_bytes() const { return floats(result_ == ConvOperand::weight ? conv_.blocks() * (weights_ + s_.o) : weights_); }
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
      avx512::direct_conv_weight_grad_block(conv_, block, static_cast<const float*>(buffers.of(ConvOperand::x)),
                                            static_cast<const float*>(buffers.of(ConvOperand::y)), share, s_.has_bias ? share + weights_ : nullptr,
                                            scratch + block * conv_.scratch_floats());
    });
    const std::int64_t used = s_.has_bias ? each : weights_;
    for (std::int64_t block = 1; block < conv_.blocks(); ++block)
      for (std::int64_t i = 0; i < used; ++i) shares[i] += shares[block * each + i];
    std::copy_n(shares, weights_, static_cast<float*>(buffers.of(ConvOperand::weight)));
    if (s_.has_bias) std::copy_n(shares + weights_, s_.o, static_cast<float*>(buffers.bias));
  }

  ConvOperand result_;
  ConvShape s_;
  DirectConv conv_;
  std::int64_t weights_;
};

bool is_row_major(const ConvShape& s, ConvOperand operand) {
  const Shape shape = s.shape(operand);
  const Strides& strides = s.strides_of(operand);
  std::int64_t expected = 1;
  for (int d = shape.ndim() - 1; d >= 0; --d) {
    if (shape[d] != 1 && strides[d] != expected) return false;
    expected *= shape[d];
  }
  return true;
}

/// oneDNN's convolutions fill vectors with channels. Below 16 channels images fill them better; measured with 64 images: gradients
/// of 6 to 16 channels 5x5 on 14x14 0.48 against 0.79 ms, of 1 to 6 on 28x28 0.11 against 0.21; 1 to 32 channels 3x3 lose.
bool pays(ConvOperand result, const ConvShape& s) {
  constexpr std::int64_t least_images = 32;
  const std::int64_t lanes_used = 16 * ((s.n + 15) / 16), most_channels = result == ConvOperand::y ? 15 : 16;
  return s.n >= least_images && 4 * s.n >= 3 * lanes_used && std::min(s.c, s.o) < 16 && std::max(s.c, s.o) <= most_channels;
}

/// A block's images should stay in the second-level cache.
bool fits_cache(const DirectConv& s) {
  constexpr std::int64_t most_floats = 192 * 1024;
  return 16 * std::max(s.c * (s.h + 2 * s.padding_h) * (s.w + 2 * s.padding_w), s.o * (s.oh + 2 * (s.kh - 1)) * (s.ow + 2 * (s.kw - 1))) <= 4 * most_floats &&
         16 * 6 * s.oh * s.ow <= most_floats;
}

}  // namespace

Plan* make_direct_conv(ConvOperand result, const ConvShape& s) {
  constexpr ConvShape::Sizes ones{1, 1, 1};
  const bool plain = s.dtype == f32 && s.dims == 2 && s.groups == 1 && s.stride == ones && s.dilation == ones && s.padding == s.padding_end &&
                     s.padding[1] < s.kernel[1] && s.padding[2] < s.kernel[2];
  if (!plain || kernel::isa() != kernel::Isa::avx512 || !pays(result, s) || !fits_cache(described(s))) return nullptr;
  if (!is_row_major(s, ConvOperand::x) || !is_row_major(s, ConvOperand::y)) return nullptr;
  if (result == ConvOperand::weight && !is_row_major(s, ConvOperand::weight)) return nullptr;
  return new DirectConvPlan(result, s);
}
#else
Plan* make_direct_conv(ConvOperand, const ConvShape&) { return nullptr; }
#endif

}  // namespace tasuki::cpu
