#pragma once
#include "kernels/grid_sample.hpp"
#include "tasuki/tensor/tensor.hpp"

namespace tasuki::ops {

struct GridSampleGradients {
  Tensor x, grid;
};
/// The gradients of grid_sample as differentiable ops, for gradients of gradients; only those that are wanted. x may be undefined where
/// that of the grid is not.
GridSampleGradients grid_sample_gradients(const kernels::cpu::GridSample& sample, const Tensor& grad_y, const Tensor& x, const Tensor& grid,
                                          const Shape& x_shape, bool for_x, bool for_grid);

}  // namespace tasuki::ops
