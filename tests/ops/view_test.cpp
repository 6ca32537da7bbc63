#include "tasuki/ops/view.hpp"

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/core/error.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;

namespace {

/// The array that holds, at each index of `shape`, the element that `index_of` names in the operand.
template <class IndexOf>
auto gathered(Shape (*shape_of)(const Shape&), IndexOf index_of) {
  return [=](const HostArrays& in) -> HostArrays {
    HostArray out(shape_of(in[0].shape));
    for (std::int64_t i = 0; i < out.numel(); ++i) out[i] = in[0][index_of(in[0].shape, i)];
    return out;
  };
}

constexpr unsigned flags = no_replay | special_values;

}  // namespace

OP_CASES(view) {
  return {
      {.op = "select",
       .inputs = {real({3, 4, 2})},
       .forward = [](const Inputs& in) { return ts::select(in[0], 1, -2); },
       .reference = gathered([](const Shape& s) { return Shape{s[0], s[2]}; },
                             [](const Shape& s, std::int64_t i) { return (i / s[2] * s[1] + s[1] - 2) * s[2] + i % s[2]; }),
       .flags = flags,
       .more_shapes = {{{1, 2, 1}}, {{0, 3, 2}}}},
      {.op = "slice",
       .inputs = {real({7, 3})},
       .forward = [](const Inputs& in) { return ts::slice(in[0], 0, 1, -1, 2); },
       .reference = gathered([](const Shape& s) { return Shape{(s[0] - 1) / 2, s[1]}; },
                             [](const Shape& s, std::int64_t i) { return (1 + 2 * (i / s[1])) * s[1] + i % s[1]; }),
       .flags = flags,
       .more_shapes = {{{3, 5}}, {{5, 0}}}},
      {.op = "narrow",
       .inputs = {real({5, 3})},
       .forward = [](const Inputs& in) { return ts::narrow(in[0], 0, 2, 3); },
       .reference = gathered([](const Shape& s) { return Shape{3, s[1]}; }, [](const Shape& s, std::int64_t i) { return i + 2 * s[1]; }),
       .flags = flags},
      {.op = "reshape",
       .inputs = {real({4, 6})},
       .forward = [](const Inputs& in) { return ts::reshape(in[0], {3, -1, 2}); },
       .reference = [](const HostArrays& in) -> HostArrays { return HostArray({3, in[0].numel() / 6, 2}, in[0].values); },
       .flags = special_values | no_replay,
       .more_shapes = {{{6, 1}}, {{2, 9}}}},
      {.op = "flatten",
       .inputs = {real({2, 3, 4})},
       .forward = [](const Inputs& in) { return ts::flatten(in[0], 1); },
       .reference = [](const HostArrays& in) -> HostArrays { return HostArray({in[0].shape[0], in[0].shape[1] * in[0].shape[2]}, in[0].values); },
       .flags = flags,
       .more_shapes = {{{0, 3, 4}}}},
      {.op = "permute",
       .inputs = {real({2, 3, 4})},
       .forward = [](const Inputs& in) { return ts::permute(in[0], {2, 0, -2}); },
       .reference = gathered([](const Shape& s) { return Shape{s[2], s[0], s[1]}; },
                             [](const Shape& s, std::int64_t i) { return (i / s[1] % s[0] * s[1] + i % s[1]) * s[2] + i / (s[0] * s[1]); }),
       .flags = flags,
       .more_shapes = {{{1, 1, 1}}, {{2, 0, 3}}}},
      {.op = "transpose",
       .inputs = {real({3, 5})},
       .forward = [](const Inputs& in) { return ts::transpose(in[0], 0, -1); },
       .reference = gathered([](const Shape& s) { return Shape{s[1], s[0]}; },
                             [](const Shape& s, std::int64_t i) { return i % s[0] * s[1] + i / s[0]; }),
       .flags = flags},
      {.op = "expand",
       .inputs = {real({5, 1})},
       .forward = [](const Inputs& in) { return ts::expand(in[0], {2, -1, 4}); },
       .reference = gathered([](const Shape& s) { return Shape{2, s[0], 4}; }, [](const Shape& s, std::int64_t i) { return i / 4 % s[0]; }),
       .flags = flags},
      {.op = "squeeze",
       .inputs = {real({1, 3, 1, 2})},
       .forward = [](const Inputs& in) { return ts::squeeze(ts::unsqueeze(in[0], -1)); },
       .reference = [](const HostArrays& in) -> HostArrays { return HostArray({3, 2}, in[0].values); },
       .flags = flags},
      {.op = "unsqueeze",
       .inputs = {real({3, 2})},
       .forward = [](const Inputs& in) { return ts::unsqueeze(in[0], 1); },
       .reference = [](const HostArrays& in) -> HostArrays { return HostArray({in[0].shape[0], 1, in[0].shape[1]}, in[0].values); },
       .flags = flags},
      {.op = "unfold",
       .variant = "overlapping windows",
       .inputs = {real({7, 2})},
       .forward = [](const Inputs& in) { return ts::unfold(in[0], 0, 3, 2); },
       .reference = gathered([](const Shape& s) { return Shape{(s[0] - 3) / 2 + 1, s[1], 3}; },
                             [](const Shape& s, std::int64_t i) { return (i / (3 * s[1]) * 2 + i % 3) * s[1] + i / 3 % s[1]; }),
       .flags = flags,
       .more_shapes = {{{3, 1}}, {{8, 3}}}},
      {.op = "diagonal",
       .inputs = {real({3, 4, 2})},
       .forward = [](const Inputs& in) { return ts::diagonal(in[0], 1); },
       .reference = gathered([](const Shape& s) { return Shape{s[2], std::min(s[0], s[1] - 1)}; },
                             [](const Shape& s, std::int64_t i) {
                               const std::int64_t n = std::min(s[0], s[1] - 1);
                               return (i % n * s[1] + i % n + 1) * s[2] + i / n;
                             }),
       .flags = flags},
  };
}

