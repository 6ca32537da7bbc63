#pragma once
#include <cstdint>

#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// One innermost row of an elementwise kernel: n elements of up to 4 operands (0 is the output) with strides in elements; a stride
/// of 0 repeats one element. `parameters` is the op's own.
using RowFunction = void (*)(std::int64_t n, char* const* operands, const std::int64_t* strides, const void* parameters);

/// Runs `row` over all elements of operands[0], to whose shape the others broadcast as NumPy does. Dimensions are merged and ordered by
/// the output's strides; large outputs are split among threads, which changes no bit. An operand may be the output itself.
void for_each_row(RowFunction row, const View* const* operands, int count, const void* parameters);

/// A number as an operand: one element of `dtype`, broadcast.
class ScalarView {
 public:
  ScalarView(double value, DType dtype);
  const View& view() const { return view_; }
  ScalarView(const ScalarView&) = delete;

 private:
  alignas(8) unsigned char element_[8] = {};
  View view_;
};

}  // namespace tasuki::kernels::cpu
