#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/norm_backward.hpp"

/// Normalization of rows, for layer_norm, rms_norm, group_norm and instance_norm: x, y and their gradients are row-major, [rows, size].
/// weight and bias, row-major, in x's dtype, or f32 where x is bf16 or f16, may be absent. mean and inv_std have one element per row,
/// dense, in the type sums are carried in.
///
/// Memory: a row is read three times, from the first-level cache after the first; backward reads two rows twice.
namespace tasuki::kernels::cpu {

/// How rows are made of the elements of weight and bias.
struct RowLayout {
  std::int64_t size = 1;    ///< of a row
  std::int64_t run = 1;     ///< so many neighbours of a row share an element of weight and bias (the pixels of a channel)
  std::int64_t groups = 1;  ///< row r takes the (r mod groups)-th part of weight and bias
  bool centered = true;     ///< subtract the mean; otherwise divide by the root of the mean square alone, and mean is 0
  std::int64_t weights() const { return groups * (size / run); }
};

struct LayerNormForward {
  View x, weight, bias, y, mean, inv_std;
  RowLayout row;
  double eps = 1e-5;
  void* workspace = nullptr;  ///< layer_norm_workspace bytes
};
void layer_norm(const LayerNormForward& f);

struct LayerNormBackward : NormBackward {
  RowLayout row;
};
void layer_norm_backward(const LayerNormBackward& b);

/// Scratch bytes of either.
std::size_t layer_norm_workspace(const RowLayout& row, DType dtype);

}  // namespace tasuki::kernels::cpu
