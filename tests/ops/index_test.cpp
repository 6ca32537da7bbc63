#include "tasuki/ops/index.hpp"

#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Index;
using ts::Shape;
using ts::Slice;

namespace {

using At = std::vector<std::int64_t>;

/// Which element of x stands at `at` of the result.
struct Picture {
  std::function<Shape(const HostArrays&)> shape;
  std::function<std::int64_t(const HostArrays&, const At& at)> place;

  void visit(const HostArrays& in, const std::function<void(std::int64_t i, std::int64_t place)>& f) const {
    const Shape s = shape(in);
    At at(s.size());
    for (std::int64_t i = 0; i < s.numel(); ++i) {
      std::int64_t rest = i;
      for (int d = s.ndim() - 1; d >= 0; --d) {
        at[static_cast<std::size_t>(d)] = rest % s[d];
        rest /= s[d];
      }
      f(i, place(in, at));
    }
  }
  auto taken() const {
    return [*this](const HostArrays& in) -> HostArrays {
      HostArray y(shape(in));
      visit(in, [&](std::int64_t i, std::int64_t place) { y[i] = in[0][place]; });
      return y;
    };
  }
  /// The last operand written or added to where the result was.
  auto put(bool accumulate) const {
    return [*this, accumulate](const HostArrays& in) -> HostArrays {
      HostArray y = in[0];
      visit(in, [&](std::int64_t i, std::int64_t place) { y[place] = in.back().broadcast(shape(in), i) + (accumulate ? y[place] : 0); });
      return y;
    };
  }
};

std::int64_t from_front(double number, std::int64_t size) { return static_cast<std::int64_t>(number < 0 ? number + static_cast<double>(size) : number); }

/// x[list], x of two dimensions and a list of one or two.
const Picture of_rows{[](const HostArrays& in) {
                     Shape s = in[1].shape;
                     s.push_back(in[0].shape[1]);
                     return s;
                   },
                   [](const HostArrays& in, const At& at) {
                     std::int64_t i = 0;
                     for (int d = 0; d < in[1].shape.ndim(); ++d) i = i * in[1].shape[d] + at[static_cast<std::size_t>(d)];
                     return from_front(in[1][i], in[0].shape[0]) * in[0].shape[1] + at.back();
                   }};

/// x[i, :, k] with i [A, 1] and k [B]: the lists' shape comes first.
const Picture around_a_slice{[](const HostArrays& in) { return Shape{in[1].shape[0], in[2].shape[0], in[0].shape[1]}; },
                             [](const HostArrays& in, const At& at) {
                               const Shape& x = in[0].shape;
                               return (from_front(in[1][at[0]], x[0]) * x[1] + at[2]) * x[2] + from_front(in[2][at[1]], x[2]);
                             }};

/// x[1:, i, k, -1, None]: the lists stay where they are.
const Picture behind_a_slice{[](const HostArrays& in) { return Shape{in[0].shape[0] - 1, in[1].shape[0], 1}; },
                             [](const HostArrays& in, const At& at) {
                               const Shape& x = in[0].shape;
                               return (((at[0] + 1) * x[1] + from_front(in[1][at[1]], x[1])) * x[2] + from_front(in[2][at[1]], x[2])) * x[3] + x[3] - 1;
                             }};

/// x[:, mask], mask of two dimensions.
const Picture of_mask{[](const HostArrays& in) {
                       std::int64_t set = 0;
                       for (const double v : in[1].values) set += v != 0;
                       return Shape{in[0].shape[0], set};
                     },
                     [](const HostArrays& in, const At& at) {
                       std::int64_t place = 0, left = at[1];
                       for (;; ++place)
                         if (in[1][place] != 0 && left-- == 0) break;
                       return at[0] * in[1].numel() + place;
                     }};

/// x[..., ::2, 1]
const Picture part{[](const HostArrays& in) { return Shape{in[0].shape[0], (in[0].shape[1] + 1) / 2}; },
                   [](const HostArrays& in, const At& at) { return (at[0] * in[0].shape[1] + 2 * at[1]) * in[0].shape[2] + 1; }};

std::vector<Index> behind(const Inputs& in) { return {Slice(1), in[1], in[2], -1, ts::newaxis}; }

}  // namespace

