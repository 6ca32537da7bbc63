#include "tasuki/ops/layer_norm.hpp"

#include <cmath>

#include "tasuki/runtime/threads.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;

namespace {

/// in: x and, if any, weight and bias; rows of `size`.
auto normalized(int dims, bool centered = true) {
  return [=](const HostArrays& in) -> HostArrays {
    const Shape& s = in[0].shape;
    std::int64_t size = 1;
    for (int d = s.ndim() - dims; d < s.ndim(); ++d) size *= s[d];
    HostArray out(s);
    for (std::int64_t r = 0; r < out.numel(); r += size) {
      double mean = 0, variance = 0;
      for (std::int64_t i = 0; i < size; ++i) mean += centered ? in[0][r + i] / static_cast<double>(size) : 0;
      for (std::int64_t i = 0; i < size; ++i) variance += (in[0][r + i] - mean) * (in[0][r + i] - mean) / static_cast<double>(size);
      for (std::int64_t i = 0; i < size; ++i)
        out[r + i] = (in[0][r + i] - mean) / std::sqrt(variance + (centered ? 1e-5 : 1e-6)) * (in.size() > 1 ? in[1][i] : 1) + (in.size() > 2 ? in[2][i] : 0);
    }
    return out;
  };
}

std::function<Outputs(const Inputs&)> over(int dims, bool centered = true) {
  return [=](const Inputs& in) {
    Shape end;
    for (int d = in[0].ndim() - dims; d < in[0].ndim(); ++d) end.push_back(in[0].size(d));
    if (!centered) return ts::rms_norm(in[0], end, in.size() > 1 ? in[1] : ts::Tensor());
    return ts::layer_norm(in[0], end, in.size() > 1 ? in[1] : ts::Tensor(), in.size() > 2 ? in[2] : ts::Tensor());
  };
}

}  // namespace

OP_CASES(layer_norm) {
  return {
      {.op = "layer_norm",
       .variant = "last dim",
       .inputs = {real({3, 5}), real({5}), real({5})},
       .forward = over(1),
       .reference = normalized(1),
       .more_shapes = {{{2, 3, 19}, {19}, {19}}, {{1, 67}, {67}, {67}}, {{0, 4}, {4}, {4}}, {{6}, {6}, {6}}, {{2, 16}, {16}, {16}}},
       .slack = 8},
      {.op = "layer_norm",
       .variant = "two dims",
       .inputs = {real({2, 3, 4}), real({3, 4}), real({3, 4})},
       .forward = over(2),
       .reference = normalized(2),
       .slack = 8},
      {.op = "layer_norm",
       .variant = "weight alone",
       .inputs = {real({3, 7}), real({7})},
       .forward = over(1),
       .reference = normalized(1),
       .slack = 8},
      {.op = "layer_norm",
       .variant = "without weight and bias",
       .inputs = {real({3, 6})},
       .forward = over(1),
       .reference = normalized(1),
       .slack = 8},
      {.op = "rms_norm",
       .variant = "last dim",
       .inputs = {real({3, 5}), real({5})},
       .forward = over(1, false),
       .reference = normalized(1, false),
       .more_shapes = {{{2, 3, 19}, {19}}, {{1, 67}, {67}}, {{0, 4}, {4}}, {{6}, {6}}},
       .slack = 8},
      {.op = "rms_norm",
       .variant = "two dims, without weight",
       .inputs = {real({2, 3, 4})},
       .forward = over(2, false),
       .reference = normalized(2, false),
       .slack = 8},
  };
}

TEST_CASE("layer_norm of bf16 takes weights in f32") {
  const ts::Tensor x = to_tensor({2, 3}, {1, 2, 4, -1, 0, 3}, ts::bf16).requires_grad_();
  const ts::Tensor weight = to_tensor({3}, {2, 3, 4}).requires_grad_(), bias = to_tensor({3}, {0.5, 0, -1}).requires_grad_();
  const ts::Tensor y = ts::layer_norm(x, {3}, weight, bias);
  CHECK(y.dtype() == ts::bf16);
  CHECK(difference(to_host(y), normalized(1)(HostArrays({to_host(x), to_host(weight), to_host(bias)}))[0], tolerance_of(ts::bf16)) == "");
  y.sum().backward();
  CHECK(bias.grad().to_vector<float>() == std::vector<float>{2, 2, 2});
}

TEST_CASE("layer_norm has the same bits for any number of threads") {
  HostArray values(Shape{500, 300});
  for (std::int64_t i = 0; i < values.numel(); ++i) values[i] = std::sin(static_cast<double>(i * 7919 % 10007));
  const int threads = ts::num_threads();
  std::string bits[2];
  for (const int n : {1, 3}) {
    ts::set_num_threads(n);
    const ts::Tensor x = to_tensor(values, ts::f32).requires_grad_(), weight = to_tensor(HostArray(Shape{300}, 1.5), ts::f32).requires_grad_();
    const ts::Tensor y = ts::layer_norm(x, {300}, weight);
    (y * y * y).sum().backward();
    bits[n == 3] = bytes_of(y) + bytes_of(x.grad()) + bytes_of(weight.grad());
  }
  CHECK(bits[0] == bits[1]);
  ts::set_num_threads(threads);
}
