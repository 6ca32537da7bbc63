#include "tasuki/ops/dropout.hpp"

#include <cmath>
#include <limits>

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/autograd/node.hpp"
#include "tasuki/runtime/threads.hpp"
#include "tasuki/tensor/random.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;

namespace {

/// The definition: word i of the stream decides about element i.
auto masked(double p) {
  return [=](const HostArrays& in) -> HostArrays {
    HostArray out(in[0].shape);
    for (std::int64_t i = 0; i < out.numel(); ++i) {
      const bool dropped = ts::philox_word({11, 0}, static_cast<std::uint64_t>(i)) < ts::bernoulli_threshold(p);
      out[i] = dropped ? 0 : in[0][i] / (1 - p);
    }
    return out;
  };
}

}  // namespace

OP_CASES(dropout) {
  return {
      {.op = "dropout",
       .inputs = {real({3, 4})},
       .forward = [](const Inputs& in) { return ts::dropout(in[0], 0.3); },
       .reference = masked(0.3),
       .flags = no_nan | special_values,
       .more_shapes = {{{}}, {{0}}, {{2, 3, 5, 7}}, {{5, 131}}},
       .before = [] { ts::manual_seed(11); }},
      {.op = "dropout",
       .variant = "images",
       .inputs = {real({2, 3, 5, 5})},
       .forward = [](const Inputs& in) { return ts::dropout(in[0], 0.5); },
       .reference = masked(0.5),
       .flags = no_nan | special_values,
       .before = [] { ts::manual_seed(11); }},
  };
}

TEST_CASE("dropout keeps everything for p = 0 and in evaluation, nothing for p = 1, not even NaN") {
  const ts::Tensor x = to_tensor({4}, {1, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), -2});
  CHECK(ts::dropout(x, 0).is_same(x));
  CHECK(ts::dropout(x, 0.9, false).is_same(x));
  CHECK(to_host(ts::dropout(x, 1)).values == std::vector<double>{0, 0, 0, 0});
}

TEST_CASE("dropout keeps the expectation, drops a share of p, and each call draws anew") {
  ts::manual_seed(3);
  const ts::Tensor x = to_tensor(HostArray(Shape{400, 500}, 1), ts::f32);
  const ts::Tensor y = ts::dropout(x, 0.2);
  CHECK(y.mean().item<double>() == Approx(1).epsilon(0.005));
  double zeros = 0;
  for (const float v : y.to_vector<float>()) zeros += v == 0;
  CHECK(zeros / 200000 == Approx(0.2).epsilon(0.02));
  CHECK(bytes_of(y) != bytes_of(ts::dropout(x, 0.2)));
}

TEST_CASE("the mask of dropout depends neither on the memory layout nor on the number of threads") {
  const ts::Tensor x = to_tensor(HostArray(Shape{16, 24, 20, 20}, 1), ts::f32);
  const int threads = ts::num_threads();
  ts::set_num_threads(1);
  ts::manual_seed(5);
  const ts::Tensor a = ts::dropout(x, 0.4);
  ts::set_num_threads(3);
  ts::manual_seed(5);
  CHECK(bytes_of(a) == bytes_of(ts::dropout(x, 0.4)));
  ts::manual_seed(5);
  const ts::Tensor b = ts::dropout(x.contiguous(ts::MemoryFormat::channels_last), 0.4);
  CHECK(b.is_contiguous(ts::MemoryFormat::channels_last));
  CHECK(bytes_of(a) == bytes_of(b));
  ts::set_num_threads(threads);
}

TEST_CASE("dropout's backward makes the mask of its forward, although others drew in between") {
  ts::manual_seed(1);
  const ts::Tensor x = to_tensor(HostArray(Shape{1000}, 1), ts::f32).requires_grad_();
  const ts::Tensor y = ts::dropout(x, 0.5);
  ts::dropout(x.detach(), 0.5);
  y.sum().backward();
  CHECK(bytes_of(x.grad()) == bytes_of(y.detach()));
}

TEST_CASE("a replay and the derivative of dropout's gradient use forward's mask, though others have drawn since") {
  ts::manual_seed(9);
  const ts::Tensor x = to_tensor(HostArray(Shape{40, 30}, 1), ts::f64).requires_grad_();
  const ts::Tensor y = ts::dropout(x, 0.3);
  ts::dropout(x.detach(), 0.5);
  CHECK(bytes_of(ts::replay(y)[0]) == bytes_of(y));
  const ts::Tensor g = ts::grad({(y * y).sum()}, {x}, {.create_graph = true})[0];  // 2 mask^2 x, and x is 1
  CHECK(difference(to_host(g), to_host(y * (2 / 0.7)), {1e-14, 0}) == "");
  CHECK(difference(to_host(ts::grad({g.sum()}, {x})[0]), to_host(y * (2 / 0.7)), {1e-14, 0}) == "");
}

TEST_CASE("the gradient of dropout with p = 1 is exactly zero, and is added as zero") {
  const ts::Tensor x = to_tensor({2}, {1, 2}).requires_grad_();
  x.set_grad(to_tensor({2}, {5, 6}));
  ts::dropout(x, 1).backward(to_tensor({2}, {std::numeric_limits<double>::infinity(), 3}));
  CHECK(to_host(x.grad()).values == std::vector<double>{5, 6});
}

TEST_CASE("misuse of dropout is explained") {
  const ts::Tensor x = to_tensor({2}, {1, 2});
  expect_error([&] { ts::dropout(x, 1.5); }, "ValueError: dropout\n  expected  p >= 0 && p <= 1\n  p is 1.5\n  x: f32[2] cpu\n  called at <here>");
  expect_error([&] { ts::dropout(x, -0.5, false); }, "ValueError: dropout\n  expected  p >= 0 && p <= 1\n  p is -0.5\n  x: f32[2] cpu\n  called at <here>");
  expect_error([&] { ts::dropout(x.to(ts::i64)); },
               "DTypeError: dropout\n  expected  x of a floating dtype\n  actual    i64\n  x: i64[2] cpu\n  called at <here>");
}
