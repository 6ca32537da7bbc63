#include "tasuki/ops/linear.hpp"

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/random.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/unary.hpp"
#include "tests/support/op_case.hpp"

using namespace tasuki;
using namespace tasuki::testing;

namespace {

HostArrays affine(const HostArrays& in) {
  const HostArray &x = in[0], &weight = in[1];
  const std::int64_t inner = weight.shape[1], outer = weight.shape[0];
  Shape shape = x.shape;
  shape[shape.ndim() - 1] = outer;
  HostArray y(shape);
  for (std::int64_t i = 0; i < y.numel(); ++i) {
    const std::int64_t row = i / outer, o = i % outer;
    double sum = in.size() > 2 ? in[2][o] : 0;
    for (std::int64_t k = 0; k < inner; ++k) sum += x[row * inner + k] * weight[o * inner + k];
    y[i] = sum;
  }
  return y;
}

}  // namespace

OP_CASES(linear) {
  return {
      {.op = "linear",
       .inputs = {real({3, 5}), real({4, 5}), real({4})},
       .forward = [](const Inputs& in) -> Outputs { return linear(in[0], in[1], in[2]); },
       .reference = affine,
       .more_shapes = {{{5}, {2, 5}, {2}}, {{2, 3, 4}, {5, 4}, {5}}, {{0, 3}, {2, 3}, {2}}, {{1, 1}, {1, 1}, {1}}, {{2, 0}, {3, 0}, {3}}, {{19, 33}, {17, 33}, {17}}, {{3, 7}, {9, 7}, {9}}, {{2, 100}, {5, 100}, {5}}},
       .slack = 4},
      {.op = "linear",
       .variant = "without bias",
       .inputs = {real({3, 5}), real({4, 5})},
       .forward = [](const Inputs& in) -> Outputs { return linear(in[0], in[1]); },
       .reference = affine,
       .more_shapes = {{{5}, {2, 5}}, {{2, 3, 4}, {5, 4}}},
       .slack = 4},
  };
}

TEST_CASE("linear: gradients of weight and bias are added to those that are there") {
  const Tensor x = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6}), weight = to_tensor({2, 3}, {1, 0, 0, 0, 1, 0}), bias = to_tensor({2}, {10, 20});
  weight.requires_grad_();
  bias.requires_grad_();
  for (int pass = 0; pass < 2; ++pass) sum(linear(x, weight, bias)).backward();
  CHECK(weight.grad().to_vector<float>() == std::vector<float>{10, 14, 18, 10, 14, 18});
  CHECK(bias.grad().to_vector<float>() == std::vector<float>{4, 4});
}

TEST_CASE("linear: tiny and large weights give what the same product gives in double, and so do gradients that are added up") {
  struct Sizes {
    std::int64_t batch, in, out;
  };
  for (const Sizes s : {Sizes{3, 5, 6}, {2, 100, 5}, {16, 391, 523}, {37, 391, 523}, {64, 391, 523}}) {
    INFO("[" << s.batch << ", " << s.in << "] to " << s.out);
    manual_seed(5);
    const Tensor x = randn({s.batch, s.in}), weight = randn({s.out, s.in}), bias = randn({s.out}), g = randn({s.batch, s.out});
    const auto run = [&](DType dtype) {
      const std::vector<Tensor> leaves{x.to(dtype).detach(), weight.to(dtype).detach(), bias.to(dtype).detach()};
      for (const Tensor& leaf : leaves) leaf.requires_grad_();
      Tensor y;
      for (int pass = 0; pass < 2; ++pass) {
        y = linear(leaves[0], leaves[1], leaves[2]);
        y.backward(g.to(dtype));
      }
      return std::vector<Tensor>{y.detach(), leaves[0].grad(), leaves[1].grad(), leaves[2].grad()};
    };
    const std::vector<Tensor> in_float = run(f32), in_double = run(f64);
    for (std::size_t i = 0; i < in_float.size(); ++i) CHECK(max(abs(in_float[i].to(f64) - in_double[i])).item<double>() < 2e-4);
  }
}

TEST_CASE("linear: weight gradients of halves are summed in f32, also over single rows and over matrices that lie apart") {
  constexpr std::int64_t rows = 4096;  // a sum of ones that is rounded on the way stops at 256 in bf16, and at 2048 in f16
  for (const DType dtype : {bf16, f16}) {
    INFO(name_of(dtype));
    for (const Tensor& x : {ones({rows, 1, 2}, {.dtype = dtype}), ones({2, rows / 2, 2}, {.dtype = dtype}).transpose(0, 1), ones({16, rows / 8, 2}, {.dtype = dtype}).slice(1, 0, rows / 16)}) {
      const Tensor weight = ones({3, 2}, {.dtype = dtype, .requires_grad = true});
      sum(linear(x, weight)).backward();
      CHECK(weight.grad().to(f32).to_vector<float>() == std::vector<float>(6, float{rows}));
    }
  }
}
