#include "tasuki/ops/embedding.hpp"

#include <algorithm>
#include <cmath>

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/runtime/threads.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;

namespace {

HostArrays rows(const HostArrays& in) {
  const HostArray &list = in[0], &table = in[1];
  Shape shape = list.shape;
  const std::int64_t width = table.shape[1];
  shape.push_back(width);
  HostArray y(shape);
  for (std::int64_t i = 0; i < y.numel(); ++i) y[i] = table[static_cast<std::int64_t>(list[i / width]) * width + i % width];
  return y;
}

OpCase of(const std::string& variant, std::vector<Input> inputs, std::vector<std::vector<Shape>> more = {}) {
  return {.op = "embedding",
          .variant = variant,
          .inputs = std::move(inputs),
          .forward = [=](const Inputs& in) { return ts::embedding(in[0], in[1]); },
          .reference = rows,
          .more_shapes = std::move(more)};
}

}  // namespace

OP_CASES(embedding) {
  return {
      of("a batch of words", {indices({2, 5}, 0, 3), real({4, 3})},
         {{{}, {4, 3}}, {{0, 2}, {4, 3}}, {{3}, {4, 0}}, {{7}, {4, 1}}, {{2, 2, 2}, {4, 9}}, {{3}, {4, 700}}}),
      of("indices i32", {indices({6}, 0, 4, ts::i32), real({5, 2})}),
  };
}

namespace {

/// Each bag's rows: their sum, mean or maximum, but for an index that does not count.
auto bags(ts::EmbeddingBagMode mode, std::int64_t padding) {
  return [=](const HostArrays& in) -> HostArrays {
    const HostArray &list = in[0], &table = in[1];
    const std::int64_t length = list.shape[1], width = table.shape[1];
    HostArray y(Shape{list.shape[0], width});
    for (std::int64_t i = 0; i < y.numel(); ++i) {
      std::vector<double> values;
      for (std::int64_t k = 0; k < length; ++k) {
        const auto row = static_cast<std::int64_t>(list[i / width * length + k]);
        if (row != padding) values.push_back(table[row * width + i % width]);
      }
      for (const double v : values) y[i] = mode == ts::EmbeddingBagMode::max ? (v == values[0] ? v : std::max(y[i], v)) : y[i] + v;
      if (mode == ts::EmbeddingBagMode::mean && !values.empty()) y[i] /= static_cast<double>(values.size());
    }
    return y;
  };
}

OpCase bag_case(const char* variant, ts::EmbeddingBagMode mode, std::int64_t padding) {
  return {.op = "embedding_bag",
          .variant = variant,
          .inputs = {indices({3, 4}, 0, 4), distinct({5, 2})},
          .forward = [=](const Inputs& in) { return ts::embedding_bag(in[0], in[1], {.mode = mode, .padding_idx = padding}); },
          .reference = bags(mode, padding),
          .flags = no_expand,
          .slack = 2};
}

}  // namespace

OP_CASES(embedding_bag) {
  return {
      bag_case("means", ts::EmbeddingBagMode::mean, -1),
      bag_case("means without a padding", ts::EmbeddingBagMode::mean, 2),
      bag_case("sums", ts::EmbeddingBagMode::sum, 2),
      {.op = "embedding_bag",
       .variant = "maxima",  // no row comes twice: differences are taken of one row at a time
       .inputs = {indices({5, 1}, 0, 4), distinct({5, 3})},
       .forward = [](const Inputs& in) { return ts::embedding_bag(in[0], in[1], {.mode = ts::EmbeddingBagMode::max}); },
       .reference = bags(ts::EmbeddingBagMode::max, -1),
       .flags = no_expand},
      {.op = "embedding_bag",
       .variant = "weighted",
       .inputs = {indices({3, 2}, 0, 4), real({5, 3}), real({3, 2})},
       .forward = [](const Inputs& in) { return ts::embedding_bag(in[0], in[1], {.mode = ts::EmbeddingBagMode::sum, .per_sample_weights = in[2]}); },
       .reference = [](const HostArrays& in) -> HostArrays {
         HostArray y(Shape{3, 3});
         for (std::int64_t i = 0; i < 9; ++i)
           for (std::int64_t k = 0; k < 2; ++k) y[i] += in[2].at({i / 3, k}) * in[1].at({static_cast<std::int64_t>(in[0].at({i / 3, k})), i % 3});
         return y;
       },
       .slack = 2},
  };
}

