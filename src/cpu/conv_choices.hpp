#pragma once
#include "src/cpu/conv.hpp"

/// The ways to compute a convolution. Which one is taken depends on pass, shape, dtype, layouts, instruction set and library
/// version, never on a timing.
namespace tasuki::cpu {

/// Through oneDNN, with reorders where its layouts differ; null where it has nothing, or only reference loops.
Plan* make_dnnl_conv(ConvOperand result, const ConvShape& shape);
/// Matrix products over unrolled windows, image by image: f64, and whatever the others do not take. f32 and f64.
Plan* make_host_conv(ConvOperand result, const ConvShape& shape);
/// bf16 and f16 through f32 copies.
Plan* make_converting_conv(ConvOperand result, const ConvShape& shape);
/// Own kernels with one image per vector lane, for few channels, where they win; null elsewhere.
Plan* make_direct_conv(ConvOperand result, const ConvShape& shape);

}  // namespace tasuki::cpu
