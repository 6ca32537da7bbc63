#include "tasuki/ops/cat.hpp"

#include "tasuki/ops/random.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/view.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;

namespace {

/// Blocks of one operand after the other, as they follow in memory.
HostArrays joined(const HostArrays& in, int dim) {
  Shape shape = in[0].shape;
  shape[dim] = 0;
  std::int64_t outer = 1;
  for (int d = 0; d < dim; ++d) outer *= shape[d];
  for (const HostArray& x : in) shape[dim] += x.shape[dim];
  HostArray y(shape);
  std::int64_t next = 0;
  for (std::int64_t o = 0; o < outer; ++o)
    for (const HostArray& x : in)
      for (std::int64_t i = 0; i < x.numel() / outer; ++i) y[next++] = x[o * (x.numel() / outer) + i];
  return y;
}

OpCase cat_along(int dim, const std::string& variant, std::vector<Input> inputs, std::vector<std::vector<Shape>> more = {}) {
  return {.op = "cat",
          .variant = variant,
          .inputs = std::move(inputs),
          .forward = [=](const Inputs& in) { return ts::cat(in, dim); },
          .reference = [=](const HostArrays& in) { return joined(in, dim); },
          .more_shapes = std::move(more)};
}

OpCase stack_along(int dim, const std::string& variant, std::vector<Input> inputs, std::vector<std::vector<Shape>> more = {}) {
  return {.op = "stack",
          .variant = variant,
          .inputs = std::move(inputs),
          .forward = [=](const Inputs& in) { return ts::stack(in, dim); },
          .reference =
              [=](HostArrays in) {
                for (HostArray& x : in) x.shape.insert(dim, 1);
                return joined(in, dim);
              },
          .more_shapes = std::move(more)};
}

}  // namespace

OP_CASES(cat) {
  return {
      cat_along(0, "the first dim", {real({2, 3}), real({4, 3}), real({1, 3})}, {{{2, 1}, {1, 1}, {3, 1}}, {{0, 3}, {2, 3}, {0, 3}}}),
      cat_along(1, "the last dim", {real({3, 2}), real({3, 1}), real({3, 4})}, {{{1, 2}, {1, 2}, {1, 2}}, {{0, 2}, {0, 1}, {0, 3}}}),
      cat_along(1, "channels of images", {real({2, 3, 2, 2}), real({2, 1, 2, 2})}),
      cat_along(0, "vectors", {real({3}), real({0}), real({2})}),
      stack_along(0, "vectors", {real({3}), real({3})}, {{{}, {}}, {{0}, {0}}}),
      stack_along(2, "matrices, the last dim", {real({2, 3}), real({2, 3}), real({2, 3})}),
      stack_along(1, "matrices, the middle dim", {real({2, 3}), real({2, 3})}),
  };
}

TEST_CASE("cat and stack move every dtype bit for bit, and take negative dims") {
  for (const ts::DType dtype : {ts::f32, ts::f64, ts::bf16, ts::f16, ts::i64, ts::i32, ts::u8, ts::bool_}) {
    const ts::Tensor a = to_tensor({2, 2}, {1, 0, 0, 1}, dtype), b = to_tensor({2, 1}, {1, 1}, dtype);
    CHECK(ts::cat({a, b}, -1).dtype() == dtype);
    CHECK(to_host(ts::cat({a, b}, -1)).values == std::vector<double>{1, 0, 1, 0, 1, 1});
    CHECK(to_host(ts::stack({a, a}, -1)).values == std::vector<double>{1, 1, 0, 0, 0, 0, 1, 1});
  }
}

TEST_CASE("cat skips tensors of shape [0], and their gradient is as empty as they are") {
  const ts::Tensor none = to_tensor(HostArray(Shape{0}), ts::f32).requires_grad_(), a = to_tensor({1, 2}, {3, 4}).requires_grad_();
  const ts::Tensor y = ts::cat({none, a, none, a}, 1);
  CHECK(y.shape() == Shape{1, 4});
  ts::sum(y * y).backward();
  CHECK(to_host(a.grad()).values == std::vector<double>{12, 16});
  CHECK(none.grad().shape() == Shape{0});
  CHECK(ts::cat({none, none}).shape() == Shape{0});
}

