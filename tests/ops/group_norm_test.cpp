#include "tasuki/ops/group_norm.hpp"

#include <cmath>

#include "tasuki/ops/reduce.hpp"
#include "tasuki/runtime/threads.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;

namespace {

/// in: x [N, C, ...] and, if any, weight and bias; 0 groups: one for each channel.
HostArrays normalized(const HostArrays& in, std::int64_t groups) {
  const Shape& s = in[0].shape;
  if (groups == 0) groups = s[1];
  HostArray y(s);
  if (y.numel() == 0) return y;
  const std::int64_t size = y.numel() / s[0] / groups, pixels = y.numel() / s[0] / s[1];
  for (std::int64_t r = 0; r < y.numel(); r += size) {
    double mean = 0, variance = 0;
    for (std::int64_t i = 0; i < size; ++i) mean += in[0][r + i] / static_cast<double>(size);
    for (std::int64_t i = 0; i < size; ++i) variance += (in[0][r + i] - mean) * (in[0][r + i] - mean) / static_cast<double>(size);
    for (std::int64_t i = 0; i < size; ++i) {
      const std::int64_t c = (r + i) / pixels % s[1];
      y[r + i] = (in[0][r + i] - mean) / std::sqrt(variance + 1e-5) * (in.size() > 1 ? in[1][c] : 1) + (in.size() > 2 ? in[2][c] : 0);
    }
  }
  return y;
}

OpCase norm(std::string variant, std::vector<Input> inputs, std::int64_t groups) {
  return {.op = groups ? "group_norm" : "instance_norm",
          .variant = std::move(variant),
          .inputs = std::move(inputs),
          .forward = [=](const Inputs& in) {
            const ts::Tensor weight = in.size() > 1 ? in[1] : ts::Tensor(), bias = in.size() > 2 ? in[2] : ts::Tensor();
            return groups ? ts::group_norm(in[0], groups, weight, bias) : ts::instance_norm(in[0], weight, bias);
          },
          .reference = [=](const HostArrays& in) { return normalized(in, groups); },
          .slack = 8};
}

}  // namespace

OP_CASES(group_norm) {
  OpCase images = norm("images", {real({2, 4, 3, 2}), real({4}), real({4})}, 2);
  images.more_shapes = {{{0, 4, 2, 2}, {4}, {4}}, {{2, 4, 0}, {4}, {4}}, {{1, 6, 5, 7}, {6}, {6}}, {{2, 2, 19}, {2}, {2}}};
  OpCase instance = norm("images", {real({2, 3, 4, 2}), real({3}), real({3})}, 0);
  instance.more_shapes = {{{0, 3, 2}, {3}, {3}}, {{1, 2, 37}, {2}, {2}}, {{1, 2, 2, 3, 2}, {2}, {2}}};
  return {
      images,
      norm("vectors", {real({3, 6}), real({6}), real({6})}, 2),
      norm("one group, without weight and bias", {real({2, 3, 4})}, 1),
      norm("weight alone", {real({2, 4, 5}), real({4})}, 2),
      instance,
      norm("without weight and bias", {real({2, 2, 5})}, 0),
  };
}

TEST_CASE("group_norm has the same bits for any number of threads") {
  HostArray values(Shape{6, 8, 50, 31});
  for (std::int64_t i = 0; i < values.numel(); ++i) values[i] = std::sin(static_cast<double>(i * 7919 % 10007));
  const int threads = ts::num_threads();
  std::string bits[2];
  for (const int n : {1, 3}) {
    ts::set_num_threads(n);
    const ts::Tensor x = to_tensor(values, ts::f32).requires_grad_(), weight = to_tensor(HostArray(Shape{8}, 1.5), ts::f32).requires_grad_();
    const ts::Tensor y = ts::group_norm(x, 4, weight);
    (y * y * y).sum().backward();
    bits[n == 3] = bytes_of(y) + bytes_of(x.grad()) + bytes_of(weight.grad());
  }
  CHECK(bits[0] == bits[1]);
  ts::set_num_threads(threads);
}

TEST_CASE("instance_norm is group_norm with a group for each channel") {
  const ts::Tensor x = to_tensor({1, 2, 3}, {1, 5, -2, 0, 0.5, 4});
  CHECK(bytes_of(ts::instance_norm(x)) == bytes_of(ts::group_norm(x, 2)));
}
