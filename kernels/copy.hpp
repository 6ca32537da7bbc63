#pragma once
#include "kernels/isa.hpp"
#include "kernels/loop.hpp"

namespace tasuki::kernels::cpu {

/// to = from, broadcast and converted: floats to integers toward zero, anything to bool as `!= 0`, halves rounded to nearest even.
void copy(const View& from, const View& to);
/// to = value everywhere.
void fill(const View& to, double value);

TASUKI_PER_ISA(RowFunction copy_row(DType from, DType to))
/// to[i * to_step] = from[i * from_step] for i < n, converted like `copy`, by vectors where both steps are 1.
void convert_row(DType from_dtype, const void* from, std::int64_t from_step, DType to_dtype, void* to, std::int64_t to_step, std::int64_t n);
template <class From, class To>
void convert_row(const From* from, std::int64_t from_step, To* to, std::int64_t to_step, std::int64_t n) {
  convert_row(dtype_of<From>, from, from_step, dtype_of<To>, to, to_step, n);
}

/// to[i] = from[n - 1 - i], elements of `size` bytes.
TASUKI_PER_ISA(void reverse_row(const void* from, void* to, std::int64_t n, int size))

/// A 2-d transposition by blocks: to[i * to_stride + j] = from[j * from_stride + i], elements of `size` bytes.
TASUKI_PER_ISA(void transpose_block(const char* from, std::int64_t from_stride, char* to, std::int64_t to_stride, std::int64_t rows, std::int64_t columns, int size))

}  // namespace tasuki::kernels::cpu
