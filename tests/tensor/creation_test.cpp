#include "tasuki/tensor/creation.hpp"

#include <cmath>
#include <string>
#include <vector>

#include "tasuki/core/error.hpp"
#include "tests/catch.hpp"

namespace ts = tasuki;

TEST_CASE("tensor takes its dtype from the C++ type of the numbers") {
  CHECK(ts::tensor({1.0f, 2.0f}).dtype() == ts::f32);
  CHECK(ts::tensor({1.0, 2.0}).dtype() == ts::f64);
  CHECK(ts::tensor({std::int64_t{1}}).dtype() == ts::i64);
  CHECK(ts::tensor({1, 2}).dtype() == ts::i64);
  CHECK(ts::tensor({true, false}).dtype() == ts::bool_);
  CHECK(ts::tensor({static_cast<unsigned char>(1)}).dtype() == ts::u8);
  CHECK(ts::tensor({ts::bfloat16(1.0f)}).dtype() == ts::bf16);
  CHECK(ts::tensor({ts::float16(1.0f)}).dtype() == ts::f16);
  CHECK(ts::tensor({std::size_t{1}, std::size_t{2}}).dtype() == ts::i64);
  CHECK(ts::tensor({1, 2}, {.dtype = ts::i32}).to_vector<std::int32_t>() == std::vector<std::int32_t>{1, 2});
  CHECK(ts::tensor({1, 2}, {.dtype = ts::f16}).dtype() == ts::f16);
  CHECK(ts::from(std::vector<std::int32_t>{1, 2}).dtype() == ts::i32);
}

