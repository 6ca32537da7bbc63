#include "kernels/loop.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "kernels/copy.hpp"
#include "kernels/parallel.hpp"
#include "kernels/visit.hpp"

namespace tasuki::kernels::cpu {

namespace {

constexpr int most_operands = 4, most_dims = 8;
constexpr std::int64_t loop_grain = 32768;  // elements: some 10 us of memory traffic

struct Loop {
  int dims = 0;  // at least one; the last is the row
  std::int64_t size[most_dims], stride[most_dims][most_operands];
};

Loop plan(const View* const* operands, int count) {
  Loop loop;
  const View& out = *operands[0];
  for (int d = 0; d < out.ndim; ++d) {
    if (out.shape[d] == 1) continue;
    loop.size[loop.dims] = out.shape[d];
    for (int k = 0; k < count; ++k) {
      const View& v = *operands[k];
      const int own = d - (out.ndim - v.ndim);
      loop.stride[loop.dims][k] = own < 0 || v.shape[own] == 1 ? 0 : v.strides[own];
    }
    ++loop.dims;
  }
  if (loop.dims == 0) {  // one element
    loop.size[loop.dims++] = 1;
    std::fill_n(loop.stride[0], count, std::int64_t{0});
  }
  // Outermost first by the output's strides, so that writes run through memory.
  for (int i = 1; i < loop.dims; ++i)
    for (int j = i; j > 0 && std::abs(loop.stride[j - 1][0]) < std::abs(loop.stride[j][0]); --j) {
      std::swap(loop.size[j - 1], loop.size[j]);
      std::swap(loop.stride[j - 1], loop.stride[j]);
    }
  int merged = 0;
  for (int d = 1; d < loop.dims; ++d) {
    bool joins = true;
    for (int k = 0; k < count; ++k) joins &= loop.stride[merged][k] == loop.stride[d][k] * loop.size[d];
    if (joins) {
      loop.size[merged] *= loop.size[d];
    } else {
      loop.size[++merged] = loop.size[d];
    }
    std::memcpy(loop.stride[merged], loop.stride[d], sizeof loop.stride[d]);
  }
  loop.dims = merged + 1;
  return loop;
}

/// A part of the rows, which lie side by side in some operands: there a row would touch as many cache lines as it has elements. Those
/// operands are transposed, a tile at a time, and rows run over the tile.
class TransposedTiles {
 public:
  static constexpr std::int64_t rows = 32, columns = 256;

  TransposedTiles(const Loop& loop, int count) : loop_(loop), inner_(loop.dims - 1), side_(loop.dims - 2), count_(count) {
    if (side_ < 0 || loop.size[inner_] < 16 || loop.size[side_] < 16) return;
    for (int k = 1; k < count; ++k) {
      is_transposed_[k] = loop.stride[side_][k] == 1 && std::abs(loop.stride[inner_][k]) > 1;
      any_ |= is_transposed_[k];
    }
  }
  explicit operator bool() const { return any_; }

  void run(RowFunction row, char* const* base, const std::int64_t* element_size, const void* parameters) const {
    const std::int64_t n = loop_.size[inner_], tall = loop_.size[side_], tiles = (tall + rows - 1) / rows;
    std::int64_t outer = 1;
    for (int d = 0; d < side_; ++d) outer *= loop_.size[d];
    parallel_for(outer * tiles, std::max<std::int64_t>(1, loop_grain / (rows * n)), [&](std::int64_t begin, std::int64_t end) {
      std::vector<char> scratch(static_cast<std::size_t>(count_ * rows * columns * 8));
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t first = i % tiles * rows, height = std::min(rows, tall - first);
        char* at[most_operands];
        for (int k = 0; k < count_; ++k) at[k] = base[k] + (offset(i / tiles, k) + first * loop_.stride[side_][k]) * element_size[k];
        for (std::int64_t c = 0; c < n; c += columns) {
          run_tile(row, at, c, height, std::min(columns, n - c), element_size, scratch.data(), parameters);
        }
      }
    });
  }

