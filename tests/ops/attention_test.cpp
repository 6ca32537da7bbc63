#include "tasuki/ops/attention.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/runtime/threads.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tasuki/tensor/random.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;
using ts::Tensor;

namespace {


/// The definition, a query at a time. in: q, k, v and perhaps a mask of [B, H, T, S] that is added.
HostArrays attention_of(const HostArrays& in, const ts::AttentionOptions& o) {
  const HostArray &q = in[0], &k = in[1], &v = in[2];
  const int n = q.shape.ndim();
  const std::int64_t queries = q.shape[n - 2], size = q.shape[n - 1], keys = k.shape[n - 2], values = v.shape[n - 1];
  const std::int64_t heads = n > 2 ? q.shape[n - 3] : 1, group = n > 2 && k.shape[n - 3] ? heads / k.shape[n - 3] : 1;
  Shape shape = q.shape;
  shape[n - 1] = values;
  Shape scores_shape = q.shape;
  scores_shape[n - 1] = keys;
  HostArray y(shape);
  const double scale = o.scale != 0 ? o.scale : 1 / std::sqrt(static_cast<double>(size));
  for (std::int64_t r = 0; r < (size ? q.numel() / size : 0); ++r) {
    const std::int64_t i = r % queries, head = r / queries, key_head = head / group;
    std::vector<double> scores(static_cast<std::size_t>(keys));
    double peak = -infinity, sum = 0;
    for (std::int64_t j = 0; j < keys; ++j) {
      double& s = scores[static_cast<std::size_t>(j)];
      for (std::int64_t d = 0; d < size; ++d) s += q[r * size + d] * k[(key_head * keys + j) * size + d] * scale;
      if (in.size() > 3) s += in[3].broadcast(scores_shape, r * keys + j);
      if (o.causal && j > i) s = -infinity;
      peak = std::max(peak, s);
    }
    for (double& s : scores) sum += s = peak == -infinity ? 0 : std::exp(s - peak);
    for (std::int64_t j = 0; j < keys && sum > 0; ++j)
      for (std::int64_t d = 0; d < values; ++d) y[r * values + d] += scores[static_cast<std::size_t>(j)] / sum * v[(key_head * keys + j) * values + d];
  }
  return y;
}

OpCase attention(std::string variant, std::vector<Input> inputs, const ts::AttentionOptions& o = {}) {
  return {.op = "scaled_dot_product_attention",
          .variant = std::move(variant),
          .inputs = std::move(inputs),
          .forward = [=](const Inputs& in) { return ts::scaled_dot_product_attention(in[0], in[1], in[2], in.size() > 3 ? in[3] : Tensor(), o); },
          .reference = [=](const HostArrays& in) { return attention_of(in, o); },
          .slack = 4};
}

HostArray waves(const Shape& shape, double phase) {
  HostArray a(shape);
  for (std::int64_t i = 0; i < a.numel(); ++i) a[i] = std::sin(0.7 * static_cast<double>(i % 1009) + phase + static_cast<double>(i / 1009));
  return a;
}

}  // namespace

