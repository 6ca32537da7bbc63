#include "tasuki/ops/matmul.hpp"

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tests/support/op_case.hpp"

using namespace tasuki;
using namespace tasuki::testing;

namespace {

/// The product by definition, for operands of two or more dimensions.
HostArrays batched_product(const HostArrays& in) {
  const HostArray &a = in[0], &b = in[1];
  const Shape a_batch(a.shape.data(), a.shape.size() - 2), b_batch(b.shape.data(), b.shape.size() - 2);
  const Shape batch = broadcast_shape(a_batch, b_batch);
  const std::int64_t m = a.shape[a.shape.ndim() - 2], k = a.shape.back(), n = b.shape.back();
  HostArray a_index(a_batch), b_index(b_batch);
  for (std::int64_t i = 0; i < a_index.numel(); ++i) a_index[i] = static_cast<double>(i);
  for (std::int64_t i = 0; i < b_index.numel(); ++i) b_index[i] = static_cast<double>(i);
  Shape shape = batch;
  shape.push_back(m);
  shape.push_back(n);
  HostArray c(shape);
  for (std::int64_t e = 0; e < batch.numel(); ++e) {
    const auto from_a = static_cast<std::int64_t>(a_index.broadcast(batch, e)) * m * k;
    const auto from_b = static_cast<std::int64_t>(b_index.broadcast(batch, e)) * k * n;
    for (std::int64_t i = 0; i < m; ++i)
      for (std::int64_t j = 0; j < n; ++j)
        for (std::int64_t l = 0; l < k; ++l) c[(e * m + i) * n + j] += a[from_a + i * k + l] * b[from_b + l * n + j];
  }
  return c;
}

Tensor matrix_product(const Inputs& in) { return matmul(in[0], in[1]); }

HostArrays with_vectors(const HostArrays& in) {
  HostArrays wide = in;
  Shape &a = wide[0].shape, &b = wide[1].shape;
  const bool row = a.ndim() == 1, column = b.ndim() == 1;
  if (row) a = {1, a[0]};
  if (column) b = {b[0], 1};
  HostArrays c = batched_product(wide);
  if (column) c[0].shape.erase(c[0].shape.ndim() - 1);
  if (row) c[0].shape.erase(c[0].shape.ndim() - (column ? 1 : 2));
  return c;
}

}  // namespace

OP_CASES(matmul) {
  return {
      {.op = "matmul",
       .inputs = {real({3, 5}), real({5, 4})},
       .forward = matrix_product,
       .reference = batched_product,
       .more_shapes = {{{1, 1}, {1, 1}}, {{1, 7}, {7, 1}}, {{17, 33}, {33, 19}}, {{0, 3}, {3, 2}}, {{2, 0}, {0, 3}}, {{2, 3}, {3, 0}}},
       .slack = 4},
      {.op = "matmul",
       .variant = "batches that broadcast",
       .inputs = {real({2, 1, 3, 4}), real({3, 4, 2})},
       .forward = matrix_product,
       .reference = batched_product,
       .more_shapes = {{{3, 4}, {2, 4, 5}}, {{2, 3, 4}, {4, 5}}, {{1, 2, 3}, {4, 3, 2}}, {{2, 3, 2, 3}, {2, 3, 3, 2}}, {{0, 2, 3}, {3, 2}}, {{5, 1, 2, 3}, {1, 2, 3, 1}}},
       .slack = 4},
      {.op = "matmul",
       .variant = "with vectors",
       .inputs = {real({5}), real({5})},
       .forward = matrix_product,
       .reference = with_vectors,
       .more_shapes = {{{4}, {4, 3}}, {{3, 4}, {4}}, {{4}, {2, 4, 3}}, {{2, 3, 4}, {4}}, {{1}, {1}}, {{0}, {0}}},
       .slack = 4},
  };
}

TEST_CASE("matmul: integers multiply exactly and wrap around") {
  const Tensor a = to_tensor({2, 2}, {1, 2, 3, 4}, i64), b = to_tensor({2, 2}, {5, 6, 7, 8}, i64);
  CHECK(matmul(a, b).to_vector<std::int64_t>() == std::vector<std::int64_t>{19, 22, 43, 50});
  CHECK(matmul(a.to(i32), b.to(i32)).to_vector<std::int32_t>() == std::vector<std::int32_t>{19, 22, 43, 50});
  CHECK(matmul(to_tensor({1, 2}, {200, 1}, u8), to_tensor({2, 1}, {2, 3}, u8)).to_vector<std::uint8_t>() == std::vector<std::uint8_t>{147});
}

TEST_CASE("matmul: transposed operands give the bits of their copies' product within rounding") {
  HostArray a(Shape{40, 70}), b(Shape{50, 70});
  for (std::int64_t i = 0; i < a.numel(); ++i) a[i] = static_cast<double>((i * 37) % 101 - 50) / 50;
  for (std::int64_t i = 0; i < b.numel(); ++i) b[i] = static_cast<double>((i * 53) % 97 - 48) / 48;
  const Tensor x = to_tensor(a, f32), y = to_tensor(b, f32);
  CHECK(difference(to_host(matmul(x, y.t())), to_host(matmul(x, y.t().contiguous())), {1e-5, 1e-5}, f32) == "");
  CHECK(difference(to_host(matmul(y, x.t()).t()), to_host(matmul(x, y.t())), {1e-5, 1e-5}, f32) == "");
}

TEST_CASE("matmul: a gradient is added to the one that is there") {
  const Tensor a = to_tensor({2, 2}, {1, 2, 3, 4}), b = to_tensor({2, 2}, {5, 6, 7, 8});
  a.requires_grad_();
  b.requires_grad_();
  for (int pass = 0; pass < 2; ++pass) sum(matmul(a, b)).backward();
  CHECK(a.grad().to_vector<float>() == std::vector<float>{22, 30, 22, 30});
  CHECK(b.grad().to_vector<float>() == std::vector<float>{8, 8, 12, 12});
}