 private:
  std::int64_t offset(std::int64_t outer, int k) const {
    std::int64_t at = 0;
    for (int d = side_ - 1; d >= 0; outer /= loop_.size[d--]) at += outer % loop_.size[d] * loop_.stride[d][k];
    return at;
  }
  void run_tile(RowFunction row, char* const* at, std::int64_t column, std::int64_t height, std::int64_t width, const std::int64_t* element_size, char* scratch,
                const void* parameters) const {
    char* from[most_operands];
    std::int64_t down[most_operands], along[most_operands];  // steps in bytes to the next row, in elements along it
    for (int k = 0; k < count_; ++k) {
      along[k] = loop_.stride[inner_][k];
      down[k] = loop_.stride[side_][k] * element_size[k];
      from[k] = at[k] + column * along[k] * element_size[k];
      if (!is_transposed_[k]) continue;
      char* const tile = scratch + k * rows * columns * 8;
      TASUKI_ON_ISA(transpose_block)(from[k], along[k], tile, width, height, width, static_cast<int>(element_size[k]));
      from[k] = tile;
      along[k] = 1;
      down[k] = width * element_size[k];
    }
    for (std::int64_t r = 0; r < height; ++r) {
      row(width, from, along, parameters);
      for (int k = 0; k < count_; ++k) from[k] += down[k];
    }
  }

  const Loop& loop_;
  int inner_, side_, count_;
  bool is_transposed_[most_operands] = {}, any_ = false;
};

}  // namespace

void for_each_row(RowFunction row, const View* const* operands, int count, const void* parameters) {
  const View& out = *operands[0];
  if (out.numel == 0) return;
  std::int64_t element_size[most_operands];
  char* base[most_operands];
  bool flat = true;
  for (int k = 0; k < count; ++k) {
    element_size[k] = static_cast<std::int64_t>(size_of(operands[k]->dtype));
    base[k] = operands[k]->as<char>();
    flat &= operands[k]->contiguous && (operands[k]->numel == out.numel || operands[k]->numel == 1);
  }
  if (flat) {
    std::int64_t strides[most_operands];
    for (int k = 0; k < count; ++k) strides[k] = operands[k]->numel == out.numel ? 1 : 0;
    if (out.numel <= loop_grain) return row(out.numel, base, strides, parameters);
    parallel_for(out.numel, loop_grain, [&](std::int64_t begin, std::int64_t end) {
      char* at[most_operands];
      for (int k = 0; k < count; ++k) at[k] = base[k] + begin * strides[k] * element_size[k];
      row(end - begin, at, strides, parameters);
    });
    return;
  }
  const Loop loop = plan(operands, count);
  const int inner = loop.dims - 1;
  const std::int64_t n = loop.size[inner], rows = out.numel / n;
  if (rows == 1) {
    parallel_for(n, loop_grain, [&](std::int64_t begin, std::int64_t end) {
      char* at[most_operands];
      for (int k = 0; k < count; ++k) at[k] = base[k] + begin * loop.stride[inner][k] * element_size[k];
      row(end - begin, at, loop.stride[inner], parameters);
    });
    return;
  }
  if (const TransposedTiles tiles(loop, count); tiles) return tiles.run(row, base, element_size, parameters);
  parallel_for(rows, std::max<std::int64_t>(1, loop_grain / n), [&](std::int64_t begin, std::int64_t end) {
    std::int64_t index[most_dims] = {};
    char* at[most_operands];
    std::copy(base, base + count, at);
    for (std::int64_t rest = begin, d = inner - 1; d >= 0; --d) {
      index[d] = rest % loop.size[d];
      rest /= loop.size[d];
      for (int k = 0; k < count; ++k) at[k] += index[d] * loop.stride[d][k] * element_size[k];
    }
    for (std::int64_t r = begin; r < end; ++r) {
      row(n, at, loop.stride[inner], parameters);
      for (int d = inner - 1; d >= 0; --d) {
        const bool wraps = ++index[d] == loop.size[d];
        const std::int64_t steps = wraps ? 1 - loop.size[d] : 1;
        for (int k = 0; k < count; ++k) at[k] += steps * loop.stride[d][k] * element_size[k];
        if (!wraps) break;
        index[d] = 0;
      }
    }
  });
}

ScalarView::ScalarView(double value, DType dtype) {
  visit_all(dtype, [&](auto zero) {
    using T = decltype(zero);
    const T element = converted_to<T>(value);
    std::memcpy(element_, &element, sizeof element);
  });
  view_.data = element_;
  view_.numel = 1;
  view_.dtype = dtype;
  view_.present = view_.contiguous = true;
}

}  // namespace tasuki::kernels::cpu