OP_CASES(attention) {
  OpCase plain = attention("plain", {real({2, 2, 5, 3}), real({2, 2, 4, 3}), real({2, 2, 4, 6})});
  plain.more_shapes = {{{1, 1, 1, 1}, {1, 1, 1, 1}, {1, 1, 1, 1}}, {{0, 2, 3, 4}, {0, 2, 3, 4}, {0, 2, 3, 4}}, {{1, 2, 0, 4}, {1, 2, 3, 4}, {1, 2, 3, 4}}};
  OpCase boolean = attention("a mask of bools", {real({1, 2, 3, 4}), real({1, 2, 5, 4}), real({1, 2, 5, 4}), booleans({3, 5})});
  boolean.reference = [](const HostArrays& in) {
    HostArrays added = in;
    for (double& m : added[3].values) m = m != 0 ? 0 : -infinity;
    return attention_of(added, {});
  };
  boolean.flags = no_nan;
  OpCase padding = boolean;
  padding.variant = "a mask of keys";
  padding.inputs[3] = booleans({1, 1, 1, 5});
  return {
      plain,
      attention("causal", {real({1, 2, 4, 3}), real({1, 2, 4, 3}), real({1, 2, 4, 3})}, {.causal = true}),
      attention("causal, more keys than queries", {real({1, 1, 3, 2}), real({1, 1, 5, 2}), real({1, 1, 5, 2})}, {.causal = true}),
      attention("causal, fewer keys than queries", {real({1, 1, 5, 2}), real({1, 1, 2, 2}), real({1, 1, 2, 2})}, {.causal = true}),
      attention("grouped heads", {real({1, 4, 3, 2}), real({1, 2, 4, 2}), real({1, 2, 4, 2})}),
      attention("a scale of its own", {real({1, 2, 3, 4}), real({1, 2, 3, 4}), real({1, 2, 3, 4})}, {.scale = 0.3}),
      attention("without heads", {real({4, 3}), real({5, 3}), real({5, 2})}),
      attention("without a batch", {real({2, 4, 3}), real({2, 5, 3}), real({2, 5, 2})}, {.causal = true}),
      attention("a mask that is added", {real({2, 2, 3, 4}), real({2, 2, 5, 4}), real({2, 2, 5, 4}), constant({3, 5})}),
      attention("a mask that learns", {real({2, 2, 3, 2}), real({2, 2, 4, 2}), real({2, 2, 4, 2}), real({2, 1, 4})}),
      boolean,
      padding,
  };
}

TEST_CASE("attention over many tiles is that of the definition, with its gradients") {
  for (const bool causal : {false, true})
    for (const ts::DType dtype : {ts::f32, ts::f64}) {
      const HostArrays in({waves({1, 2, 300, 20}, 0), waves({1, 1, 211, 20}, 1), waves({1, 1, 211, 9}, 2)});
      std::vector<Tensor> tensors;
      for (const HostArray& a : in) tensors.push_back(to_tensor(a, dtype).requires_grad_());
      const Tensor y = ts::scaled_dot_product_attention(tensors[0], tensors[1], tensors[2], {}, {.causal = causal});
      CHECK(difference(to_host(y), attention_of(in, {.causal = causal})[0], {1e-5, 1e-5}) == "");
      // Gradients made in tiles against those of the ordinary ops, which a mask that learns asks for.
      const Tensor seed = to_tensor(waves(y.shape(), 3), dtype);
      const auto fused = ts::grad({y}, tensors, {.grad_outputs = {seed}});
      const Tensor mask = ts::zeros({1}, {.dtype = dtype}).requires_grad_();
      const auto plain = ts::grad({ts::scaled_dot_product_attention(tensors[0], tensors[1], tensors[2], mask, {.causal = causal})}, tensors, {.grad_outputs = {seed}});
      for (std::size_t i = 0; i < 3; ++i) CHECK(difference(to_host(fused[i]), to_host(plain[i]), {1e-4, dtype == ts::f32 ? 1e-4 : 1e-11}) == "");
    }
}

TEST_CASE("attention drops weights as the same stream does in ordinary ops") {
  const Tensor q = to_tensor(waves({2, 2, 133, 5}, 0), ts::f64).requires_grad_(), k = to_tensor(waves({2, 2, 101, 5}, 1), ts::f64).requires_grad_(),
               v = to_tensor(waves({2, 2, 101, 4}, 2), ts::f64).requires_grad_(), mask = ts::zeros({1}, {.dtype = ts::f64}).requires_grad_();
  ts::manual_seed(5);
  const Tensor fused = ts::scaled_dot_product_attention(q, k, v, {}, {.dropout = 0.3});
  ts::manual_seed(5);
  const Tensor plain = ts::scaled_dot_product_attention(q, k, v, mask, {.dropout = 0.3});
  CHECK(difference(to_host(fused), to_host(plain), {1e-12, 1e-13}) == "");
  const Tensor seed = to_tensor(waves(fused.shape(), 3), ts::f64);
  const auto a = ts::grad({fused}, {q, k, v}, {.grad_outputs = {seed}}), b = ts::grad({plain}, {q, k, v}, {.grad_outputs = {seed}});
  for (std::size_t i = 0; i < 3; ++i) CHECK(difference(to_host(a[i]), to_host(b[i]), {1e-11, 1e-12}) == "");
  // Their mean is what no dropout gives: values of 1 add up to about 1.
  const Tensor one = ts::ones({2, 2, 101, 4}, {.dtype = ts::f64});
  CHECK(ts::scaled_dot_product_attention(q, k, one, {}, {.dropout = 0.3}).mean().item<double>() == Approx(1).margin(0.02));
  CHECK(ts::scaled_dot_product_attention(q, k, one, {}, {.dropout = 1}).sum().item<double>() == 0);
}

