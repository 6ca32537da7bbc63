// Of ops/rearrange.hpp, view.hpp and cat.hpp: rearrangements that are made of others.
#include "tasuki/ops/cat.hpp"
#include "tasuki/ops/rearrange.hpp"
#include "tasuki/ops/view.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;

namespace {

/// Element i of the result is element f(i) of x.
template <class F>
auto picked(const Shape& shape, F f) {
  return [=](const HostArrays& in) -> HostArrays {
    HostArray y(shape);
    for (std::int64_t i = 0; i < y.numel(); ++i) y[i] = in[0][f(i)];
    return y;
  };
}

OpCase picking(const char* op, std::string variant, const Shape& shape, std::function<Outputs(const Inputs&)> forward, std::function<HostArrays(const HostArrays&)> reference,
               std::vector<Input> further = {}) {
  std::vector<Input> inputs{real(shape)};
  inputs.insert(inputs.end(), further.begin(), further.end());
  return {.op = op, .variant = std::move(variant), .inputs = std::move(inputs), .forward = std::move(forward), .reference = std::move(reference)};
}

/// in[0] and then in[1], as rows of `width`.
HostArrays joined(const HostArrays& in, const Shape& shape) {
  HostArray y(shape, in[0].values);
  y.values.insert(y.values.end(), in[1].values.begin(), in[1].values.end());
  return y;
}

}  // namespace

OP_CASES(neighbours) {
  return {
      picking("repeat_interleave", "", {2, 3}, [](const Inputs& in) { return ts::repeat_interleave(in[0], 2, 1); }, picked({2, 6}, [](std::int64_t i) { return i / 2; })),
      picking("repeat_interleave", "once", {2, 3}, [](const Inputs& in) { return ts::repeat_interleave(in[0], 1, 0); }, picked({2, 3}, [](std::int64_t i) { return i; })),
      picking("repeat_interleave", "each by its number", {4, 2}, [](const Inputs& in) { return ts::repeat_interleave(in[0], in[1], 0); },
              [](const HostArrays& in) -> HostArrays {
                HostArray y(Shape{0, 2});
                for (std::int64_t r = 0; r < 4; ++r)
                  for (double k = 0; k < in[1][r]; ++k, ++y.shape[0]) y.values.insert(y.values.end(), {in[0].at({r, 0}), in[0].at({r, 1})});
                return y;
              },
              {indices({4}, 0, 3)}),
      picking("rot90", "", {2, 3}, [](const Inputs& in) { return ts::rot90(in[0]); }, picked({3, 2}, [](std::int64_t i) { return i % 2 * 3 + 2 - i / 2; })),
      picking("rot90", "twice", {2, 3}, [](const Inputs& in) { return ts::rot90(in[0], 2); }, picked({2, 3}, [](std::int64_t i) { return 5 - i; })),
      picking("rot90", "back", {2, 3}, [](const Inputs& in) { return ts::rot90(in[0], -1); }, picked({3, 2}, [](std::int64_t i) { return (1 - i % 2) * 3 + i / 2; })),
      picking("rot90", "not at all", {2, 3}, [](const Inputs& in) { return ts::rot90(in[0], 4); }, picked({2, 3}, [](std::int64_t i) { return i; })),
      picking("fliplr", "", {2, 3}, [](const Inputs& in) { return ts::fliplr(in[0]); }, picked({2, 3}, [](std::int64_t i) { return i / 3 * 3 + 2 - i % 3; })),
      picking("flipud", "", {2, 3}, [](const Inputs& in) { return ts::flipud(in[0]); }, picked({2, 3}, [](std::int64_t i) { return (1 - i / 3) * 3 + i % 3; })),
      {.op = "diff",
       .inputs = {real({2, 5})},
       .forward = [](const Inputs& in) { return ts::diff(in[0]); },
       .reference = [](const HostArrays& in) -> HostArrays {
         const std::int64_t rows = in[0].shape[0], n = in[0].shape[1];
         HostArray y(Shape{rows, n - 1});
         for (std::int64_t i = 0; i < y.numel(); ++i) y[i] = in[0][i / (n - 1) * n + i % (n - 1) + 1] - in[0][i / (n - 1) * n + i % (n - 1)];
         return y;
       },
       .more_shapes = {{{3, 40}}, {{0, 3}}, {{1, 2}}}},
      picking("diff", "of differences", {4, 2}, [](const Inputs& in) { return ts::diff(in[0], 2, 0); },
              [](const HostArrays& in) -> HostArrays {
                HostArray y(Shape{2, 2});
                for (std::int64_t i = 0; i < 4; ++i) y[i] = in[0][i + 4] - 2 * in[0][i + 2] + in[0][i];
                return y;
              }),
      picking("channel_shuffle", "", {2, 6, 2}, [](const Inputs& in) { return ts::channel_shuffle(in[0], 3); },
              picked({2, 6, 2}, [](std::int64_t i) { return i / 12 * 12 + (i / 2 % 3 * 2 + i / 6 % 2) * 2 + i % 2; })),
      picking("movedim", "", {2, 3, 4}, [](const Inputs& in) { return ts::movedim(in[0], {0, -1}, {2, 0}); }, picked({4, 3, 2}, [](std::int64_t i) { return i % 2 * 12 + i / 2 % 3 * 4 + i / 6; })),
      picking("unflatten", "", {2, 6}, [](const Inputs& in) { return ts::unflatten(in[0], 1, {3, -1}); }, picked({2, 3, 2}, [](std::int64_t i) { return i; })),
      picking("hstack", "of vectors", {3}, [](const Inputs& in) { return ts::hstack({in[0], in[1]}); }, [](const HostArrays& in) { return joined(in, {4}); }, {real({})}),
      picking("hstack", "of columns", {2, 1}, [](const Inputs& in) { return ts::hstack({in[0], in[1]}); },
              [](const HostArrays& in) -> HostArrays { return HostArray({2, 2}, {in[0][0], in[1][0], in[0][1], in[1][1]}); }, {real({2, 1})}),
      picking("vstack", "", {3}, [](const Inputs& in) { return ts::vstack({in[0], in[1]}); }, [](const HostArrays& in) { return joined(in, {3, 3}); }, {real({2, 3})}),
  };
}

