#include "benchmarks/ops/cases.hpp"
#include "tasuki/ops/attention.hpp"
#include "tasuki/ops/batch_norm.hpp"
#include "tasuki/ops/conv.hpp"
#include "tasuki/ops/dropout.hpp"
#include "tasuki/ops/einsum.hpp"
#include "tasuki/ops/embedding.hpp"
#include "tasuki/ops/feature_dropout.hpp"
#include "tasuki/ops/group_norm.hpp"
#include "tasuki/ops/layer_norm.hpp"
#include "tasuki/ops/linalg.hpp"
#include "tasuki/ops/linear.hpp"
#include "tasuki/ops/local_response_norm.hpp"
#include "tasuki/ops/matmul.hpp"
#include "tasuki/ops/products.hpp"
#include "tasuki/ops/recurrent.hpp"
#include "tasuki/ops/rotary_embedding.hpp"

namespace tasuki::benchmark {
namespace {

constexpr std::int64_t columns = Sizes::columns;

/// x, the weights of the input and of the state, and the first state of a layer of 128 features, 16 samples at a time.
std::vector<Operand> recurrent(const Sizes& s, std::int64_t gates) {
  return {{-1, 1, {s.rows / 16, 16, 128}}, {-0.1, 0.1, {gates * 128, 128}}, {-0.1, 0.1, {gates * 128, 128}}, {-1, 1, {16, 128}}};
}
/// The same for one step of s.elements() / 128 samples.
std::vector<Operand> cell(const Sizes& s, std::int64_t gates) {
  const std::int64_t samples = s.elements() / 128;
  return {{-1, 1, {samples, 128}}, {-0.1, 0.1, {gates * 128, 128}}, {-0.1, 0.1, {gates * 128, 128}}, {-1, 1, {samples, 128}}};
}

/// Cosines and sines for x, which are f32 beside the halves.
Tensor table(const Tensor& t, const Tensor& x) { return t.detach().to(x.dtype() == f64 ? f64 : f32); }

Operand weights(Shape shape) { return {-0.1, 0.1, std::move(shape)}; }

}  // namespace

std::vector<Case> layer_cases(const Sizes& s) {
  const Operand any{}, vector{0, 1, {columns}}, channel{0, 1, {32}}, signals{-2, 2, s.signals()}, images{-2, 2, s.images()}, volumes{-2, 2, s.volumes()};
  const Operand heads{-2, 2, {1, 8, s.elements() / 512, 64}}, angles{-1, 1, {s.elements() / 512, 32}};
  const Operand matrices{-1, 1, {s.elements() / 1024, 32, 32}, Kind::matrix}, vectors{-1, 1, {s.elements() / 1024, 32, 4}};
  const Operand batch{-1, 1, {s.elements() / 4096, 64, 64}};
  return {
      {"matmul", {any, weights({columns, columns})}, OF(matmul(in[0], in[1]))},
      {"linear", {any, weights({columns, columns}), vector}, OF(linear(in[0], in[1], in[2]))},
      {"bmm", {batch, batch}, OF(bmm(in[0], in[1]))},
      {"einsum", {batch, batch}, OF(einsum("bij,bkj->bik", {in[0], in[1]}))},
      {"outer", {{-2, 2, {s.rows}}, vector}, OF(outer(in[0], in[1]))},
      {"kron", {{-2, 2, {s.rows / 16, 32}}, {-2, 2, {16, 16}}}, OF(kron(in[0], in[1]))},
      {"cholesky", {matrices}, OF(cholesky(in[0])), wide_only},
      {"solve", {matrices, vectors}, OF(solve(in[0], in[1])), wide_only},
      {"lu", {matrices}, OF(lu(in[0]).u), wide_only},
      {"lu_factor", {matrices}, OF(lu_factor(in[0]).lu), wide_only},
      {"inverse", {matrices}, OF(inverse(in[0])), wide_only},
      {"det", {matrices}, OF(det(in[0])), wide_only},
      {"qr", {matrices}, OF(qr(in[0]).r.abs()), wide_only},
      {"svd", {matrices}, OF(svd(in[0]).s), wide_only | is_random},
      {"eigh", {matrices}, OF(eigh(in[0]).values), wide_only | is_random},
      {"pinv", {matrices}, OF(pinv(in[0])), wide_only},
      {"slogdet", {matrices}, OF(slogdet(in[0]).logabsdet), wide_only},
      {"matrix_power", {matrices}, OF(matrix_power(in[0], 5)), wide_only},
      {"conv1d", {signals, weights({32, 32, 3}), channel}, OF(conv1d(in[0], in[1], in[2], {.padding = 1}))},
      {"conv2d", {images, weights({32, 32, 3, 3}), channel}, OF(conv2d(in[0], in[1], in[2], {.padding = 1}))},
      {"conv2d depthwise", {images, weights({32, 1, 3, 3}), channel}, OF(conv2d(in[0], in[1], in[2], {.padding = 1, .groups = 32}))},
      {"conv3d", {volumes, weights({32, 32, 3, 3, 3}), channel}, OF(conv3d(in[0], in[1], in[2], {.padding = 1}))},
      {"conv_transpose1d", {signals, weights({32, 32, 2}), channel}, OF(conv_transpose1d(in[0], in[1], in[2], {.stride = 2}))},
      {"conv_transpose2d", {images, weights({32, 32, 2, 2}), channel}, OF(conv_transpose2d(in[0], in[1], in[2], {.stride = 2}))},
      {"conv_transpose3d", {volumes, weights({32, 32, 2, 2, 2}), channel}, OF(conv_transpose3d(in[0], in[1], in[2], {.stride = 2}))},
      {"batch_norm", {images, channel, channel}, OF(batch_norm(in[0], {}, {}, in[1], in[2], {.training = true}))},
      {"layer_norm", {any, vector, vector}, OF(layer_norm(in[0], {columns}, in[1], in[2]))},
      {"rms_norm", {any, vector}, OF(rms_norm(in[0], {columns}, in[1], 1e-6))},
      {"group_norm", {images, channel, channel}, OF(group_norm(in[0], 8, in[1], in[2]))},
      {"instance_norm", {images, channel, channel}, OF(instance_norm(in[0], in[1], in[2]))},
      {"mm", {any, weights({columns, columns})}, OF(mm(in[0], in[1]))},
      {"mv", {any, vector}, OF(mv(in[0], in[1]))},
      {"dot", {{-2, 2, {s.elements()}}, {-2, 2, {s.elements()}}}, OF(dot(in[0], in[1]))},
      {"addmm", {vector, any, weights({columns, columns})}, OF(addmm(in[0], in[1], in[2]))},
      {"baddbmm", {{-1, 1, {64, 64}}, batch, batch}, OF(baddbmm(in[0], in[1], in[2]))},
      {"bilinear", {any, any, {-0.1, 0.1, {16, columns, columns}}}, OF(bilinear(in[0], in[1], in[2]))},
      {"tensordot", {any, weights({columns, columns})}, OF(tensordot(in[0], in[1], 1))},
      {"cross", {{-2, 2, {s.elements() / 4, 3}}, {-2, 2, {s.elements() / 4, 3}}}, OF(cross(in[0], in[1]))},
      {"cdist", {any, {-2, 2, {64, columns}}}, OF(cdist(in[0], in[1]))},
      {"embedding_bag", {{-2, 2, {1000, columns}}, indices(1000, {s.rows / 16, 16})}, OF(embedding_bag(in[1], in[0]))},
      {"local_response_norm", {images}, OF(local_response_norm(in[0], 5))},
      {"dropout", {any}, OF(dropout(in[0], 0.1)), is_random},
      {"feature_dropout", {images}, OF(feature_dropout(in[0], 0.1)), is_random},
      {"drop_path", {images}, OF(drop_path(in[0], 0.1)), is_random},
      {"alpha_dropout", {any}, OF(alpha_dropout(in[0], 0.1)), is_random},
      {"embedding", {{-2, 2, {1000, columns}}, indices(1000, {s.rows})}, OF(embedding(in[1], in[0]))},
      {"scaled_dot_product_attention", {heads, heads, heads}, OF(scaled_dot_product_attention(in[0], in[1], in[2]))},
      {"scaled_dot_product_attention causal", {heads, heads, heads}, OF(scaled_dot_product_attention(in[0], in[1], in[2], {}, {.causal = true}))},
      {"rotary_embedding", {heads, angles, angles}, OF(rotary_embedding(in[0], table(in[1], in[0]), table(in[2], in[0])))},
      {"rnn", recurrent(s, 1), OF(rnn(in[0], in[3], {in[1], in[2], {}, {}}).y)},
      {"lstm", recurrent(s, 4), OF(lstm(in[0], in[3], in[3], {in[1], in[2], {}, {}}).y)},
      {"gru", recurrent(s, 3), OF(gru(in[0], in[3], {in[1], in[2], {}, {}}).y)},
      {"rnn_cell", cell(s, 1), OF(rnn_cell(in[0], in[3], {in[1], in[2], {}, {}}))},
      {"lstm_cell", cell(s, 4), OF(lstm_cell(in[0], in[3], in[3], {in[1], in[2], {}, {}}).h)},
      {"gru_cell", cell(s, 3), OF(gru_cell(in[0], in[3], {in[1], in[2], {}, {}}))},
  };
}

}  // namespace tasuki::benchmark
