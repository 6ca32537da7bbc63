#include "tasuki/ops/addcmul.hpp"

#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;

namespace {

template <class F>
auto each(F f) {
  return [f](const HostArrays& in) -> HostArrays {
    HostArray y(broadcast_shape(broadcast_shape(in[0].shape, in[1].shape), in[2].shape));
    for (std::int64_t i = 0; i < y.numel(); ++i) y[i] = f(in[0].broadcast(y.shape, i), in[1].broadcast(y.shape, i), in[2].broadcast(y.shape, i));
    return y;
  };
}

const std::vector<std::vector<ts::Shape>> triples = {{{3, 4}, {4}, {}},       {{4}, {3, 1}, {3, 4}}, {{}, {}, {}}, {{0}, {1}, {0}},
                                                     {{2, 0, 3}, {1, 3}, {3}}, {{5, 67}, {5, 67}, {67}}};

}  // namespace

OP_CASES(addcmul) {
  return {
      {.op = "addcmul", .inputs = {real({3, 4}), real({3, 4}), real({3, 4})}, .forward = [](const Inputs& in) { return ts::addcmul(in[0], in[1], in[2], -1.5); },
       .reference = each([](double x, double a, double b) { return x - 1.5 * a * b; }), .flags = special_values, .more_shapes = triples, .slack = 2},
      {.op = "addcdiv", .inputs = {real({3, 4}), real({3, 4}), real({3, 4}, 0.5, 2)}, .forward = [](const Inputs& in) { return ts::addcdiv(in[0], in[1], in[2], 0.75); },
       .reference = each([](double x, double a, double b) { return x + 0.75 * a / b; }), .flags = special_values, .more_shapes = triples, .slack = 2},
  };
}

TEST_CASE("Misuse of addcmul is explained") {
  const ts::Tensor x = to_tensor({2}, {1, 2}), y = to_tensor({3}, {1, 2, 3}), i = to_tensor({2}, {1, 2}, ts::i32);
  expect_error([&] { ts::addcmul(x, i, x); },
               "DTypeError: addcmul\n  expected  operands of one dtype\n  actual    f32 and i32\n  cast the second with .to(ts::f32)\n"
               "  x: f32[2] cpu   a: i32[2] cpu   b: f32[2] cpu\n  called at <here>");
  CHECK_THROWS_WITH(ts::addcdiv(x, x, y), Catch::Contains("ShapeError: addcdiv"));
  CHECK_THROWS_WITH(ts::addcdiv(i, i, i), Catch::Contains("x of a floating dtype"));
}
