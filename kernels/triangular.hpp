#pragma once
#include <cstdint>

#include "kernels/isa.hpp"

namespace tasuki::kernels::cpu {

/// The triangular factors of a matrix [rows, columns], column by column in memory, take its place, with rows exchanged for the largest
/// pivots: row j, up to the smaller size, with row pivots[j]. Columns whose pivot is 0 stay as they are. The same bits on each call.
TASUKI_PER_ISA(void factorize_columns(double* a, std::int64_t rows, std::int64_t columns, std::int64_t* pivots))

/// x [n, columns] = (l u)^-1 x for the factors that factorize_columns makes of a square matrix, without zeros on the diagonal. x, whose rows
/// have been exchanged, lies row by row; columns are a multiple of 8.
TASUKI_PER_ISA(void solve_rows(const double* factors, std::int64_t n, double* x, std::int64_t columns))

/// to = the inverse of an upper or lower triangle [n, n] without zeros on its diagonal, both column by column in memory. What is beyond
/// the diagonal is not read.
TASUKI_PER_ISA(void invert_triangle(const double* a, double* to, std::int64_t n, bool upper))

}  // namespace tasuki::kernels::cpu