OP_CASES(index) {
  return {
      {.op = "index",
       .variant = "rows, some counted from the end",
       .inputs = {real({5, 3}), indices({7}, -5, 4)},
       .forward = [](const Inputs& in) { return ts::index(in[0], {in[1]}); },
       .reference = of_rows.taken(),
       .more_shapes = {{{5, 3}, {2, 2}}, {{5, 3}, {}}, {{5, 3}, {0}}, {{5, 0}, {4}}, {{5, 17}, {20, 1}}}},
      {.op = "index",
       .variant = "two lists around a slice, i32 and i64",
       .inputs = {real({4, 3, 5}), indices({2, 1}, -4, 3, ts::i32), indices({6}, -5, 4)},
       .forward = [](const Inputs& in) { return ts::index(in[0], {in[1], Slice(), in[2]}); },
       .reference = around_a_slice.taken(),
       .more_shapes = {{{4, 0, 5}, {2, 1}, {6}}, {{4, 3, 5}, {0, 1}, {6}}}},
      {.op = "index",
       .variant = "two lists behind a slice",
       .inputs = {real({3, 4, 2, 5}), indices({6}, -4, 3), indices({6}, -2, 1)},
       .forward = [](const Inputs& in) { return ts::index(in[0], behind(in)); },
       .reference = behind_a_slice.taken(),
       .flags = no_nan,
       .more_shapes = {{{1, 4, 2, 5}, {6}, {6}}}},
      {.op = "index",
       .variant = "a mask",
       .inputs = {real({2, 3, 4}), booleans({3, 4})},
       .forward = [](const Inputs& in) { return ts::index(in[0], {ts::ellipsis, in[1]}); },
       .reference = of_mask.taken(),
       .flags = no_nan,
       .more_shapes = {{{0, 3, 4}, {3, 4}}, {{2, 3, 0}, {3, 0}}}},
      {.op = "index",
       .variant = "a view",
       .inputs = {real({2, 5, 3})},
       .forward = [](const Inputs& in) { return ts::index(in[0], {ts::ellipsis, Slice({}, {}, 2), 1}); },
       .reference = part.taken(),
       .flags = no_nan,
       .more_shapes = {{{2, 1, 2}}, {{0, 4, 2}}}},
      {.op = "index_put",
       .variant = "rows added, with repeats",
       .inputs = {real({5, 3}), indices({7}, -5, 4), real({7, 3})},
       .forward = [](const Inputs& in) { return ts::index_put(in[0], {in[1]}, in[2], true); },
       .reference = of_rows.put(true),
       .more_shapes = {{{5, 3}, {2, 2}, {2, 1, 3}}, {{5, 3}, {0}, {3}}, {{5, 17}, {9}, {}}},
       .slack = 2},
      {.op = "index_put",
       .variant = "one row",
       .inputs = {real({5, 3}), indices({1}, -5, 4), real({3})},
       .forward = [](const Inputs& in) { return ts::index_put(in[0], {in[1]}, in[2]); },
       .reference = of_rows.put(false),
       .flags = no_nan},
      {.op = "index_put",
       .variant = "one line, around a slice",
       .inputs = {real({4, 3, 5}), indices({1, 1}, -4, 3), indices({1}, -5, 4), real({1, 1, 3})},
       .forward = [](const Inputs& in) { return ts::index_put(in[0], {in[1], Slice(), in[2]}, in[3]); },
       .reference = around_a_slice.put(false),
       .flags = no_nan},
      {.op = "index_put",
       .variant = "added behind a slice",
       .inputs = {real({3, 4, 2, 5}), indices({6}, -4, 3), indices({6}, -2, 1), real({6, 1})},
       .forward = [](const Inputs& in) { return ts::index_put(in[0], behind(in), in[3], true); },
       .reference = behind_a_slice.put(true),
       .flags = no_nan,
       .slack = 2},
      {.op = "index_put",
       .variant = "where a mask holds",
       .inputs = {real({2, 3, 4}), booleans({3, 4}), real({2, 1})},
       .forward = [](const Inputs& in) { return ts::index_put(in[0], {Slice(), in[1]}, in[2]); },
       .reference = of_mask.put(false),
       .flags = no_nan},
      {.op = "index_put",
       .variant = "a part",
       .inputs = {real({2, 5, 3}), real({3})},
       .forward = [](const Inputs& in) { return ts::index_put(in[0], {ts::ellipsis, Slice({}, {}, 2), 1}, in[1]); },
       .reference = part.put(false),
       .flags = no_nan},
  };
}

