#include "benchmarks/ops/cases.hpp"
#include "tasuki/ops/fold.hpp"
#include "tasuki/ops/grid_sample.hpp"
#include "tasuki/ops/interpolate.hpp"
#include "tasuki/ops/pad.hpp"
#include "tasuki/ops/pool.hpp"
#include "tasuki/ops/pool_indices.hpp"
#include "tasuki/ops/rearrange.hpp"

namespace tasuki::benchmark {

std::vector<Case> spatial_cases(const Sizes& s) {
  const Operand signals{-2, 2, s.signals()}, images{-2, 2, s.images()}, volumes{-2, 2, s.volumes()};
  const std::int64_t n = s.images()[0];
  std::vector<Case> cases{
      {"max_pool2d 3x3", {images}, OF(max_pool2d(in[0], 3, {.stride = 2, .padding = 1}))},
      {"avg_pool2d 3x3", {images}, OF(avg_pool2d(in[0], 3, {.stride = 2, .padding = 1}))},
      {"max_unpool1d", {signals, indices(2048, s.signals())}, OF(max_unpool1d(in[0], in[1], 2))},
      {"fractional_max_pool2d", {images}, OF(fractional_max_pool2d(in[0], 2, {.ratio = 0.6})), is_random},
      {"fractional_max_pool2d_with_indices", {images}, OF(fractional_max_pool2d_with_indices(in[0], 2, {.ratio = 0.6}).values), is_random},
      {"fractional_max_pool3d", {volumes}, OF(fractional_max_pool3d(in[0], 2, {.ratio = 0.6})), is_random},
      {"fractional_max_pool3d_with_indices", {volumes}, OF(fractional_max_pool3d_with_indices(in[0], 2, {.ratio = 0.6}).values), is_random},
      {"max_unpool2d", {images, indices(4096, s.images())}, OF(max_unpool2d(in[0], in[1], 2))},
      {"max_unpool3d", {volumes, indices(32768, s.volumes())}, OF(max_unpool3d(in[0], in[1], 2))},
      {"interpolate nearest", {images}, OF(interpolate(in[0], {.scale = 2}))},
      {"interpolate linear", {signals}, OF(interpolate(in[0], {.scale = 2, .mode = Interpolation::linear}))},
      {"interpolate bilinear", {images}, OF(interpolate(in[0], {.scale = 2, .mode = Interpolation::bilinear}))},
      {"interpolate bicubic", {images}, OF(interpolate(in[0], {.scale = 2, .mode = Interpolation::bicubic}))},
      {"interpolate trilinear", {volumes}, OF(interpolate(in[0], {.scale = 2, .mode = Interpolation::trilinear}))},
      {"grid_sample", {images, {-1, 1, {n, 32, 32, 2}}}, OF(grid_sample(in[0], in[1]))},
      {"grid_sample nearest", {images, {-1, 1, {n, 32, 32, 2}}}, OF(grid_sample(in[0], in[1].detach(), {.mode = GridSampleMode::nearest}))},
      {"grid_sample of volumes", {volumes, {-1, 1, {s.volumes()[0], 16, 16, 16, 3}}}, OF(grid_sample(in[0], in[1]))},
      {"affine_grid", {{-1, 1, {16, 2, 3}}}, OF(affine_grid(in[0], {16, 3, 64, 64}))},
      {"pad", {images}, OF(pad(in[0], {1, 1, 1, 1}))},
      {"pad mirrored", {images}, OF(pad(in[0], {1, 1, 1, 1}, {.mode = PadMode::reflect}))},
      {"pad repeated", {images}, OF(pad(in[0], {1, 1, 1, 1}, {.mode = PadMode::replicate}))},
      {"pad around", {images}, OF(pad(in[0], {1, 1, 1, 1}, {.mode = PadMode::circular}))},
      {"pixel_shuffle", {images}, OF(pixel_shuffle(in[0], 2))},
      {"pixel_unshuffle", {images}, OF(pixel_unshuffle(in[0], 2))},
      {"unfold of images", {images}, OF(unfold(in[0], 2, {.stride = 2}))},
      {"unfold of images 3x3", {images}, OF(unfold(in[0], 3, {.padding = 1}))},
      {"fold", {{-2, 2, {n, 128, 256}}}, OF(fold(in[0], 32, 2, {.stride = 2}))},
  };
#define POOLINGS(n, operand)                                                                                             \
  cases.push_back({"max_pool" #n "d", {operand}, OF(max_pool##n##d(in[0], 2))});                                         \
  cases.push_back({"avg_pool" #n "d", {operand}, OF(avg_pool##n##d(in[0], 2))});                                         \
  cases.push_back({"lp_pool" #n "d", {operand}, OF(lp_pool##n##d(in[0], 2, 2))});                                        \
  cases.push_back({"max_pool" #n "d_with_indices", {operand}, OF(max_pool##n##d_with_indices(in[0], 2).values)});        \
  cases.push_back({"adaptive_avg_pool" #n "d", {operand}, OF(adaptive_avg_pool##n##d(in[0], 7))});                       \
  cases.push_back({"adaptive_max_pool" #n "d", {operand}, OF(adaptive_max_pool##n##d(in[0], 7))});                       \
  cases.push_back({"adaptive_max_pool" #n "d_with_indices", {operand}, OF(adaptive_max_pool##n##d_with_indices(in[0], 7).values)});
  POOLINGS(1, signals)
  POOLINGS(2, images)
  POOLINGS(3, volumes)
#undef POOLINGS
  return cases;
}

}  // namespace tasuki::benchmark
