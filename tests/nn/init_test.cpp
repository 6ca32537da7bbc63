// Initializers by the moments of many draws; the bounds are those of PyTorch's documentation.
#include "tasuki/nn/init.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "tasuki/nn/conv.hpp"
#include "tasuki/nn/embedding.hpp"
#include "tasuki/nn/linear.hpp"
#include "tasuki/ops/matmul.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tasuki/tensor/random.hpp"
#include "tests/catch.hpp"
#include "tests/support/host_array.hpp"

namespace ts = tasuki;
namespace init = ts::nn::init;
using namespace tasuki::testing;
using ts::Tensor;

namespace {
struct Moments {
  double mean = 0, std = 0, lowest = 1e9, highest = -1e9;
};
Moments moments(const Tensor& t) {
  Moments m;
  const auto values = t.to_vector<float>();
  for (double v : values) m.mean += v / static_cast<double>(values.size());
  for (double v : values) {
    m.std += (v - m.mean) * (v - m.mean) / static_cast<double>(values.size());
    m.lowest = std::min(m.lowest, v);
    m.highest = std::max(m.highest, v);
  }
  m.std = std::sqrt(m.std);
  return m;
}
void check_uniform(const Tensor& t, double bound) {
  const Moments m = moments(t);
  CHECK(m.lowest >= -bound * (1 + 1e-6));
  CHECK(m.highest <= bound * (1 + 1e-6));
  CHECK(m.highest > 0.98 * bound);
  CHECK(m.std == Approx(bound / std::sqrt(3.0)).epsilon(0.03));
}
void check_normal(const Tensor& t, double std) {
  CHECK(moments(t).mean == Approx(0).margin(0.03 * std));
  CHECK(moments(t).std == Approx(std).epsilon(0.03));
}
Tensor weight() { return ts::empty({200, 50, 2, 2}, {.requires_grad = true}); }  // fan in 200, fan out 800
}  // namespace

TEST_CASE("fans count the connections of a weight") {
  const auto fans = init::fans_of(weight());
  CHECK(fans.in == 200);
  CHECK(fans.out == 800);
  CHECK_THROWS_AS(init::fans_of(ts::zeros({3})), ts::ShapeError);
}

TEST_CASE("Xavier keeps variance in both directions") {
  check_uniform(init::xavier_uniform_(weight()), std::sqrt(6.0 / 1000));
  check_normal(init::xavier_normal_(weight(), 2), 2 * std::sqrt(2.0 / 1000));
}

TEST_CASE("Kaiming keeps variance in one direction, for the nonlinearity that follows") {
  check_uniform(init::kaiming_uniform_(weight()), std::sqrt(2.0) * std::sqrt(3.0 / 200));
  check_uniform(init::kaiming_uniform_(weight(), {.a = std::sqrt(5.0)}), 1 / std::sqrt(200.0));
  check_normal(init::kaiming_normal_(weight(), {.mode = init::Fan::out, .nonlinearity = init::Nonlinearity::relu}), std::sqrt(2.0 / 800));
  check_normal(init::kaiming_normal_(weight(), {.nonlinearity = init::Nonlinearity::tanh}), 5.0 / 3 / std::sqrt(200.0));
}

TEST_CASE("the others do what they say, and leave a leaf a leaf") {
  const Tensor w = weight();
  check_uniform(init::uniform_(w, -2, 2), 2);
  check_normal(init::normal_(w, 0, 0.5), 0.5);
  const Moments cut = moments(init::trunc_normal_(w, 0, 1, -0.5, 0.5));
  CHECK(cut.lowest >= -0.5);
  CHECK(cut.highest <= 0.5);
  CHECK(moments(init::constant_(w, 3)).lowest == 3);
  CHECK(moments(init::ones_(w)).highest == 1);
  CHECK(moments(init::zeros_(w)).std == 0);
  CHECK((w.is_leaf() && w.requires_grad()));
}