TEST_CASE("nested lists give dimensions, a bare number none") {
  const ts::Tensor scalar = ts::tensor(3.5f);
  CHECK(scalar.ndim() == 0);
  CHECK(scalar.item<float>() == 3.5f);
  const ts::Tensor matrix = ts::tensor({{1, 2, 3}, {4, 5, 6}});
  CHECK(matrix.shape() == ts::Shape{2, 3});
  CHECK(matrix.to_vector<std::int64_t>() == std::vector<std::int64_t>{1, 2, 3, 4, 5, 6});
  const ts::Tensor cube = ts::tensor({{{1.0f, 2.0f}}, {{3.0f, 4.0f}}, {{5.0f, 6.0f}}});
  CHECK(cube.shape() == ts::Shape{3, 1, 2});
  CHECK(cube.to_vector<float>() == std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(ts::tensor({{true}, {false}}).to_vector<bool>() == std::vector<bool>{true, false});
}

TEST_CASE("ragged lists are an error that names the row") {
  try {
    ts::tensor({{1, 2, 3}, {4, 5}});
    FAIL("accepted");
  } catch (const ts::ShapeError& error) {
    CHECK(error.body() == "expected  rows of one length: 3 elements, as in row 0\nactual    row 1 has 2");
    CHECK(error.op() == "tensor");
  }
  CHECK_THROWS_AS(ts::tensor({{{1}, {2}}, {{3}}}), ts::ShapeError);
  CHECK_THROWS_AS(ts::tensor({{{1}, {2}}, {{3}, {4, 5}}}), ts::ShapeError);
}

TEST_CASE("requires_grad makes a leaf") {
  const ts::Tensor x = ts::tensor({1.0f}, {.requires_grad = true});
  CHECK(x.requires_grad());
  CHECK(x.is_leaf());
  CHECK_THROWS_AS(ts::tensor({1}, {.requires_grad = true}), ts::DTypeError);
}

TEST_CASE("from copies, from_blob does not") {
  std::vector<float> values{1, 2, 3, 4, 5, 6};
  const ts::Tensor copied = ts::from(values, {2, 3});
  const ts::Tensor borrowed = ts::from_blob(values.data(), {3, 2});
  values[0] = 10;
  CHECK(copied.to_vector<float>()[0] == 1);
  CHECK(borrowed.to_vector<float>()[0] == 10);
  CHECK(borrowed.size(0) == 3);
  CHECK(ts::from(values.data() + 1, {2}).to_vector<float>() == std::vector<float>{2, 3});
  CHECK(ts::from(std::vector<bool>{true, false, true}).to_vector<bool>() == std::vector<bool>{true, false, true});
  CHECK(ts::from(std::vector<float>{}, {0, 3}).shape() == ts::Shape{0, 3});
}

TEST_CASE("from_blob gives the memory back with the last tensor over it") {
  static float memory[4] = {1, 2, 3, 4};
  int released = 0;
  {
    ts::Tensor x = ts::from_blob(memory, {4}, [&](void* data) { released += data == memory; });
    const ts::Tensor view = x.slice(0, 1, 3);
    x = ts::Tensor();
    CHECK(released == 0);
    CHECK(view.to_vector<float>() == std::vector<float>{2, 3});
  }
  CHECK(released == 1);
}

TEST_CASE("arange counts like PyTorch's") {
  using Integers = std::vector<std::int64_t>;
  using Floats = std::vector<float>;
  CHECK(ts::arange(4).to_vector<std::int64_t>() == Integers{0, 1, 2, 3});
  CHECK(ts::arange(2, 9, 3).to_vector<std::int64_t>() == Integers{2, 5, 8});
  CHECK(ts::arange(5, 0, -2).to_vector<std::int64_t>() == Integers{5, 3, 1});
  CHECK(ts::arange(3, 3).numel() == 0);
  CHECK(ts::arange(0.0, 1.0, 0.25).to_vector<float>() == Floats{0, 0.25f, 0.5f, 0.75f});
  CHECK(ts::arange(1, 2, 0.5).dtype() == ts::f32);
  CHECK(ts::arange(3, {.dtype = ts::f64}).to_vector<double>() == std::vector<double>{0, 1, 2});
  CHECK(ts::arange(2.5).to_vector<float>() == Floats{0, 1, 2});
  CHECK(ts::arange(250, 256, 2, {.dtype = ts::u8}).to_vector<unsigned char>() == std::vector<unsigned char>{250, 252, 254});
  CHECK(ts::arange(INT64_MIN, INT64_MAX, INT64_MAX).to_vector<std::int64_t>() == Integers{INT64_MIN, -1, INT64_MAX - 1});
}

TEST_CASE("logspace: powers of a base, evenly spaced by their exponents") {
  CHECK(ts::logspace(-2, 2, 5, 10, {.dtype = ts::f64}).to_vector<double>() == std::vector<double>{0.01, 0.1, 1, 10, 100});
  CHECK(ts::logspace(0, 10, 3, 2).to_vector<float>() == std::vector<float>{1, 32, 1024});
  CHECK(ts::logspace(3, 9, 0).numel() == 0);
}

TEST_CASE("a vector is a tensor of its dtype") {
  const ts::Tensor x = ts::tensor(std::vector<std::int64_t>{1, 2, 3});
  CHECK(x.dtype() == ts::i64);
  CHECK(x.shape() == ts::Shape{3});
  CHECK(ts::tensor(std::vector<bool>{true, false}).to_vector<bool>() == std::vector<bool>{true, false});
  CHECK(ts::tensor(std::vector<double>{0.5}, {.dtype = ts::f32}).item<float>() == 0.5f);
}

TEST_CASE("linspace reaches both ends exactly") {
  const auto x = ts::linspace(0.1, 0.7, 7, {.dtype = ts::f64}).to_vector<double>();
  CHECK(x.front() == 0.1);
  CHECK(x.back() == 0.7);
  for (std::size_t i = 0; i < 7; ++i) CHECK(x[i] == Approx(0.1 * static_cast<double>(i + 1)));
  CHECK(ts::linspace(3, 9, 1).to_vector<float>() == std::vector<float>{3});
  CHECK(ts::linspace(3, 9, 0).numel() == 0);
  CHECK(ts::linspace(0, 10, 5, {.dtype = ts::i64}).to_vector<std::int64_t>() == std::vector<std::int64_t>{0, 2, 5, 7, 10});
}

TEST_CASE("constants and the identity") {
  CHECK(ts::zeros({2, 2}).to_vector<float>() == std::vector<float>(4, 0.0f));
  CHECK(ts::ones({2}, {.dtype = ts::i64}).to_vector<std::int64_t>() == std::vector<std::int64_t>{1, 1});
  CHECK(ts::full({3}, 2.5, {.dtype = ts::f64}).to_vector<double>() == std::vector<double>(3, 2.5));
  CHECK(ts::full({}, 7).item<float>() == 7);
  CHECK(ts::zeros({0, 5}).numel() == 0);
  CHECK(ts::eye(2).to_vector<float>() == std::vector<float>{1, 0, 0, 1});
  CHECK(ts::eye(2, 3).to_vector<float>() == std::vector<float>{1, 0, 0, 0, 1, 0});
  CHECK(ts::eye(3, 1).to_vector<float>() == std::vector<float>{1, 0, 0});
  CHECK(ts::eye(0).shape() == ts::Shape{0, 0});
}

TEST_CASE("the _like forms take over what is not named") {
  const ts::Tensor image = ts::empty({2, 3, 4, 5}, {.dtype = ts::f64}).permute({0, 3, 1, 2});
  const ts::Tensor zeros = ts::zeros_like(image);
  CHECK(zeros.shape() == image.shape());
  CHECK(zeros.strides() == image.strides());
  CHECK(zeros.dtype() == ts::f64);
  CHECK(ts::ones_like(image, {.dtype = ts::i32}).to_vector<std::int32_t>() == std::vector<std::int32_t>(120, 1));
  CHECK(ts::full_like(ts::zeros({2}), 3).to_vector<float>() == std::vector<float>{3, 3});
  CHECK_FALSE(ts::empty_like(ts::zeros({2}, {.requires_grad = true})).requires_grad());
  CHECK(ts::empty_like(ts::zeros({2}).expand({4, 2})).is_contiguous());
}
