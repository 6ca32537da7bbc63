#include "tasuki/autograd/autograd.hpp"
#include "tests/autograd/functions.hpp"
#include "tests/catch.hpp"
#include "tests/support/host_array.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Tensor;
using Catch::Contains;

namespace {
/// Right value, right first derivative, and a first derivative whose own derivative is wrong.
struct Square final : ts::Function {
  static constexpr ts::OpInfo op{"square_with_a_bad_second_derivative", "x"};
  const ts::OpInfo& info() const override { return op; }
  ts::Spec infer(const ts::Operands& in) override {
    ts::Spec spec = ts::Spec::like(in[0]);
    spec.save_inputs = 1;
    return spec;
  }
  void forward(ts::Launch& l) override {
    for (std::int64_t i = 0; i < l.in(0).numel; ++i) l.out(0).as<double>()[i] = l.in(0).as<double>()[i] * l.in(0).as<double>()[i];
  }
  ts::TensorList backward_graph(const ts::GradContext& c) override { return {c.grad(0) * c.in(0).detach() * 2}; }
};
}  // namespace

static const Tensor& point() {
  static const Tensor x = to_tensor({2, 2}, {1, -2, 3, 0.5}, ts::f64);
  return x;
}

TEST_CASE("gradcheck accepts a right gradient, in outputs of any shape") {
  CHECK(ts::gradcheck([](const std::vector<Tensor>& in) { return in[0] * in[0].transpose(0, 1); }, {point()}));
  CHECK(ts::gradcheck([](const std::vector<Tensor>& in) { return in[0].sum(); }, {point()}));
}

TEST_CASE("gradcheck catches a gradient that is wrong by a part in a hundred, and says where") {
  const auto wrong = [](const std::vector<Tensor>& in) { return ts::apply(FusedSquare{1.01}, {&in[0]}); };
  CHECK_FALSE(ts::gradcheck(wrong, {point()}, {.raise = false}));
  CHECK_THROWS_WITH(ts::gradcheck(wrong, {point()}), Contains("output[0]") && Contains("input 0") && Contains("2.02"));
}

TEST_CASE("gradcheck catches a gradient that was forgotten") {
  const auto forgotten = [](const std::vector<Tensor>& in) { return in[0] * in[0].detach(); };
  CHECK_FALSE(ts::gradcheck(forgotten, {point()}, {.raise = false}));
}

TEST_CASE("gradgradcheck catches what gradcheck cannot see") {
  const auto f = [](const std::vector<Tensor>& in) { return ts::apply(Square{}, {&in[0]}); };
  CHECK(ts::gradcheck(f, {point()}));
  CHECK_FALSE(ts::gradgradcheck(f, {point()}, {.raise = false}));
}

TEST_CASE("gradcheck takes f64 only, and leaves its arguments alone") {
  CHECK_THROWS_AS(ts::gradcheck([](const std::vector<Tensor>& in) { return in[0] * 2; }, {to_tensor({1}, {1})}), ts::DTypeError);
  const std::string before = bytes_of(point());
  ts::gradcheck([](const std::vector<Tensor>& in) { return in[0] * in[0]; }, {point()});
  CHECK(bytes_of(point()) == before);
  CHECK_FALSE(point().requires_grad());
}

TEST_CASE("gradcheck works under NoGrad and on integer operands") {
  ts::NoGrad off;
  const Tensor index = to_tensor({2, 2}, {0, 1, 1, 0}, ts::bool_);
  CHECK(ts::gradcheck([](const std::vector<Tensor>& in) { return in[0] * in[1].to(ts::f64); }, {point(), index}));
}
