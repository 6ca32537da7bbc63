// 2x2 max pooling of row-major f32 planes. Rows of 10 or 28 pixels fill no vector by themselves, so the two steps that need no
// knowledge of rows run over many rows at once.
#include "kernels/pool.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {

namespace {

constexpr std::int64_t buffer = 4096;

/// NaN beats everything, so that it cannot get lost.
[[gnu::always_inline]] inline bool beats(float candidate, float best) {
  return (candidate > best) | ((candidate != candidate) & (best == best));
}

}  // namespace

void max_pool_2x2_rows(const float* x, std::int64_t width, float* y, std::uint8_t* index, std::int64_t rows, std::int64_t columns) {
  alignas(64) float tallest[buffer];
  alignas(64) std::int32_t lower[buffer];  // 2 where the second row won, else 0
  const std::int64_t at_once = buffer / width;
  for (std::int64_t begin = 0; begin < rows; begin += at_once) {
    const std::int64_t count = rows - begin < at_once ? rows - begin : at_once;
    for (std::int64_t r = 0; r < count; ++r) {
      const float *top = x + 2 * (begin + r) * width, *bottom = top + width;
      for (std::int64_t j = 0; j < width; ++j) {
        const bool take = beats(bottom[j], top[j]);
        tallest[r * width + j] = take ? bottom[j] : top[j];
        lower[r * width + j] = take ? 2 : 0;
      }
    }
    float* const values = y + begin * columns;
    std::uint8_t* const places = index + begin * columns;
    for (std::int64_t j = 0; j < count * columns; ++j) {
      const float left = tallest[2 * j], right = tallest[2 * j + 1];
      const std::int32_t left_row = lower[2 * j], right_row = lower[2 * j + 1];
      const bool take = beats(right, left) | ((right == left) & (right_row < left_row));
      values[j] = take ? right : left;
      places[j] = static_cast<std::uint8_t>(take ? right_row + 1 : left_row);
    }
  }
}

void max_pool_2x2_scatter_rows(const float* dy, const std::uint8_t* index, float* dx, std::int64_t width, std::int64_t rows, std::int64_t columns) {
  alignas(64) float spread[buffer];
  alignas(64) std::int32_t place[buffer];  // 0: the upper pixel of this column won; 2: the lower
  const std::int64_t at_once = buffer / width;
  for (std::int64_t begin = 0; begin < rows; begin += at_once) {
    const std::int64_t count = rows - begin < at_once ? rows - begin : at_once;
    const float* const values = dy + begin * columns;
    const std::uint8_t* const places = index + begin * columns;
    for (std::int64_t j = 0; j < count * columns; ++j) {
      spread[2 * j] = spread[2 * j + 1] = values[j];
      place[2 * j] = places[j];
      place[2 * j + 1] = places[j] - 1;
    }
    for (std::int64_t r = 0; r < count; ++r) {
      float *top = dx + 2 * (begin + r) * width, *bottom = top + width;
      for (std::int64_t j = 0; j < width; ++j) {
        top[j] = place[r * width + j] == 0 ? spread[r * width + j] : 0.f;
        bottom[j] = place[r * width + j] == 2 ? spread[r * width + j] : 0.f;
      }
    }
  }
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
