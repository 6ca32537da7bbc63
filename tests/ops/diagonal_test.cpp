#include "tasuki/ops/diagonal.hpp"

#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;

namespace {

/// Line r of the last dimension on the diagonal `offset` of matrix r.
HostArrays on_diagonals(const HostArray& x, std::int64_t offset) {
  const std::int64_t n = x.shape.back(), size = n + std::abs(offset), lines = n ? x.numel() / n : 0;
  Shape shape = x.shape;
  shape[shape.ndim() - 1] = size;
  shape.push_back(size);
  HostArray y(shape);
  for (std::int64_t r = 0; r < lines; ++r)
    for (std::int64_t i = 0; i < n; ++i) y[r * size * size + (i + (offset < 0 ? -offset : 0)) * size + i + (offset > 0 ? offset : 0)] = x[r * n + i];
  return y;
}

}  // namespace

OP_CASES(diagonal) {
  return {
      {.op = "diag",
       .variant = "of a vector",
       .inputs = {real({4})},
       .forward = [](const Inputs& in) { return ts::diag(in[0], -1); },
       .reference = [](const HostArrays& in) { return on_diagonals(in[0], -1); },
       .flags = special_values,
       .more_shapes = {{{1}}, {{0}}, {{33}}}},
      {.op = "diag",
       .variant = "whose vector is read again",
       .inputs = {real({3, 4})},
       .forward = [](const Inputs& in) { return ts::diag(in[0], 1).clone(); },
       .reference = [](const HostArrays& in) -> HostArrays {
         HostArray y(Shape{3});
         for (std::int64_t i = 0; i < 3; ++i) y[i] = in[0].at({i, i + 1});
         return y;
       }},
      {.op = "diag_embed",
       .variant = "above the main one",
       .inputs = {real({2, 3})},
       .forward = [](const Inputs& in) { return ts::diag_embed(in[0], 2); },
       .reference = [](const HostArrays& in) { return on_diagonals(in[0], 2); },
       .more_shapes = {{{2, 0}}, {{0, 3}}, {{2, 3, 5}}}},
      {.op = "diag_embed",
       .variant = "in other dimensions",
       .inputs = {real({2, 3})},
       .forward = [](const Inputs& in) { return ts::diag_embed(in[0], -1, 0, 2); },
       .reference = [](const HostArrays& in) -> HostArrays {
         HostArray y(Shape{4, 2, 4});
         for (std::int64_t n = 0; n < 2; ++n)
           for (std::int64_t i = 0; i < 3; ++i) y.at({i + 1, n, i}) = in[0].at({n, i});
         return y;
       }},
      {.op = "trace",
       .inputs = {real({4, 3})},
       .forward = [](const Inputs& in) { return ts::trace(in[0]); },
       .reference = [](const HostArrays& in) -> HostArrays {
         double sum = 0;
         for (std::int64_t i = 0; i < std::min(in[0].shape[0], in[0].shape[1]); ++i) sum += in[0].at({i, i});
         return HostArray({}, sum);
       },
       .more_shapes = {{{0, 3}}, {{1, 1}}, {{30, 40}}},
       .slack = 4},
  };
}

TEST_CASE("Misuse of diagonals is explained") {
  const ts::Tensor x = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  const std::string tail = "\n  called at <here>", of_x = "\n  x: f32[2, 3] cpu" + tail;
  expect_error([&] { ts::diag(x.unsqueeze(0)); }, "ShapeError: diag\n  expected  a vector or a matrix\n  actual    [1, 2, 3]\n  x: f32[1, 2, 3] cpu" + tail);
  expect_error([&] { ts::diag_embed(x, 0, 1, -2); }, "ShapeError: diag_embed\n  expected  two different dimensions\n  actual    dim1 = 1, dim2 = -2" + of_x);
  expect_error([&] { ts::trace(x[0]); }, "ShapeError: trace\n  expected  x.ndim() == 2\n  actual    1 != 2\n  x: f32[3] cpu" + tail);
}