TEST_CASE("cat of channels-last images is channels-last") {
  const ts::Tensor x = ts::randn({2, 3, 4, 4}), images = x.contiguous(ts::MemoryFormat::channels_last);
  const ts::Tensor y = ts::cat({images, x}, 1);
  CHECK(y.is_contiguous(ts::MemoryFormat::channels_last));
  CHECK(bytes_of(y) == bytes_of(ts::cat({x, x}, 1)));
}

TEST_CASE("A thousand tensors join, and each gets its own part of the gradient") {
  std::vector<ts::Tensor> parts;
  for (int i = 0; i < 1000; ++i) parts.push_back(to_tensor({2}, {static_cast<double>(i), 1}, ts::f64).requires_grad_());
  const ts::Tensor y = ts::stack(parts);
  CHECK(y.shape() == Shape{1000, 2});
  ts::sum(y * y).backward();
  for (const int i : {0, 1, 31, 32, 63, 64, 500, 999}) CHECK(to_host(parts[static_cast<std::size_t>(i)].grad()).values == std::vector<double>{2.0 * i, 2});
}

TEST_CASE("The same tensor several times in a list gets the sum of its gradients") {
  const ts::Tensor x = to_tensor({2}, {1, 2}, ts::f64).requires_grad_();
  const ts::Tensor y = ts::cat({x, x, x});
  ts::sum(y * to_tensor({6}, {1, 2, 10, 20, 100, 200}, ts::f64)).backward();
  CHECK(to_host(x.grad()).values == std::vector<double>{111, 222});
}

TEST_CASE("Misuse of cat and stack is explained") {
  const ts::Tensor a = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6}), b = to_tensor({2, 2}, {1, 2, 3, 4}), whole = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6}, ts::i64);
  expect_error([&] { ts::cat({}); }, "ValueError: cat\n  expected  at least one tensor\n  actual    an empty list\n  called at <here>");
  expect_error([&] { ts::cat({a, b}); },
               "ShapeError: cat\n  expected  tensors whose sizes differ in dimension 0 alone\n  actual    [2, 3], and [2, 2] at position 1\n"
               "  tensors: f32[2, 3] cpu   tensors: f32[2, 2] cpu\n  called at <here>");
  expect_error([&] { ts::cat({a, a, whole}, 1); },
               "DTypeError: cat\n  expected  tensors of one dtype\n  actual    f32, and i64 at position 2\n  cast it with .to(ts::f32)\n"
               "  tensors: f32[2, 3] cpu   tensors: f32[2, 3] cpu   tensors: i64[2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::cat({a, ts::Tensor()}); },
               "ValueError: cat\n  expected  tensors that are defined\n  actual    an undefined one at position 1\n  tensors: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::cat({a}, 2); },
               "IndexError: cat\n  expected  -2 <= dim < 2 for a tensor of 2 dimensions\n  actual    dim = 2\n  tensors: f32[2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::cat({to_tensor({}, {1})}); },
               "ShapeError: cat\n  expected  tensors of at least one dimension\n  actual    []\n  ts::stack makes a vector of tensors without dimensions\n"
               "  tensors: f32[] cpu\n  called at <here>");
  expect_error([&] { ts::stack({a, b}); },
               "ShapeError: stack\n  expected  tensors of one shape\n  actual    [2, 3], and [2, 2] at position 1\n"
               "  tensors: f32[2, 3] cpu   tensors: f32[2, 2] cpu\n  called at <here>");
  expect_error([&] { ts::stack({a}, 3); },
               "IndexError: stack\n  expected  -3 <= dim < 3 for a tensor of 3 dimensions\n  actual    dim = 3\n  tensors: f32[2, 3] cpu\n  called at <here>");
}