TEST_CASE("Bags that offsets cut out of a vector, empty ones too, are those of a matrix") {
  const ts::Tensor table = to_tensor({3, 2}, {1, 2, 3, 4, 5, 6}).requires_grad_(), list = to_tensor({4}, {2, 0, 1, 2}, ts::i64), offsets = to_tensor({3}, {0, 3, 3}, ts::i64);
  const ts::Tensor mean = ts::embedding_bag(list, table, offsets);
  CHECK(to_host(mean).values == std::vector<double>{3, 4, 0, 0, 5, 6});
  CHECK(to_host(ts::embedding_bag(list, table, offsets, {.mode = ts::EmbeddingBagMode::sum, .padding_idx = 2})).values == std::vector<double>{4, 6, 0, 0, 0, 0});
  mean.sum().backward();
  CHECK(difference(to_host(table.grad()), HostArray({3, 2}, {1 / 3.0, 1 / 3.0, 1 / 3.0, 1 / 3.0, 4 / 3.0, 4 / 3.0}), tolerance_of(ts::f32)) == "");
  CHECK(to_host(ts::embedding_bag(to_tensor({1, 2}, {1, 1}, ts::i64), table, {.mode = ts::EmbeddingBagMode::max, .padding_idx = 1})).values == std::vector<double>{0, 0});
}

TEST_CASE("Misuse of embedding_bag is explained") {
  const ts::Tensor table = to_tensor({3, 2}, {1, 2, 3, 4, 5, 6}), list = to_tensor({2}, {2, 0}, ts::i64), late = to_tensor({1}, {1}, ts::i64);
  const std::string two = "\n  indices: i64[2] cpu   weight: f32[3, 2] cpu\n  called at <here>", three = "\n  indices: i64[2] cpu   weight: f32[3, 2] cpu   offsets: i64[1] cpu\n  called at <here>";
  expect_error([&] { ts::embedding_bag(list, table); }, "ShapeError: embedding_bag\n  expected  indices [bags, length], or offsets beside a vector\n  actual    [2]" + two);
  expect_error([&] { ts::embedding_bag(list, table, {.per_sample_weights = list}); },
               "ValueError: embedding_bag\n  expected  o.mode == EmbeddingBagMode::sum\n  per_sample_weights go with the mode sum" + two);
  expect_error([&] { ts::embedding_bag(list, table, late); }, "ValueError: embedding_bag\n  expected  offsets that begin with 0\n  actual    1" + three);
  expect_error([&] { ts::embedding_bag(list, table, late, {.mode = ts::EmbeddingBagMode::max}); },
               "ValueError: embedding_bag\n  expected  o.mode != EmbeddingBagMode::max\n  bags with offsets have a mean and a sum" + three);
}

TEST_CASE("The padding row is looked up like any other and receives no gradient, of any order") {
  const ts::Tensor words = to_tensor({5}, {1, 0, 2, 1, 1}, ts::i64);
  for (const std::int64_t width : {1, 2}) {
    HostArray numbers(Shape{3, width});
    for (std::int64_t i = 0; i < numbers.numel(); ++i) numbers[i] = 1 + static_cast<double>(i);
    const ts::Tensor table = to_tensor(numbers, ts::f64).requires_grad_();
    const ts::Tensor y = ts::embedding(words, table, {.padding_idx = 1});
    CHECK(to_host(y[0]).values == to_host(table[1]).values);
    const ts::Tensor g = ts::grad({ts::sum(y * y * y)}, {table}, {.create_graph = true})[0];
    const ts::Tensor second = ts::grad({ts::sum(g)}, {table})[0];
    for (std::int64_t i = 0; i < numbers.numel(); ++i) {
      CHECK(to_host(g)[i] == (i / width == 1 ? 0 : 3 * numbers[i] * numbers[i]));
      CHECK(to_host(second)[i] == (i / width == 1 ? 0 : 6 * numbers[i]));
    }
  }
}

