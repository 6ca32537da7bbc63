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

struct KnownEncoder {
  nn::TransformerLayerOptions options;
  std::initializer_list<double> y, grad_x;
  double in_proj_norm, linear1_norm;
};

void check_encoder(const KnownEncoder& known) {
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

struct KnownDecoder {
  nn::TransformerLayerOptions options;
  std::initializer_list<double> y, grad_x, grad_memory;
  double cross_norm, linear1_norm;
};

void check_decoder(const KnownDecoder& known) {
  nn::TransformerDecoderLayer layer{6, 2, known.options};
  set_known_weights(layer);
  const Tensor x = wave({2, 4, 6}, 1, 0.3).requires_grad_(), memory = wave({2, 3, 6}, 1, 0.7).requires_grad_();
  const Tensor y = layer(x, memory, {.causal = true});
  (y * wave({2, 4, 6}, 1, 0.9)).sum().backward();
  check_row(y[1][2], known.y);
  check_row(x.grad()[1][0], known.grad_x);
  check_row(memory.grad()[1][1], known.grad_memory);
  CHECK(norm(layer.multihead_attn.in_proj_weight.grad()) == Approx(known.cross_norm).epsilon(1e-4));
  CHECK(norm(layer.linear1.weight.grad()) == Approx(known.linear1_norm).epsilon(1e-4));
}

std::vector<std::string> names_of(const nn::Module& module) {
  std::vector<std::string> names;
  for (const auto& [name, parameter] : module.named_parameters()) names.push_back(name);
  return names;
}

}  // namespace

TEST_CASE("TransformerDecoderLayer gives PyTorch's results and gradients") {
  check_decoder({.options = {.feed_forward = 5, .dropout = 0},
                 .y = {-0.2799548, -0.6099474, -1.190162, 0.03811669, 0.008984555, -0.1882825},
                 .grad_x = {0.02977515, -0.008718152, -0.04039453, 0.03108239, -0.02123432, -0.04131464},
                 .grad_memory = {0.005037676, 0.00280299, 0.0001889323, -0.002450698, -0.004758636, -0.006422515},
                 .cross_norm = 0.1549963355064392,
                 .linear1_norm = 0.12077254801988602});
  check_decoder({.options = {.feed_forward = 5, .dropout = 0, .activation = nn::TransformerActivation::gelu, .norm_first = true},
                 .y = {-0.4094337, 0.6519269, 2.252296, -0.6728675, 0.5492841, 1.265511},
                 .grad_x = {-0.3577058, -0.6660447, -0.8849408, -0.9983774, -0.9626353, -0.7955135},
                 .grad_memory = {0.00809098, 0.01344628, 0.01698169, 0.01821871, 0.01698991, 0.0134616},
                 .cross_norm = 0.9259209632873535,
                 .linear1_norm = 1.0592437982559204});
}

TEST_CASE("the parameters of TransformerDecoderLayer have PyTorch's names and order") {
  const std::vector<std::string> expected{
      "self_attn.in_proj_weight",      "self_attn.in_proj_bias",          "self_attn.out_proj.weight",    "self_attn.out_proj.bias", "multihead_attn.in_proj_weight",
      "multihead_attn.in_proj_bias",   "multihead_attn.out_proj.weight",  "multihead_attn.out_proj.bias", "linear1.weight",          "linear1.bias",
      "linear2.weight",                "linear2.bias",                    "norm1.weight",                 "norm1.bias",              "norm2.weight",
      "norm2.bias",                    "norm3.weight",                    "norm3.bias"};
  CHECK(names_of(nn::TransformerDecoderLayer{6, 2}) == expected);
}

TEST_CASE("a decoder reads no masked memory and no later positions") {
  nn::TransformerDecoder decoder{6, 2, 2, {.feed_forward = 5, .dropout = 0}};
  const Tensor x = wave({1, 4, 6}, 1, 0.3), memory = wave({1, 3, 6}, 1, 0.7);
  const nn::TransformerDecoderMasks masks{.memory = to_tensor({1, 3}, {1, 1, 0}, ts::bool_), .causal = true};
  const Tensor y = decoder(x, memory, masks);
  const HostArray seen = to_host(decoder(x, memory.narrow(1, 0, 2), {.causal = true}));
  CHECK(difference(to_host(y), seen, tolerance_of(ts::f32)) == "");
  CHECK(difference(to_host(decoder(x.narrow(1, 0, 2), memory, masks)), to_host(y.narrow(1, 0, 2)), tolerance_of(ts::f32)) == "");
  CHECK(bytes_of(nn::clone(decoder)(x, memory, masks)) == bytes_of(y));
}

TEST_CASE("TransformerEncoder runs its layers and a last normalization as PyTorch's does, without biases too") {
  nn::TransformerEncoder encoder{6, 2, 2, {.feed_forward = 5, .dropout = 0, .norm_first = true, .bias = false}, true};
  set_known_weights(encoder);
  const Tensor x = wave({2, 4, 6}, 1, 0.3), y = encoder(x);
  check_row(y[1][2], {0.1073281, 0.03256027, 0.1686154, 0.03604224, -0.5453832, 0.009647072});
  const std::vector<std::string> names = names_of(encoder);
  REQUIRE(names.size() == 13);
  CHECK(names[0] == "layers.0.self_attn.in_proj_weight");
  CHECK(names[6] == "layers.1.self_attn.in_proj_weight");
  CHECK(names[12] == "norm.weight");
  nn::TransformerEncoder copy = nn::clone(encoder), moved = std::move(encoder);
  CHECK(bytes_of(copy(x)) == bytes_of(y));
  CHECK(bytes_of(moved(x)) == bytes_of(y));
}

TEST_CASE("MultiheadAttention with keys and values of other widths, and padded sequences, gives PyTorch's results") {
  nn::MultiheadAttention attend{6, 3, {.kdim = 4, .vdim = 5}};
  set_known_weights(attend);
  CHECK(names_of(attend) == std::vector<std::string>{"q_proj_weight", "k_proj_weight", "v_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"});
  const Tensor q = wave({2, 3, 6}, 1, 0.1), k = wave({2, 5, 4}, 1, 0.7), v = wave({2, 5, 5}, 1, 0.4);
  const Tensor is_word = to_tensor({2, 5}, {1, 1, 1, 0, 0, 1, 1, 1, 1, 0}, ts::bool_);
  check_row(attend(q, k, v, is_word.reshape({2, 1, 1, 5}))[0][2], {-1.268495, -0.07132092, 0.1383594, -0.8903299, 0.6733062, 0.3767638});
  CHECK(bytes_of(nn::clone(attend)(q, k, v)) == bytes_of(attend(q, k, v)));
}

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
