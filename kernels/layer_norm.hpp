#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/norm_backward.hpp"

/// Layer normalization of rows: x, y and their gradients are row-major, [rows, size]. weight and bias have `size` elements, row-major,
/// in x's dtype, or f32 where x is bf16 or f16, and may be absent. mean and inv_std have one element per row, dense, in the type
/// sums are carried in.
///
/// Memory: a row is read three times, from the first-level cache after the first; backward reads two rows twice.
namespace tasuki::kernels::cpu {

struct LayerNormForward {
  View x, weight, bias, y, mean, inv_std;
  std::int64_t size = 1;
  double eps = 1e-5;
  void* workspace = nullptr;  ///< layer_norm_workspace bytes
};
void layer_norm(const LayerNormForward& f);

struct LayerNormBackward : NormBackward {
  std::int64_t size = 1;
};
void layer_norm_backward(const LayerNormBackward& b);

/// Scratch bytes of either.
std::size_t layer_norm_workspace(std::int64_t size, DType dtype);

}  // namespace tasuki::kernels::cpu