TEST_CASE("gradients of gradients of attention with dropout see the same mask") {
  const auto f = [](const std::vector<Tensor>& in) {
    ts::manual_seed(3);
    return ts::scaled_dot_product_attention(in[0], in[1], in[2], {}, {.dropout = 0.4, .causal = true});
  };
  const std::vector<Tensor> in{to_tensor(waves({1, 2, 3, 2}, 0), ts::f64), to_tensor(waves({1, 1, 3, 2}, 1), ts::f64), to_tensor(waves({1, 1, 3, 2}, 2), ts::f64)};
  ts::gradcheck(f, in);
  ts::gradgradcheck(f, in);
}

TEST_CASE("a query that sees no key gives zeros and passes no gradient") {
  const Tensor q = to_tensor(waves({1, 1, 2, 3}, 0), ts::f32).requires_grad_(), k = to_tensor(waves({1, 1, 4, 3}, 1), ts::f32).requires_grad_(),
               v = to_tensor(waves({1, 1, 4, 3}, 2), ts::f32).requires_grad_();
  const Tensor mask = to_tensor({2, 4}, {0, 0, 0, 0, 1, 1, 0, 1}, ts::bool_);
  const Tensor y = ts::scaled_dot_product_attention(q, k, v, mask);
  y.sum().backward({.retain_graph = true});
  for (int d = 0; d < 3; ++d) CHECK(to_host(y).at({0, 0, 0, d}) == 0);
  for (int d = 0; d < 3; ++d) CHECK(to_host(q.grad()).at({0, 0, 0, d}) == 0);
  for (int d = 0; d < 3; ++d) CHECK(to_host(v.grad()).at({0, 0, 2, d}) == 0);
  const auto recorded = ts::grad({y.sum()}, {q, k}, {.create_graph = true});
  CHECK(difference(to_host(recorded[0]), to_host(q.grad()), {1e-5, 1e-6}) == "");
  CHECK(difference(to_host(recorded[1]), to_host(k.grad()), {1e-5, 1e-6}) == "");
}

TEST_CASE("attention of heads that are columns of one matrix is laid out as the rows of that matrix") {
  const Tensor rows = to_tensor(waves({2, 5, 12}, 0), ts::f32);
  const Tensor heads = rows.reshape({2, 5, 3, 4}).transpose(1, 2);
  const Tensor y = ts::scaled_dot_product_attention(heads, heads, heads).transpose(1, 2);
  CHECK(y.is_contiguous());
  const Tensor dense = heads.contiguous();
  CHECK(difference(to_host(y), to_host(ts::scaled_dot_product_attention(dense, dense, dense).transpose(1, 2)), {}) == "");
}

TEST_CASE("attention has the same bits for any number of threads") {
  const int threads = ts::num_threads();
  std::string bits[2];
  for (const int n : {1, 3}) {
    ts::set_num_threads(n);
    ts::manual_seed(1);
    const Tensor q = to_tensor(waves({2, 3, 200, 16}, 0), ts::f32).requires_grad_(), k = to_tensor(waves({2, 3, 200, 16}, 1), ts::f32).requires_grad_();
    const Tensor y = ts::scaled_dot_product_attention(q, k, k, {}, {.dropout = 0.1, .causal = true});
    y.square().sum().backward();
    bits[n == 3] = bytes_of(y) + bytes_of(q.grad()) + bytes_of(k.grad());
  }
  CHECK(bits[0] == bits[1]);
  ts::set_num_threads(threads);
}