TEST_CASE("An index without tensors is a view, one with a tensor a copy") {
  const ts::Tensor x = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(ts::index(x, {}).is_same(x));
  CHECK(ts::index(x, {Slice(), ts::ellipsis}).is_same(x));
  const ts::Tensor column = x.index({Slice(), -1});
  CHECK(column.shares_storage(x));
  CHECK(column.shape() == Shape{2});
  CHECK(x.index({ts::newaxis, 1, ts::newaxis, Slice(-2)}).shape() == Shape{1, 1, 2});
  CHECK_FALSE(x.index({to_tensor({1}, {0}, ts::i64)}).shares_storage(x));
  CHECK(x.index({Slice(5, 9)}).shape() == Shape{0, 3});
}

TEST_CASE("index moves every dtype bit for bit, and so does index_put") {
  const ts::Tensor list = to_tensor({3}, {-1, 0, 1}, ts::i64);
  for (const ts::DType dtype : {ts::f32, ts::f64, ts::bf16, ts::f16, ts::i64, ts::i32, ts::u8, ts::bool_}) {
    const ts::Tensor x = to_tensor({2, 2}, {1, 0, 1, 1}, dtype);
    CHECK(to_host(x.index({list})).values == std::vector<double>{1, 1, 1, 0, 1, 1});
    CHECK(to_host(ts::index_put(x, {Slice(), 0}, 0)).values == std::vector<double>{0, 0, 0, 1});
    CHECK(to_host(ts::index_put(x, {to_tensor({1}, {-2}, ts::i32)}, to_tensor({2}, {0, 1}, dtype))).values == std::vector<double>{0, 1, 1, 1});
  }
}

TEST_CASE("index_put_ writes into the elements themselves") {
  const ts::Tensor x = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(x.index_put_({Slice(), 0}, -1).is_same(x));
  CHECK(to_host(x).values == std::vector<double>{-1, 2, 3, -1, 5, 6});
  x.index_put_({to_tensor({2, 3}, {1, 0, 0, 0, 0, 1}, ts::bool_)}, 9);
  CHECK(to_host(x).values == std::vector<double>{9, 2, 3, -1, 5, 9});
  x.index_put_({1, to_tensor({4}, {0, 0, -1, 0}, ts::i64)}, to_tensor({4}, {1, 2, 3, 4}), true);
  CHECK(to_host(x).values == std::vector<double>{9, 2, 3, 6, 5, 12});
  x.index_put_({ts::ellipsis, Slice(1)}, to_tensor({2, 1}, {10, 20}), true);
  CHECK(to_host(x).values == std::vector<double>{9, 12, 13, 6, 25, 32});
  x.t().index_put_({to_tensor({2}, {2, 0}, ts::i64), ts::ellipsis}, to_tensor({2, 1}, {7, 8}));
  CHECK(to_host(x).values == std::vector<double>{8, 12, 7, 8, 25, 7});
}