TEST_CASE("layers start as PyTorch's do") {
  const ts::nn::Linear linear{400, 200};
  check_uniform(linear.weight, 1.0 / 20);
  CHECK(moments(linear.bias).highest <= 1.0 / 20);
  CHECK(moments(linear.bias).std > 0.02);
  const ts::nn::Conv2d conv{16, 64, {.kernel = 5, .groups = 4}};
  CHECK(conv.weight.shape() == ts::Shape{64, 4, 5, 5});
  check_uniform(conv.weight, 1.0 / 10);
  const ts::nn::Embedding table{100, 100, {.padding_idx = 7}};
  CHECK(moments(table.weight[7]).std == 0);
  check_normal(table.weight, std::sqrt(0.99));
}

TEST_CASE("the same seed gives the same network") {
  ts::manual_seed(3);
  const ts::nn::Linear a{10, 10};
  ts::manual_seed(3);
  const ts::nn::Linear b{10, 10};
  CHECK(a.weight.to_vector<float>() == b.weight.to_vector<float>());
}

TEST_CASE("orthogonal_ makes orthonormal rows or columns, of any dtype") {
  ts::manual_seed(2);
  for (const ts::DType dtype : {ts::f32, ts::f64, ts::bf16}) {
    const ts::Tensor wide = ts::zeros({3, 2, 4}, {.dtype = dtype}), tall = ts::zeros({5, 2}, {.dtype = dtype});
    const auto near_identity = [&](const ts::Tensor& m, double scale) {
      const HostArray values = to_host(m);
      const std::int64_t n = m.size(0);
      for (std::int64_t i = 0; i < values.numel(); ++i) CHECK(values[i] == Approx(i / n == i % n ? scale : 0).margin(dtype == ts::bf16 ? 0.05 : 1e-5));
    };
    const ts::Tensor rows = init::orthogonal_(wide).flatten(1), columns = init::orthogonal_(tall, 2);
    near_identity(rows.matmul(rows.transpose(0, 1)), 1);
    near_identity(columns.transpose(0, 1).matmul(columns), 4);
  }
}

TEST_CASE("sparse_ leaves as many zeros in each column as it was told") {
  ts::manual_seed(2);
  const ts::Tensor x = init::sparse_(ts::ones({10, 6}), 0.25, 3);
  const HostArray values = to_host(x);
  double squares = 0;
  for (std::int64_t column = 0; column < 6; ++column) {
    int zeros = 0;
    for (std::int64_t row = 0; row < 10; ++row) {
      zeros += values[row * 6 + column] == 0;
      squares += values[row * 6 + column] * values[row * 6 + column];
    }
    CHECK(zeros == 3);
  }
  CHECK(squares / 42 > 2);
}

TEST_CASE("dirac_ passes channels on, in each group, and eye_ is the identity") {
  const ts::Tensor x = init::dirac_(ts::ones({4, 2, 3}), 2);
  const HostArray values = to_host(x);
  for (std::int64_t i = 0; i < values.numel(); ++i) CHECK(values[i] == (i % 3 == 1 && i / 3 % 2 == i / 6 % 2 ? 1 : 0));
  CHECK(to_host(init::dirac_(ts::ones({1, 1, 2, 3}))).values == std::vector<double>{0, 0, 0, 0, 1, 0});
  CHECK(to_host(init::eye_(ts::ones({2, 3}))).values == std::vector<double>{1, 0, 0, 0, 1, 0});
}

TEST_CASE("Misuse of initializers of matrices is explained") {
  const ts::Tensor vector = ts::ones({3}), matrix = ts::ones({3, 2});
  CHECK_THROWS_WITH(init::orthogonal_(vector), Catch::Contains("x.ndim() >= 2") && Catch::Contains("f32[3]"));
  CHECK_THROWS_WITH(init::sparse_(vector, 0.5), Catch::Contains("sparse_ fills matrices"));
  CHECK_THROWS_WITH(init::sparse_(matrix, 1.5), Catch::Contains("sparsity is 1.5"));
  CHECK_THROWS_WITH(init::dirac_(matrix), Catch::Contains("a weight [out, in, kernel...] of 3 to 5 dimensions"));
  CHECK_THROWS_WITH(init::dirac_(ts::ones({3, 2, 1}), 2), Catch::Contains("3 output channels do not divide into 2 groups"));
  CHECK_THROWS_WITH(init::eye_(vector), Catch::Contains("eye_ fills matrices"));
}
