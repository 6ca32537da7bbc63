// Layers of transformers against PyTorch's modules with the same weights.
#include "tasuki/nn/transformer.hpp"

#include "tasuki/ops/reduce.hpp"
#include "tests/catch.hpp"
#include "tests/nn/known_weights.hpp"

namespace ts = tasuki;
namespace nn = ts::nn;
using namespace tasuki::testing;
using ts::Shape;
using ts::Tensor;

namespace {

struct Known {
  nn::TransformerLayerOptions options;
  std::initializer_list<double> y, grad_x;
  double in_proj_norm, linear1_norm;
};

void check_encoder(const Known& known) {
  nn::TransformerEncoderLayer layer{6, 2, known.options};
  set_known_weights(layer);
  const Tensor x = wave({2, 4, 6}, 1, 0.3).requires_grad_();
  const Tensor y = layer(x, {}, true);
  (y * wave({2, 4, 6}, 1, 0.9)).sum().backward();
  check_row(y[1][2], known.y);
  check_row(x.grad()[1][0], known.grad_x);
  CHECK(norm(layer.self_attn.in_proj_weight.grad()) == Approx(known.in_proj_norm).epsilon(1e-4));
  CHECK(norm(layer.linear1.weight.grad()) == Approx(known.linear1_norm).epsilon(1e-4));
}

}  // namespace

TEST_CASE("TransformerEncoderLayer gives PyTorch's results and gradients") {
  check_encoder({.options = {.feed_forward = 5, .dropout = 0},
                 .y = {-0.7139954, -1.076862, -0.6352645, 0.3306505, 0.2677529, 0.4802666},
                 .grad_x = {-0.04325282, 0.05859242, 0.02842946, 0.002115753, -0.03786176, 0.06249215},
                 .in_proj_norm = 1.5690330266952515,
                 .linear1_norm = 0.49566659331321716});
  check_encoder({.options = {.feed_forward = 5, .dropout = 0, .activation = nn::TransformerActivation::gelu, .norm_first = true},
                 .y = {1.239442, 1.551927, 1.066387, 0.6209173, 0.9315844, -0.03347676},
                 .grad_x = {-0.3123361, -0.6806052, -0.9305547, -1.034564, -0.9596595, -0.7474978},
                 .in_proj_norm = 0.6993857622146606,
                 .linear1_norm = 1.3059345483779907});
}

TEST_CASE("the parameters of TransformerEncoderLayer have PyTorch's names") {
  const nn::TransformerEncoderLayer layer{6, 2};
  const auto named = layer.named_parameters();
  REQUIRE(named.size() == 12);
  CHECK(named[0].name == "self_attn.in_proj_weight");
  CHECK(named[2].name == "self_attn.out_proj.weight");
  CHECK(named[4].name == "linear1.weight");
  CHECK(named[10].name == "norm2.weight");
}

TEST_CASE("MultiheadAttention attends from one sequence to another as PyTorch's does") {
  nn::MultiheadAttention attend{6, 3};
  set_known_weights(attend);
  const Tensor q = wave({1, 3, 6}, 1, 0.1), k = wave({1, 5, 6}, 1, 0.7);
  check_row(attend(q, k, k)[0][2], {-0.3828953, 0.1464204, -0.1421326, -0.8403335, -0.1081811, -0.5244309});
}

TEST_CASE("attention of a sequence to itself is that from itself to itself, and a causal one that of its mask") {
  nn::MultiheadAttention attend{6, 3};
  const Tensor x = wave({2, 4, 6}, 1, 0.1);
  CHECK(difference(to_host(attend(x)), to_host(attend(x, x, x)), tolerance_of(ts::f32)) == "");
  const Tensor earlier = to_tensor({4, 4}, {1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1}, ts::bool_);
  CHECK(difference(to_host(attend(x, {}, true)), to_host(attend(x, earlier)), tolerance_of(ts::f32)) == "");
}

TEST_CASE("dropout of attention stops in evaluation") {
  nn::MultiheadAttention attend{6, 3, {.dropout = 0.5}};
  const Tensor x = wave({2, 4, 6}, 1, 0.1);
  CHECK(bytes_of(attend(x)) != bytes_of(attend(x)));
  attend.eval();
  CHECK(bytes_of(attend(x)) == bytes_of(attend(x)));
}