TEST_CASE("Tensors without dimensions do not move the others' to the front") {
  const ts::Tensor x = ts::arange(24).reshape({2, 3, 4}), one = ts::tensor(-1), list = to_tensor({5}, {0, 1, 2, 3, 0}, ts::i64);
  CHECK(x.index({one, Slice(), list}).shape() == Shape{3, 5});
  CHECK(to_host(x.index({one, Slice(), list})).values == to_host(x.index({1, Slice(), list})).values);
  CHECK(to_host(ts::index_put(x, {one, Slice(1), one}, 0)).values == to_host(ts::index_put(x, {1, Slice(1), 3}, 0)).values);
}

TEST_CASE("Of equal indices the last one wins") {
  const ts::Tensor x = to_tensor({3}, {0, 0, 0});
  CHECK(to_host(ts::index_put(x, {to_tensor({4}, {1, -2, 0, 1}, ts::i64)}, to_tensor({4}, {1, 2, 3, 4}))).values == std::vector<double>{3, 4, 0});
}

TEST_CASE("Misuse of index is explained") {
  const ts::Tensor x = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  const ts::Tensor list = to_tensor({2}, {1, 3}, ts::i64);
  expect_error([&] { ts::index(x, {0, 1, Slice()}); },
               "ShapeError: index\n  expected  indices for at most 2 dimensions\n  actual    for 3\n  x: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::index(x, {ts::ellipsis, 0, ts::ellipsis}); },
               "ValueError: index\n  expected  one ellipsis at most\n  actual    2\n  x: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::index(x, {Slice(), 3}); },
               "IndexError: select\n  expected  -3 <= index < 3 in dimension 1\n  actual    index = 3\n  x: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::index(x, {Slice(), list}); },
               "IndexError: index\n  expected  -3 <= index < 3\n  actual    3 at index[1]\n  indices: i64[2] cpu\n  called at <here>");
  expect_error([&] { ts::index(x, {to_tensor({2, 1}, {0, -3}, ts::i32), list}); },
               "IndexError: index\n  expected  -3 <= index < 3\n  actual    3 at indices[1][0, 1]\n  indices: i32[2, 2] cpu   indices: i64[2, 2] cpu\n  called at <here>");
  expect_error([&] { ts::index(x, {to_tensor({2}, {1, 0})}); },
               "DTypeError: index\n  expected  indices of dtype i64 or i32, or masks of bool\n  actual    f32[2] cpu\n  x: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::index(x, {to_tensor({3}, {1, 0, 1}, ts::bool_)}); },
               "ShapeError: index\n  expected  a mask of size 2 in its dimension 0, as x has there\n  actual    [3]\n  x: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::index(x, {list, to_tensor({3}, {0, 0, 0}, ts::i64)}); },
               "ShapeError: index\n  expected  shapes that broadcast: counted from the last, each pair of sizes equal or one of them 1\n  actual    [2] and [3]: 2 against 3 in dimension -1\n  x: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::index({}, {0}); }, "ValueError: index\n  the tensor is undefined: it was default-constructed or moved from\n  called at <here>");
}

TEST_CASE("Misuse of index_put is explained") {
  const ts::Tensor x = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  expect_error([&] { ts::index_put(x, {0}, to_tensor({2}, {1, 2})); },
               "ShapeError: expand\n  expected  sizes that equal x's, or repeat a size of 1\n  actual    [2] to [3] in dimension 0\n  x: f32[2] cpu\n  called at <here>");
  expect_error([&] { ts::index_put(x, {0}, to_tensor({3}, {1, 2, 3}, ts::f64)); },
               "DTypeError: index_put\n  expected  values of dtype f32\n  actual    f64\n  cast it with .to(ts::f32)\n  x: f32[2, 3] cpu   values: f64[3] cpu\n  called at <here>");
  expect_error([&] { ts::index_put_(x, {Slice(), Slice(), 1}, 0); },
               "ShapeError: index_put_\n  expected  indices for at most 2 dimensions\n  actual    for 3\n  x: f32[2, 3] cpu\n  called at <here>");
}
