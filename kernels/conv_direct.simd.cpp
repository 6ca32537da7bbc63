// Memory: a block of 16 images is held as [channel][row][column][lane], zero-padded for x. Registers: a tile of output channels
// by output columns (forward) or kernel columns (weight gradient) stays in up to 24 accumulators while everything is summed.
#include "kernels/conv_direct.hpp"

#if defined(__AVX512F__)
namespace tasuki::kernels::cpu::TASUKI_ISA {

namespace {

constexpr std::int64_t lanes = 16;  // DirectConv::lanes, which this file may not instantiate
typedef float V __attribute__((vector_size(64)));
typedef float Unaligned __attribute__((vector_size(64), aligned(4), may_alias));

#define TASUKI_INLINE [[gnu::always_inline]] inline

TASUKI_INLINE std::int64_t smaller(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

/// Element (i, j) goes to (j, i). Each round moves the top bit of the row index to the bottom of the column index and the other
/// way round; four rounds exchange them.
TASUKI_INLINE void transpose(V (&r)[16]) {
#pragma GCC unroll 4
  for (int round = 0; round < 4; ++round) {
    V t[16];
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      t[2 * i] = __builtin_shufflevector(r[i], r[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      t[2 * i + 1] = __builtin_shufflevector(r[i], r[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    }
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) r[i] = t[i];
  }
}

/// 16 consecutive elements of each of up to 16 images, transposed; what is missing is zero.
TASUKI_INLINE void load_transposed(const float* from, std::int64_t image_stride, std::int64_t images, std::int64_t count, V (&r)[16]) {
  if (images == lanes && count >= lanes) {
#pragma GCC unroll 16
    for (int n = 0; n < 16; ++n) r[n] = *reinterpret_cast<const Unaligned*>(from + n * image_stride);
  } else {
    alignas(64) float part[16][16] = {};
    for (std::int64_t n = 0; n < images; ++n)
      for (std::int64_t i = 0; i < smaller(count, lanes); ++i) part[n][i] = from[n * image_stride + i];
    for (int n = 0; n < 16; ++n) r[n] = *reinterpret_cast<const V*>(part[n]);
  }
  transpose(r);
}

/// Images [channels, height, width] into [channels][height + 2 padding][width + 2 padding][lane].
void pack(const float* from, std::int64_t image_stride, std::int64_t images, std::int64_t channels, std::int64_t height, std::int64_t width,
          std::int64_t padding_h, std::int64_t padding_w, float* to) {
  const std::int64_t wide = width + 2 * padding_w, count = channels * height * width;
  V* out = reinterpret_cast<V*>(to);
  if (padding_h || padding_w)
    for (std::int64_t i = 0; i < channels * (height + 2 * padding_h) * wide; ++i) out[i] = V{};
  out += padding_h * wide + padding_w;
  std::int64_t row = 0, column = 0;
  for (std::int64_t p = 0; p < count; p += lanes) {
    V r[16];
    load_transposed(from + p, image_stride, images, count - p, r);
    for (std::int64_t i = 0; i < smaller(lanes, count - p); ++i) {
      *out++ = r[i];
      if (++column < width) continue;
      column = 0;
      out += 2 * padding_w;
      if (++row < height) continue;
      row = 0;
      out += 2 * padding_h * wide;
    }
  }
}

/// The way back for `count` elements without padding.
void unpack(const float* from, std::int64_t count, float* to, std::int64_t image_stride, std::int64_t images) {
  const V* const in = reinterpret_cast<const V*>(from);
  std::int64_t p = 0;
  for (; p + lanes <= count; p += lanes) {
    V r[16];
#pragma GCC unroll 16
    for (int i = 0; i < 16; ++i) r[i] = in[p + i];
    transpose(r);
    if (images == lanes) {
#pragma GCC unroll 16
      for (int n = 0; n < 16; ++n) *reinterpret_cast<Unaligned*>(to + n * image_stride + p) = r[n];
    } else {
      for (std::int64_t n = 0; n < images; ++n) *reinterpret_cast<Unaligned*>(to + n * image_stride + p) = r[n];
    }
  }
  for (; p < count; ++p)
    for (std::int64_t n = 0; n < images; ++n) to[n * image_stride + p] = from[p * lanes + n];
}

/// Output channels that are computed together.
TASUKI_INLINE std::int64_t channels_together(std::int64_t o, std::int64_t done) { return o % 6 == 0 ? 6 : smaller(4, o - done); }

struct Tile {
  const V* x;       // the window's corner
  const float* w;   // [c][kh][kw][channels together]
  const float* bias;
  V* y;
  std::int64_t c, kh, kw, x_plane, x_row, y_plane;
};

template <int O, int W>
TASUKI_INLINE void forward_tile(const Tile& t, std::int64_t column) {
  V sum[O][W];
#pragma GCC unroll 6
  for (int o = 0; o < O; ++o)
#pragma GCC unroll 5
    for (int j = 0; j < W; ++j) sum[o][j] = V{} + (t.bias ? t.bias[o] : 0.f);
  const float* w = t.w;
  for (std::int64_t c = 0; c < t.c; ++c)
    for (std::int64_t i = 0; i < t.kh; ++i) {
      const V* x = t.x + c * t.x_plane + i * t.x_row + column;
      for (std::int64_t k = 0; k < t.kw; ++k, ++x, w += O) {
#pragma GCC unroll 6
        for (int o = 0; o < O; ++o)
#pragma GCC unroll 5
          for (int j = 0; j < W; ++j) sum[o][j] += x[j] * w[o];
      }
    }
#pragma GCC unroll 6
  for (int o = 0; o < O; ++o)
#pragma GCC unroll 5
    for (int j = 0; j < W; ++j) t.y[o * t.y_plane + column + j] = sum[o][j];
}

template <int O>
void forward_row(const Tile& t, std::int64_t columns) {
  constexpr int widest = O == 6 ? 4 : 5;
  std::int64_t column = 0;
  for (; column + widest <= columns; column += widest) forward_tile<O, widest>(t, column);
  switch (columns - column) {
    case 4: return forward_tile<O, 4>(t, column);
    case 3: return forward_tile<O, 3>(t, column);
    case 2: return forward_tile<O, 2>(t, column);
    case 1: return forward_tile<O, 1>(t, column);
    default: return;
  }
}

struct GradTile {
  const V* x;   // row i of the kernel, at the first output pixel
  const V* dy;  // the first of the channels
  V* sums;
  std::int64_t oh, ow, x_row, dy_plane, sums_plane;
};

template <int O, int K>
TASUKI_INLINE void weight_tile(const GradTile& t, std::int64_t k) {
  V sum[O][K];
#pragma GCC unroll 4
  for (int o = 0; o < O; ++o)
#pragma GCC unroll 5
    for (int j = 0; j < K; ++j) sum[o][j] = V{};
  for (std::int64_t h = 0; h < t.oh; ++h) {
    const V* x = t.x + h * t.x_row + k;
    const V* dy = t.dy + h * t.ow;
    for (std::int64_t w = 0; w < t.ow; ++w, ++x, ++dy) {
#pragma GCC unroll 4
      for (int o = 0; o < O; ++o)
#pragma GCC unroll 5
        for (int j = 0; j < K; ++j) sum[o][j] += x[j] * dy[o * t.dy_plane];
    }
  }
#pragma GCC unroll 4
  for (int o = 0; o < O; ++o)
#pragma GCC unroll 5
    for (int j = 0; j < K; ++j) t.sums[o * t.sums_plane + k + j] = sum[o][j];
}

template <int O>
void weight_row(const GradTile& t, std::int64_t kw) {
  std::int64_t k = 0;
  for (; k + 5 <= kw; k += 5) weight_tile<O, 5>(t, k);
  switch (kw - k) {
    case 4: return weight_tile<O, 4>(t, k);
    case 3: return weight_tile<O, 3>(t, k);
    case 2: return weight_tile<O, 2>(t, k);
    case 1: return weight_tile<O, 1>(t, k);
    default: return;
  }
}

/// to[i] = the sum of the 16 lanes of from[i].
void sum_lanes(const V* from, std::int64_t count, float* to) {
  std::int64_t p = 0;
  for (; p < count; p += lanes) {
    V r[16];
    for (std::int64_t i = 0; i < lanes; ++i) r[i] = p + i < count ? from[p + i] : V{};
    transpose(r);
#pragma GCC unroll 4
    for (int half = 8; half > 0; half /= 2)
#pragma GCC unroll 8
      for (int i = 0; i < half; ++i) r[i] += r[i + half];
    for (std::int64_t i = 0; i < smaller(lanes, count - p); ++i) to[p + i] = r[0][i];
  }
}

}  // namespace

void direct_conv_pack_weight(const DirectConv& s, const float* weight, const std::int64_t* strides, bool flipped, float* packed) {
  const std::int64_t o_stride = flipped ? strides[1] : strides[0], c_stride = flipped ? strides[0] : strides[1];
  for (std::int64_t o = 0; o < s.o;) {
    const std::int64_t together = channels_together(s.o, o);
    for (std::int64_t c = 0; c < s.c; ++c)
      for (std::int64_t i = 0; i < s.kh; ++i)
        for (std::int64_t j = 0; j < s.kw; ++j)
          for (std::int64_t k = 0; k < together; ++k)
            *packed++ = weight[(o + k) * o_stride + c * c_stride + (flipped ? s.kh - 1 - i : i) * strides[2] + (flipped ? s.kw - 1 - j : j) * strides[3]];
    o += together;
  }
}

void direct_conv_block(const DirectConv& s, std::int64_t block, const float* x, const float* weight, const float* bias, float* y, float* scratch) {
  const std::int64_t first = block * lanes, images = smaller(lanes, s.images - first), taps = s.c * s.kh * s.kw;
  const std::int64_t x_row = s.w + 2 * s.padding_w, x_plane = (s.h + 2 * s.padding_h) * x_row, pixels = s.oh * s.ow;
  float* const planes = scratch + lanes * s.c * x_plane;
  pack(x + first * s.c * s.h * s.w, s.c * s.h * s.w, images, s.c, s.h, s.w, s.padding_h, s.padding_w, scratch);
  for (std::int64_t o = 0; o < s.o;) {
    const std::int64_t together = channels_together(s.o, o);
    for (std::int64_t row = 0; row < s.oh; ++row) {
      const Tile t{reinterpret_cast<const V*>(scratch) + row * x_row, weight + o * taps, bias ? bias + o : nullptr,
                   reinterpret_cast<V*>(planes) + row * s.ow, s.c, s.kh, s.kw, x_plane, x_row, pixels};
      switch (together) {
        case 6: forward_row<6>(t, s.ow); break;
        case 4: forward_row<4>(t, s.ow); break;
        case 3: forward_row<3>(t, s.ow); break;
        case 2: forward_row<2>(t, s.ow); break;
        default: forward_row<1>(t, s.ow); break;
      }
    }
    unpack(planes, together * pixels, y + first * s.o * pixels + o * pixels, s.o * pixels, images);
    o += together;
  }
}

void direct_conv_weight_grad_block(const DirectConv& s, std::int64_t block, const float* x, const float* dy, float* weight, float* bias, float* scratch) {
  const std::int64_t first = block * lanes, images = smaller(lanes, s.images - first), taps = s.c * s.kh * s.kw;
  const std::int64_t x_row = s.w + 2 * s.padding_w, x_plane = (s.h + 2 * s.padding_h) * x_row, pixels = s.oh * s.ow;
  V* const planes = reinterpret_cast<V*>(scratch) + s.c * x_plane;
  V* const sums = planes + 6 * pixels;
  pack(x + first * s.c * s.h * s.w, s.c * s.h * s.w, images, s.c, s.h, s.w, s.padding_h, s.padding_w, scratch);
  const std::int64_t most = s.o % 4 != 0 && s.o % 3 == 0 ? 3 : 4;
  for (std::int64_t o = 0; o < s.o;) {
    const std::int64_t together = smaller(most, s.o - o);
    pack(dy + first * s.o * pixels + o * pixels, s.o * pixels, images, together, s.oh, s.ow, 0, 0, reinterpret_cast<float*>(planes));
    for (std::int64_t c = 0; c < s.c; ++c)
      for (std::int64_t i = 0; i < s.kh; ++i) {
        const GradTile t{reinterpret_cast<const V*>(scratch) + c * x_plane + i * x_row, planes, sums + (c * s.kh + i) * s.kw, s.oh, s.ow,
                         x_row, pixels, taps};
        switch (together) {
          case 4: weight_row<4>(t, s.kw); break;
          case 3: weight_row<3>(t, s.kw); break;
          case 2: weight_row<2>(t, s.kw); break;
          default: weight_row<1>(t, s.kw); break;
        }
      }
    sum_lanes(sums, together * taps, weight + o * taps);
    if (bias) {
      for (std::int64_t k = 0; k < together; ++k) {
        V four[4] = {};  // enough additions under way at once
        for (std::int64_t p = 0; p < pixels; ++p) four[p % 4] += planes[k * pixels + p];
        sums[k] = (four[0] + four[1]) + (four[2] + four[3]);
      }
      sum_lanes(sums, together, bias + o);
    }
    o += together;
  }
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
#endif
