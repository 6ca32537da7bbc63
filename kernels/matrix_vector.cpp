#include "kernels/matrix_vector.hpp"

#include <algorithm>
#include <vector>

#include "kernels/parallel.hpp"
#include "kernels/visit.hpp"

namespace tasuki::kernels::cpu {
namespace {

constexpr std::int64_t products_per_chunk = 65536;

}  // namespace

void matrix_vector(const View& a, bool transposed, const View& x, const View& y) {
  const std::int64_t rows = a.size(0), columns = a.size(1), stride = a.stride(0), size = static_cast<std::int64_t>(size_of(a.dtype));
  const char *matrix = a.as<const char>(), *vector = x.as<const char>();
  if (transposed) {
    const std::int64_t tiles = (columns + column_tile - 1) / column_tile;
    return parallel_for(tiles, std::max<std::int64_t>(1, products_per_chunk / (column_tile * std::max<std::int64_t>(rows, 1))), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t first = begin * column_tile; first < std::min(columns, end * column_tile); first += column_tile)
        TASUKI_ON_ISA(sum_of_scaled_rows)
        (a.dtype, matrix + first * size, stride, vector, rows, y.as<char>() + first * size, std::min(column_tile, columns - first));
    });
  }
  const auto part = [&](std::int64_t row, std::int64_t from) {
    return TASUKI_ON_ISA(dot_of_piece)(a.dtype, matrix + (row * stride + from) * size, vector + from * size, std::min(dot_piece, columns - from));
  };
  visit_floating(a.dtype, [&]<class T>(T) {
    if (columns <= dot_piece)
      return parallel_for(rows, std::max<std::int64_t>(1, products_per_chunk / std::max<std::int64_t>(columns, 1)), [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) y.as<T>()[i] = converted_to<T>(part(i, 0));
      });
    const std::int64_t pieces = (columns + dot_piece - 1) / dot_piece;
    std::vector<double> parts(static_cast<std::size_t>(rows * pieces));
    parallel_for(rows * pieces, products_per_chunk / dot_piece, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t p = begin; p < end; ++p) parts[static_cast<std::size_t>(p)] = part(p / pieces, p % pieces * dot_piece);
    });
    for (std::int64_t i = 0; i < rows; ++i) {
      double sum = 0;
      for (std::int64_t p = i * pieces; p < (i + 1) * pieces; ++p) sum += parts[static_cast<std::size_t>(p)];
      y.as<T>()[i] = converted_to<T>(sum);
    }
  });
}

void vector_product(const View& a, const View& b, const View& out) {
  const std::int64_t step = 3 * static_cast<std::int64_t>(size_of(a.dtype));
  parallel_for(out.numel / 3, 16384, [&](std::int64_t begin, std::int64_t end) {
    TASUKI_ON_ISA(vector_products)(a.dtype, a.as<const char>() + begin * step, b.as<const char>() + begin * step, out.as<char>() + begin * step, end - begin);
  });
}

}  // namespace tasuki::kernels::cpu
