#include "tasuki/ops/batch_norm.hpp"

#include <cmath>

#include "tasuki/runtime/threads.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;

namespace {

struct Moments {
  double mean = 0, variance = 0, count = 0;
};

std::int64_t channel_of(const Shape& s, std::int64_t i) {
  std::int64_t inner = 1;
  for (int d = 2; d < s.ndim(); ++d) inner *= s[d];
  return i / inner % s[1];
}

Moments moments_of(const HostArray& x, std::int64_t channel) {
  Moments m;
  for (std::int64_t i = 0; i < x.numel(); ++i)
    if (channel_of(x.shape, i) == channel) m.mean += x[i], ++m.count;
  m.mean /= m.count;
  for (std::int64_t i = 0; i < x.numel(); ++i)
    if (channel_of(x.shape, i) == channel) m.variance += (x[i] - m.mean) * (x[i] - m.mean);
  m.variance /= m.count;
  return m;
}

/// in: x, weight, bias of training.
HostArrays normalized(const HostArrays& in) {
  HostArray out(in[0].shape);
  for (std::int64_t i = 0; i < out.numel(); ++i) {
    const std::int64_t c = channel_of(out.shape, i);
    const Moments m = moments_of(in[0], c);
    out[i] = (in[0][i] - m.mean) / std::sqrt(m.variance + 1e-5) * (in.size() > 1 ? in[1][c] : 1) + (in.size() > 2 ? in[2][c] : 0);
  }
  return out;
}

Outputs in_training(const Inputs& in) {
  return ts::batch_norm(in[0], {}, {}, in.size() > 1 ? in[1] : ts::Tensor(), in.size() > 2 ? in[2] : ts::Tensor(), {.training = true});
}

}  // namespace

OP_CASES(batch_norm) {
  return {
      {.op = "batch_norm",
       .variant = "training, images",
       .inputs = {real({3, 2, 2, 3}), real({2}), real({2})},
       .forward = in_training,
       .reference = normalized,
       .flags = no_expand,  // equal rows have no variance to divide by
       .more_shapes = {{{2, 3, 17}, {3}, {3}}, {{2, 1, 3, 3}, {1}, {1}}, {{0, 2, 3, 3}, {2}, {2}}, {{2, 17, 2, 2}, {17}, {17}}},
       .slack = 4},
      {.op = "batch_norm",
       .variant = "training, features",
       .inputs = {real({5, 3}), real({3}), real({3})},
       .forward = in_training,
       .reference = normalized,
       .flags = no_expand,  // equal rows have no variance to divide by
       .more_shapes = {{{2, 67}, {67}, {67}}, {{9, 1}, {1}, {1}}, {{3, 16}, {16}, {16}}},
       .slack = 8},
      {.op = "batch_norm",
       .variant = "training, without weight and bias",
       .inputs = {real({4, 2, 3})},
       .forward = in_training,
       .reference = normalized,
       .slack = 4},
      {.op = "batch_norm",
       .variant = "evaluation",
       .inputs = {real({2, 3, 2, 2}), constant({3}), constant({3}, 0.5, 2), real({3}), real({3})},
       .forward = [](const Inputs& in) { return ts::batch_norm(in[0], in[1], in[2], in[3], in[4]); },
       .reference = [](const HostArrays& in) -> HostArrays {
         HostArray out(in[0].shape);
         for (std::int64_t i = 0; i < out.numel(); ++i) {
           const std::int64_t c = channel_of(out.shape, i);
           out[i] = (in[0][i] - in[1][c]) / std::sqrt(in[2][c] + 1e-5) * in[3][c] + in[4][c];
         }
         return out;
       },
       .more_shapes = {{{1, 3}, {3}, {3}, {3}, {3}}, {{4, 20}, {20}, {20}, {20}, {20}}},
       .slack = 4},
  };
}