TEST_CASE("The derivative of an embedding's gradient passes gradgradcheck with padding") {
  const ts::Tensor words = to_tensor({2, 3}, {1, 0, 2, 1, 1, 2}, ts::i64);
  const ts::Tensor table = to_tensor({3, 2}, {0.3, -0.7, 1.1, 0.4, -0.2, 0.9}, ts::f64);
  ts::gradgradcheck([&](const std::vector<ts::Tensor>& in) {
    const ts::Tensor y = ts::embedding(words, in[0], {.padding_idx = 1});
    return y * y * y;
  }, {table});
}

TEST_CASE("A word that occurs often gets the sum of its gradients, rounded once") {
  const std::int64_t repeats = 3000;
  const ts::Tensor words = to_tensor(HostArray(Shape{repeats}, 2), ts::i32);
  for (const ts::DType dtype : {ts::f32, ts::f64, ts::bf16, ts::f16}) {
    const ts::Tensor table = to_tensor(HostArray(Shape{4, 2}), dtype).requires_grad_();
    ts::embedding(words, table).backward(to_tensor(HostArray(Shape{repeats, 2}, 1), dtype));
    CHECK(to_host(table.grad()).values == std::vector<double>{0, 0, 0, 0, rounded_to(3000, dtype), rounded_to(3000, dtype), 0, 0});
  }
}

TEST_CASE("The gradient of an embedding has the same bits for any number of threads") {
  HostArray list(Shape{64, 32}), seed(Shape{64, 32, 96});
  for (std::int64_t i = 0; i < list.numel(); ++i) list[i] = static_cast<double>(i * i % 997);
  for (std::int64_t i = 0; i < seed.numel(); ++i) seed[i] = std::sin(static_cast<double>(i));
  const int threads = ts::num_threads();
  const auto gradient = [&](int count) {
    ts::set_num_threads(count);
    const ts::Tensor table = to_tensor(HostArray(Shape{1000, 96}), ts::f32).requires_grad_();
    ts::embedding(to_tensor(list, ts::i64), table).backward(to_tensor(seed, ts::f32));
    return bytes_of(table.grad());
  };
  const std::string alone = gradient(1);
  CHECK(gradient(2) == alone);
  CHECK(gradient(7) == alone);
  ts::set_num_threads(threads);
}

TEST_CASE("Misuse of embedding is explained") {
  const ts::Tensor table = to_tensor({3, 2}, {1, 2, 3, 4, 5, 6}), words = to_tensor({2, 2}, {0, 2, 1, 3}, ts::i64);
  expect_error([&] { ts::embedding(words, table); },
               "IndexError: embedding\n  expected  0 <= index < 3\n  actual    3 at indices[1, 1]\n  indices: i64[2, 2] cpu   weight: f32[3, 2] cpu\n  called at <here>");
  expect_error([&] { ts::embedding(words.t(), table); },
               "IndexError: embedding\n  expected  0 <= index < 3\n  actual    3 at indices[1, 1]\n  indices: i64[2, 2] cpu   weight: f32[3, 2] cpu\n  called at <here>");
  expect_error([&] { ts::embedding(words, words); },
               "DTypeError: embedding\n  expected  weight of a floating dtype\n  actual    i64\n  indices: i64[2, 2] cpu   weight: i64[2, 2] cpu\n  called at <here>");
  expect_error([&] { ts::embedding(table, table); },
               "DTypeError: embedding\n  expected  indices of dtype i64 or i32\n  actual    f32\n  indices: f32[3, 2] cpu   weight: f32[3, 2] cpu\n  called at <here>");
  expect_error([&] { ts::embedding(words, table[0]); },
               "ShapeError: embedding\n  expected  weight.ndim() == 2\n  actual    1 != 2\n  indices: i64[2, 2] cpu   weight: f32[2] cpu\n  called at <here>");
  expect_error([&] { ts::embedding(words, table, {.padding_idx = 3}); },
               "ValueError: embedding\n  expected  padding_idx < weight.size(0)\n  actual    3 >= 3\n  indices: i64[2, 2] cpu   weight: f32[3, 2] cpu\n  called at <here>");
}
