#include "tasuki/ops/rotary_embedding.hpp"

#include <cmath>

#include "tasuki/nn/rotary_embedding.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;
using ts::Tensor;

namespace {

OpCase rotary(std::string variant, const Shape& x, bool interleaved) {
  const std::int64_t pairs = x.back() / 2;
  const Shape table{x[x.ndim() - 2], pairs};
  OpCase c{.op = "rotary_embedding", .variant = std::move(variant), .inputs = {real(x), constant(table), constant(table)}};
  c.forward = [=](const Inputs& in) {
    const ts::DType carried = in[0].dtype() == ts::f64 ? ts::f64 : ts::f32;
    return ts::rotary_embedding(in[0], in[1].to(carried), in[2].to(carried), interleaved);
  };
  c.reference = [=](const HostArrays& in) -> HostArrays {
    HostArray y(in[0].shape);
    const std::int64_t size = in[0].shape.back(), half = size / 2, positions = in[0].shape[in[0].shape.ndim() - 2];
    for (std::int64_t r = 0; r < y.numel() / size; ++r)
      for (std::int64_t i = 0; i < half; ++i) {
        const std::int64_t a = r * size + (interleaved ? 2 * i : i), b = r * size + (interleaved ? 2 * i + 1 : half + i), t = r % positions * half + i;
        y[a] = in[0][a] * in[1][t] - in[0][b] * in[2][t];
        y[b] = in[0][b] * in[1][t] + in[0][a] * in[2][t];
      }
    return y;
  };
  c.slack = 2;
  return c;
}

}  // namespace

OP_CASES(rotary_embedding) {
  OpCase halves = rotary("halves", {2, 2, 3, 6}, false);
  halves.more_shapes = {{{1, 1, 1, 2}, {1, 1}, {1, 1}}, {{2, 0, 3, 4}, {3, 2}, {3, 2}}, {{5, 38}, {5, 19}, {5, 19}}};
  return {halves, rotary("interleaved", {2, 3, 6}, true)};
}

TEST_CASE("products of rotated queries and keys depend on their distance alone") {
  const ts::nn::RotaryEmbedding rotate{8, 32};
  const Tensor q = to_tensor({1, 8}, {1, -2, 0.5, 3, -1, 0.25, 2, 1}), k = to_tensor({1, 8}, {0.5, 1, -1, 2, 1.5, -0.5, 1, -2});
  const auto product = [&](std::int64_t i, std::int64_t j) { return (rotate(q, i) * rotate(k, j)).sum().item<float>(); };
  CHECK(product(5, 2) == Approx(product(23, 20)).epsilon(1e-4));
  CHECK(product(7, 7) == Approx((q * k).sum().item<float>()).epsilon(1e-4));
  CHECK(product(5, 2) != Approx(product(5, 3)).epsilon(1e-3));
}