TEST_CASE("A view shares its elements: a write through one shows in the other") {
  const ts::Tensor x = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  const ts::Tensor row = x[1];
  CHECK(row.shares_storage(x));
  row.fill_(9);
  CHECK(x.to_vector<float>() == std::vector<float>{1, 2, 3, 9, 9, 9});
  CHECK(x.version() == row.version());
}

TEST_CASE("reshape copies only where no strides can express the shape") {
  const ts::Tensor x = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(ts::reshape(x, {3, 2}).shares_storage(x));
  CHECK(ts::reshape(x.slice(0, 0, 2, 1).unsqueeze(1), {2, 1, 3, 1}).shares_storage(x));
  const ts::Tensor turned = x.t();
  CHECK_FALSE(ts::reshape(turned, {6}).shares_storage(x));
  CHECK(ts::reshape(turned, {6}).to_vector<float>() == std::vector<float>{1, 4, 2, 5, 3, 6});
  CHECK(turned.view({3, 2, 1}).shares_storage(x));
}

TEST_CASE("Views of views are differentiable: overlapping windows of a transposed slice") {
  const ts::Tensor x = to_tensor({3, 4}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, ts::f64);
  const auto f = [](const std::vector<ts::Tensor>& in) { return in[0].slice(1, 1, 4).t().unfold(0, 2, 1).select(1, 2) * in[0].select(0, 0).slice(0, 0, 2); };
  CHECK(ts::gradcheck(f, {x}));
  CHECK(ts::gradgradcheck(f, {x}));
}

TEST_CASE("Misuse of views is explained") {
  const ts::Tensor x = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  expect_error([&] { x.reshape({4, 2}); },
               "ShapeError: reshape\n  expected  a shape of 6 elements\n  actual    shape = [4, 2]\n  x: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { x.reshape({-1, -1}); },
               "ShapeError: reshape\n  expected  at most one size of -1\n  actual    shape = [-1, -1]\n  x: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { x.t().view({6}); },
               "ShapeError: view\n  no strides can show the elements as [6] without a copy\n  actual    strides [1, 3]\n"
               "  use reshape, which copies where it must\n  x: f32[3, 2] cpu\n  called at <here>");
  expect_error([&] { x.select(1, 3); },
               "IndexError: select\n  expected  -3 <= index < 3 in dimension 1\n  actual    index = 3\n  x: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { x.transpose(0, 2); },
               "IndexError: transpose\n  expected  -2 <= dim < 2 for a tensor of 2 dimensions\n  actual    dim = 2\n  x: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { x.permute({0, 0}); },
               "IndexError: permute\n  expected  each dimension once\n  actual    dims = [0, 0]\n  x: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { x.permute({0}); },
               "ShapeError: permute\n  expected  order.ndim() == x.ndim()\n  actual    1 != 2\n  permute names every dimension once\n"
               "  x: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { x.expand({3, 3}); },
               "ShapeError: expand\n  expected  sizes that equal x's, or repeat a size of 1\n  actual    [2, 3] to [3, 3] in dimension 0\n"
               "  x: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { x.narrow(0, 1, 2); },
               "IndexError: narrow\n  expected  0 <= begin <= begin + length <= 2 in dimension 0\n  actual    begin = 1, length = 2\n"
               "  x: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { x.slice(0, 0, 2, 0); },
               "ValueError: slice\n  expected  step >= 1\n  actual    0 < 1\n  x: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { x.unfold(1, 4, 1); },
               "ValueError: unfold\n  expected  0 <= size <= 3 in dimension 1\n  actual    size = 4\n  x: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { x.diagonal(0, 1, 1); },
               "ShapeError: diagonal\n  expected  two different dimensions\n  actual    dim1 = 1, dim2 = 1 of [2, 3]\n  x: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::Tensor().select(0, 0); },
               "ValueError: select\n  the tensor is undefined: it was default-constructed or moved from\n  called at <here>");
}
