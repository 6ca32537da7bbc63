#pragma once
#include <algorithm>
#include <cstdint>

#include "kernels/merged_dims.hpp"
#include "kernels/parallel.hpp"
#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// A 0-d array is one line of one element.
inline std::int64_t size_along(const View& v, int dim) { return v.ndim ? v.shape[dim] : 1; }

/// Up to three operands seen as many lines along one dimension: the other dimensions are merged, and the innermost of them is the
/// `row`, so that a kernel can take several lines at once.
struct Lines {
  static constexpr int most_operands = 3;
  struct Dim {
    std::int64_t size = 1, stride[most_operands] = {};
  };
  Dim row, line;  // line: the dimension itself, as long as it is in operand 0
  TASUKI_ISA::MergedDims<most_operands> outer;
  std::int64_t outer_count = 1;

  /// Where outer position `number` lies in each operand, in elements.
  void locate(std::int64_t number, std::int64_t (&at)[most_operands]) const { outer.locate(number, outer.count, at); }
  /// The line runs through memory faster than the row does.
  bool line_inside() const { return row.size == 1 || line.stride[0] < row.stride[0]; }
};

/// Sizes are those of operands[0]. The others have as many dimensions.
Lines lines_along(int dim, const View* const* operands, int count);

/// What one call of for_blocks' body gets: a part of the lines of one outer position.
struct LineBlock {
  std::int64_t at[Lines::most_operands];  ///< offsets of the outer position
  std::int64_t row_begin, row_end, line_begin, line_end;
};

/// Cuts the work into blocks of about 16,384 elements and runs body(block) for all of them on several threads. Lines stay whole
/// unless `split_lines`; `most_rows` limits the lines of a block. Blocks depend on the shapes alone.
template <class Body>
void for_blocks(const Lines& lines, bool split_lines, std::int64_t most_rows, Body&& body) {
  constexpr std::int64_t target = 16384;
  const std::int64_t length = std::max<std::int64_t>(lines.line.size, 1);
  const std::int64_t rows = std::min({lines.row.size, most_rows, std::max<std::int64_t>(target / length, 64)});
  const std::int64_t run = split_lines ? std::min(length, std::max<std::int64_t>(target / rows, 1)) : length;
  const std::int64_t row_blocks = (lines.row.size + rows - 1) / rows, runs = (length + run - 1) / run;
  parallel_for(lines.outer_count * row_blocks * runs, std::max<std::int64_t>(1, target / (rows * run)), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      LineBlock block;
      lines.locate(i / runs / row_blocks, block.at);
      block.row_begin = i / runs % row_blocks * rows;
      block.row_end = std::min(lines.row.size, block.row_begin + rows);
      block.line_begin = i % runs * run;
      block.line_end = std::min(lines.line.size, block.line_begin + run);
      body(block);
    }
  });
}

}  // namespace tasuki::kernels::cpu
