#pragma once
#include <cstdint>

#include "tasuki/core/view.hpp"

/// Images read at given places. All operands are row-major, f32 or f64.
namespace tasuki::kernels::cpu {

enum class GridMode : std::uint8_t { linear, nearest, cubic };  // cubic: of images
enum class GridPadding : std::uint8_t { zeros, border, reflection };

struct GridSample {
  GridMode mode = GridMode::linear;
  GridPadding padding = GridPadding::zeros;
  bool align_corners = false;
  int dims = 2;                       ///< 2 or 3
  std::int64_t n = 0, channels = 0;
  std::int64_t size[3] = {1, 1, 1};   ///< depth, height, width of x
  std::int64_t places = 0;            ///< of an image: depth x height x width of y
};

/// x [n, channels, size...], grid [n, places, dims] (the last coordinate first), y [n, channels, places].
void grid_sample(const GridSample& s, const View& x, const View& grid, const View& y);
/// Of either gradient the other may be absent. In grad_x the contributions are added place after place.
void grid_sample_backward(const GridSample& s, const View& grad_y, const View& x, const View& grid, const View& grad_x, const View& grad_grid,
                          bool add_to_x, bool add_to_grid);

}  // namespace tasuki::kernels::cpu