TEST_CASE("batch_norm moves the running statistics in training, with the unbiased variance, and only then") {
  const HostArray x = to_host(to_tensor({4, 2}, {1, -3, 2, 5, 4, 8, 0, 2}));
  const ts::Tensor mean = to_tensor({2}, {0.5, -1}), var = to_tensor({2}, {2, 3});
  ts::batch_norm(to_tensor(x, ts::f32), mean, var, {}, {}, {.training = true, .momentum = 0.25});
  for (std::int64_t c = 0; c < 2; ++c) {
    const Moments m = moments_of(x, c);
    CHECK(to_host(mean)[c] == Approx(0.75 * (c == 0 ? 0.5 : -1) + 0.25 * m.mean));
    CHECK(to_host(var)[c] == Approx(0.75 * (c == 0 ? 2 : 3) + 0.25 * m.variance * 4 / 3));
  }
  const std::string before = bytes_of(mean) + bytes_of(var);
  const std::uint32_t version = mean.version();
  ts::batch_norm(to_tensor(x, ts::f32), mean, var);
  CHECK(bytes_of(mean) + bytes_of(var) == before);
  CHECK(mean.version() == version);
}

TEST_CASE("batch_norm of bf16 takes statistics and weights in f32") {
  const ts::Tensor x = to_tensor({4, 2}, {1, -3, 2, 5, 4, 8, 0, 2}, ts::bf16).requires_grad_();
  const ts::Tensor mean = to_tensor({2}, {0, 0}), var = to_tensor({2}, {1, 1});
  const ts::Tensor weight = to_tensor({2}, {2, 3}).requires_grad_(), bias = to_tensor({2}, {1, -1}).requires_grad_();
  const ts::Tensor y = ts::batch_norm(x, mean, var, weight, bias, {.training = true});
  CHECK(y.dtype() == ts::bf16);
  CHECK(to_host(mean)[1] == Approx(0.3));
  y.sum().backward();
  CHECK(weight.grad().dtype() == ts::f32);
  CHECK(to_host(bias.grad())[0] == 4);
}

TEST_CASE("batch_norm does not lose the variance of data far from zero") {
  HostArray x(Shape{64, 3, 8, 8});
  for (std::int64_t i = 0; i < x.numel(); ++i) x[i] = 1000 + std::sin(static_cast<double>(i));
  const ts::Tensor row_major = to_tensor(x, ts::f32);
  for (const ts::Tensor& t : {row_major, row_major.contiguous(ts::MemoryFormat::channels_last)}) {
    const ts::Tensor y = ts::batch_norm(t, {}, {}, {}, {}, {.training = true});
    CHECK(y.is_contiguous(ts::MemoryFormat::channels_last) == t.is_contiguous(ts::MemoryFormat::channels_last));
    CHECK(difference(to_host(y), normalized(HostArrays(to_host(t)))[0], {1e-3, 1e-3}) == "");
  }
}

TEST_CASE("batch_norm has the same bits for any number of threads") {
  HostArray values(Shape{16, 40, 15, 15});
  for (std::int64_t i = 0; i < values.numel(); ++i) values[i] = std::sin(static_cast<double>(i * 7919 % 10007));
  const int threads = ts::num_threads();
  for (const bool channels_last : {false, true}) {
    std::string bits[2];
    for (const int n : {1, 3}) {
      ts::set_num_threads(n);
      ts::Tensor x = to_tensor(values, ts::f32);
      if (channels_last) x = x.contiguous(ts::MemoryFormat::channels_last);
      x = x.detach().requires_grad_();
      const ts::Tensor weight = to_tensor(HostArray(Shape{40}, 1.5), ts::f32).requires_grad_();
      const ts::Tensor y = ts::batch_norm(x, {}, {}, weight, {}, {.training = true});
      (y * y * y).sum().backward();
      bits[n == 3] = bytes_of(y) + bytes_of(x.grad()) + bytes_of(weight.grad());
    }
    CHECK(bits[0] == bits[1]);
  }
  ts::set_num_threads(threads);
}
