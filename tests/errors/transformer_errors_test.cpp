// Misuse of the layers of transformers and of normalization, as the user reads it.
#include "tasuki/nn/attention.hpp"
#include "tasuki/nn/norm.hpp"
#include "tasuki/nn/rotary_embedding.hpp"
#include "tasuki/nn/shape.hpp"
#include "tasuki/nn/transformer.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/catch.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/host_array.hpp"

namespace ts = tasuki;
namespace nn = ts::nn;
using namespace tasuki::testing;

TEST_CASE("misuse of MultiheadAttention") {
  expect_error([] { nn::MultiheadAttention{6, 4}; },
               "ValueError: expected  heads_ >= 1 && width_ % heads_ == 0\n"
               "  MultiheadAttention was asked for 4 heads of 6 features");
  const nn::MultiheadAttention attend{6, 2};
  expect_error([&] { attend(ts::zeros({2, 3, 5})); },
               "ShapeError: MultiheadAttention\n"
               "  expected  operands [batch, length, 6]\n"
               "  actual    [2, 3, 5]\n"
               "  x: f32[2, 3, 5] cpu\n"
               "  called at <here>");
}

TEST_CASE("misuse of transformers") {
  expect_error([] { nn::TransformerDecoder{6, 2, 0}; }, "ValueError: expected  count >= 1\n  actual    0 < 1\n  the layers of a transformer");
  const nn::TransformerDecoderLayer layer{6, 2};
  layer.named_parameters();  // gives the layers their paths
  expect_error([&] { layer(ts::zeros({1, 2, 6}), ts::zeros({1, 2, 5})); },
               "ShapeError: MultiheadAttention in multihead_attn\n"
               "  expected  operands [batch, length, 6]\n"
               "  actual    [1, 2, 5]\n"
               "  x: f32[1, 2, 5] cpu\n"
               "  called at <here>");
}

TEST_CASE("misuse of paddings as layers") {
  expect_error([] { nn::ReflectionPad2d({1, 2, 3}); },
               "ValueError: expected  amounts.ndim() == 1 || amounts.ndim() == 2 * dims\n"
               "  a padding of 2 dimensions takes 1 or 4 amounts, not 3");
}

TEST_CASE("misuse of normalization layers") {
  expect_error([] { nn::GroupNorm{3, 4}; },
               "ValueError: expected  groups_ >= 1 && channels_ >= 1 && channels_ % groups_ == 0\n"
               "  GroupNorm was asked for 3 groups of 4 channels");
  const nn::InstanceNorm2d norm{4};
  expect_error([&] { norm(ts::zeros({2, 4, 3})); },
               "ShapeError: InstanceNorm2d\n"
               "  expected  x of shape [N, C, H, W] with C = 4\n"
               "  actual    [2, 4, 3]\n"
               "  x: f32[2, 4, 3] cpu\n"
               "  called at <here>");
}

TEST_CASE("misuse of rotary_embedding") {
  expect_error([] { nn::RotaryEmbedding(5, 10); },
               "ValueError: expected  width >= 2 && width % 2 == 0 && context >= 0\n"
               "  RotaryEmbedding was asked for 10 positions of 5 features");
  expect_error([] { ts::rotary_embedding(ts::zeros({2, 3, 5}), ts::zeros({3, 2}), ts::zeros({3, 2})); },
               "ShapeError: rotary_embedding\n"
               "  expected  x.size(-1) % 2 == 0\n"
               "  actual    1 != 0\n"
               "  features are rotated in pairs\n"
               "  x: f32[2, 3, 5] cpu   cos: f32[3, 2] cpu   sin: f32[3, 2] cpu\n"
               "  called at <here>");
  expect_error([] { ts::rotary_embedding(ts::zeros({2, 3, 4}), ts::zeros({4, 2}), ts::zeros({4, 2})); },
               "ShapeError: rotary_embedding\n"
               "  expected  cos of shape [3, 2]\n"
               "  actual    [4, 2]\n"
               "  x: f32[2, 3, 4] cpu   cos: f32[4, 2] cpu   sin: f32[4, 2] cpu\n"
               "  called at <here>");
  expect_error([] { ts::rotary_embedding(ts::zeros({2, 3, 4}, {.dtype = ts::bf16}), ts::zeros({3, 2}, {.dtype = ts::bf16}), ts::zeros({3, 2})); },
               "DTypeError: rotary_embedding\n"
               "  expected  cos of dtype f32\n"
               "  actual    bf16\n"
               "  cast it with .to(ts::f32)\n"
               "  x: bf16[2, 3, 4] cpu   cos: bf16[3, 2] cpu   sin: f32[3, 2] cpu\n"
               "  called at <here>");
}