TEST_CASE("Second names are the same functions") {
  const ts::Tensor x = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(bytes_of(ts::swapaxes(x, 0, 1)) == bytes_of(x.t()));
  CHECK(ts::moveaxis(x.unsqueeze(0), 0, 2).shape() == Shape{2, 3, 1});
  CHECK(ts::broadcast_to(x, {4, 2, 3}).shape() == Shape{4, 2, 3});
  CHECK(ts::ravel(x).shape() == Shape{6});
  CHECK(bytes_of(ts::concat({x, x}, 1)) == bytes_of(ts::cat({x, x}, 1)));
}

TEST_CASE("Differences of fewer elements than that are none") {
  CHECK(ts::diff(to_tensor({2}, {1, 2}), 3).shape() == Shape{0});
  CHECK(ts::diff(to_tensor({3}, {1, 4, 9}, ts::i64)).to_vector<std::int64_t>() == std::vector<std::int64_t>{3, 5});
}

TEST_CASE("Misuse of rearrangements by other names is explained") {
  const ts::Tensor x = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6}), v = x[0];
  const std::string of_x = "\n  x: f32[2, 3] cpu\n  called at <here>", of_v = "\n  x: f32[3] cpu\n  called at <here>";
  expect_error([&] { ts::repeat_interleave(x, -1, 0); }, "ValueError: repeat_interleave\n  expected  repeats >= 0\n  actual    -1 < 0" + of_x);
  expect_error([&] { ts::repeat_interleave(x, to_tensor({3}, {1, 1, 1}, ts::i64), 0); },
               "ShapeError: repeat_interleave\n  expected  repeats of shape [2]\n  actual    [3]\n  x: f32[2, 3] cpu   repeats: i64[3] cpu\n  called at <here>");
  expect_error([&] { ts::repeat_interleave(x, to_tensor({2}, {1, -1}, ts::i64), 0); },
               "ValueError: repeat_interleave\n  expected  repeats of at least 0\n  actual    a negative one\n  x: f32[2, 3] cpu   repeats: i64[2] cpu\n  called at <here>");
  expect_error([&] { ts::rot90(x, 1, {0}); }, "ShapeError: rot90\n  expected  dims.ndim() == 2\n  actual    1 != 2\n  a plane has two dimensions" + of_x);
  expect_error([&] { ts::fliplr(v); }, "ShapeError: fliplr\n  expected  x.ndim() >= 2\n  actual    1 < 2" + of_v);
  expect_error([&] { ts::flipud(v[0]); }, "ShapeError: flipud\n  expected  x.ndim() >= 1\n  actual    0 < 1\n  x: f32[] cpu\n  called at <here>");
  expect_error([&] { ts::diff(x, -1); }, "ValueError: diff\n  expected  n >= 0\n  actual    -1 < 0" + of_x);
  expect_error([&] { ts::channel_shuffle(x, 2); }, "ShapeError: channel_shuffle\n  expected  x.size(1) % groups == 0\n  actual    1 != 0\n  groups of equally many channels" + of_x);
  expect_error([&] { ts::movedim(x, {0, 1}, {0}); }, "ShapeError: movedim\n  expected  from.ndim() == to.ndim()\n  actual    2 != 1\n  each dimension moves to one place" + of_x);
  expect_error([&] { ts::movedim(x, {0, 0}, {0, 1}); }, "IndexError: movedim\n  expected  each dimension once\n  actual    dims = [0, 0]" + of_x);
  expect_error([&] { ts::unflatten(x, 1, {2, 2}); }, "ShapeError: unflatten\n  expected  sizes whose product is x.size(1) = 3\n  actual    [2, 2]" + of_x);
  expect_error([&] { ts::hstack({x, v}); },
               "ShapeError: hstack\n  expected  tensors whose sizes differ in dimension 1 alone\n  actual    [2, 3], and [3] at position 1\n"
               "  tensors: f32[2, 3] cpu   tensors: f32[3] cpu\n  called at <here>");
  expect_error([&] { ts::vstack({}); }, "ValueError: vstack\n  expected  at least one tensor\n  actual    an empty list\n  called at <here>");
}
