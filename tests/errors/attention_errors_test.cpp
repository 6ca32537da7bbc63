#include "tasuki/ops/attention.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/catch.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/host_array.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;

TEST_CASE("misuse of scaled_dot_product_attention") {
  const ts::Tensor q = ts::zeros({1, 4, 3, 8}), k = ts::zeros({1, 4, 5, 8});
  expect_error([&] { ts::scaled_dot_product_attention(q, ts::zeros({1, 4, 5, 6}), k); },
               "ShapeError: scaled_dot_product_attention\n"
               "  expected  k.size(-1) == q.size(-1)\n"
               "  actual    6 != 8\n"
               "  queries and keys are compared element by element\n"
               "  q: f32[1, 4, 3, 8] cpu   k: f32[1, 4, 5, 6] cpu   v: f32[1, 4, 5, 8] cpu\n"
               "  called at <here>");
  expect_error([&] { ts::scaled_dot_product_attention(q, k, ts::zeros({1, 4, 6, 8})); },
               "ShapeError: scaled_dot_product_attention\n"
               "  expected  v.size(-2) == k.size(-2)\n"
               "  actual    6 != 5\n"
               "  there is one value for each key\n"
               "  q: f32[1, 4, 3, 8] cpu   k: f32[1, 4, 5, 8] cpu   v: f32[1, 4, 6, 8] cpu\n"
               "  called at <here>");
  expect_error([&] { ts::scaled_dot_product_attention(q, ts::zeros({1, 3, 5, 8}), ts::zeros({1, 3, 5, 8})); },
               "ShapeError: scaled_dot_product_attention\n"
               "  expected  q.size(-3) == k.size(-3) || (k.size(-3) > 0 && q.size(-3) % k.size(-3) == 0)\n"
               "  the 4 heads of q cannot share the 3 of k evenly\n"
               "  q: f32[1, 4, 3, 8] cpu   k: f32[1, 3, 5, 8] cpu   v: f32[1, 3, 5, 8] cpu\n"
               "  called at <here>");
  expect_error([&] { ts::scaled_dot_product_attention(q, k, k, ts::zeros({4, 5}, {.dtype = ts::bool_})); },
               "ShapeError: scaled_dot_product_attention\n"
               "  expected  a mask that broadcasts to the scores, [1, 4, 3, 5]\n"
               "  actual    [4, 5]\n"
               "  q: f32[1, 4, 3, 8] cpu   k: f32[1, 4, 5, 8] cpu   v: f32[1, 4, 5, 8] cpu   mask: bool[4, 5] cpu\n"
               "  called at <here>");
  expect_error([&] { ts::scaled_dot_product_attention(q, k, k, ts::zeros({3, 5}, {.dtype = ts::f64})); },
               "DTypeError: scaled_dot_product_attention\n"
               "  expected  mask of dtype f32\n"
               "  actual    f64\n"
               "  cast it with .to(ts::f32)\n"
               "  q: f32[1, 4, 3, 8] cpu   k: f32[1, 4, 5, 8] cpu   v: f32[1, 4, 5, 8] cpu   mask: f64[3, 5] cpu\n"
               "  called at <here>");
  expect_error([&] { ts::scaled_dot_product_attention(q, k, k, {}, {.dropout = 1.5}); },
               "ValueError: scaled_dot_product_attention\n"
               "  expected  options.dropout >= 0 && options.dropout <= 1\n"
               "  dropout is 1.5\n"
               "  q: f32[1, 4, 3, 8] cpu   k: f32[1, 4, 5, 8] cpu   v: f32[1, 4, 5, 8] cpu\n"
               "  called at <here>");
  expect_error([&] { ts::scaled_dot_product_attention(ts::zeros({1, 4, 3, 8}, {.dtype = ts::i64}), k, k); },
               "DTypeError: scaled_dot_product_attention\n"
               "  expected  q of a floating dtype\n"
               "  actual    i64\n"
               "  q: i64[1, 4, 3, 8] cpu   k: f32[1, 4, 5, 8] cpu   v: f32[1, 4, 5, 8] cpu\n"
               "  called at <here>");
  expect_error([&] { ts::scaled_dot_product_attention(ts::zeros({8}), ts::zeros({8}), ts::zeros({8})); },
               "ShapeError: scaled_dot_product_attention\n"
               "  expected  q.ndim() >= 2 && q.ndim() <= 4\n"
               "  q is [B, H, T, D], [H, T, D] or [T, D]\n"
               "  q: f32[8] cpu   k: f32[8] cpu   v: f32[8] cpu\n"
               "  called at <here>");
}
