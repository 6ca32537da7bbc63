#include "tasuki/nn/parametrize.hpp"

#include <string>

#include "tasuki/nn/containers.hpp"
#include "tasuki/nn/conv.hpp"
#include "tasuki/nn/linear.hpp"
#include "tasuki/nn/recurrent.hpp"
#include "tasuki/ops/linalg.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/tensor/random.hpp"
#include "tests/nn/known_weights.hpp"
#include "tests/support/expect_error.hpp"

namespace ts = tasuki;
namespace nn = ts::nn;
using namespace tasuki::testing;
using ts::Tensor;

namespace {

std::string state_of(const nn::Module& module) {
  std::string text;
  for (const auto& [name, tensor] : module.named_state()) text += name + tensor.shape().to_string() + " ";
  return text;
}

/// exp of what is trained: stays positive.
struct Positive : nn::Parametrization {
  std::vector<Tensor> raw(const Tensor& value) override { return {value.abs().log()}; }
  Tensor compute(const std::vector<Tensor>& raw) const override { return raw[0].exp(); }
};

}  // namespace

TEST_CASE("Weight norm has PyTorch's state, leaves the layer as it was, and splits the gradient") {
  nn::Linear fc{3, 2};
  set_known_weights(fc);
  const Tensor x = wave({4, 3}, 1, 0.3), before = fc(x);
  nn::weight_norm(fc);
  CHECK(state_of(fc) == "bias[2] parametrizations.weight.original0[2, 1] parametrizations.weight.original1[2, 3] ");
  CHECK(difference(to_host(fc(x)), to_host(before), {1e-5, 1e-6}).empty());
  (fc(x) * wave({4, 2}, 1, 0.9)).sum().backward();
  const auto parameters = fc.parameters();
  check_row(parameters[1].grad().flatten(), {2.005912, 3.036157});
  check_row(parameters[2].grad().flatten(), {1.607947, 0.669714, -0.359162, -0.091391, -0.002149, 0.087383});
  { const ts::NoGrad off; parameters[1].mul_(2); }
  CHECK(difference(to_host(fc(x) - fc.bias), to_host((before - fc.bias) * 2), {1e-5, 1e-6}).empty());
}

TEST_CASE("Spectral norm divides by the largest singular value, and trains its vectors in training alone") {
  ts::manual_seed(3);
  nn::Conv2d conv{2, 4, {.kernel = 3}};
  set_known_weights(conv);
  const double sigma = to_host(ts::svd(conv.weight.flatten(1)).s)[0];
  const Tensor plain = conv.weight.detach().clone(), x = wave({1, 2, 5, 5}, 1, 0.3);
  nn::spectral_norm(conv, "weight", {.n_power_iterations = 30});
  CHECK(state_of(conv) == "bias[4] parametrizations.weight.original[4, 2, 3, 3] parametrizations.weight.0._u[4] parametrizations.weight.0._v[18] ");
  conv(x);
  CHECK(difference(to_host(conv.weight * sigma), to_host(plain), {1e-4, 1e-5}).empty());
  conv.eval();
  const std::string u = bytes_of(conv.buffers()[0]);
  conv(x).sum().backward();
  CHECK(bytes_of(conv.buffers()[0]) == u);
  // Along itself the weight does not matter: the quotient has no scale.
  CHECK(to_host((conv.parameters()[1].grad() * plain).sum())[0] == Approx(0).margin(1e-4));
}

TEST_CASE("Backward may come after the next forward") {
  ts::manual_seed(4);
  nn::Linear fc{3, 2};
  nn::spectral_norm(fc);
  const Tensor x = wave({4, 3}, 1, 0.3), first = fc(x), second = fc(x);
  first.sum().backward();
  second.sum().backward();
  CHECK(fc.parameters()[1].grad().defined());
}

TEST_CASE("Parametrized layers are members, move, cast and are cloned, recurrent ones too") {
  ts::manual_seed(5);
  nn::Sequential net{nn::Linear{3, 4}, nn::Linear{4, 2}};
  nn::weight_norm(*net.children()[0]);
  nn::spectral_norm(*net.children()[1]);
  const Tensor x = wave({2, 3}, 1, 0.3);
  net.eval();
  nn::Sequential moved(std::move(net));
  const nn::Sequential copy = nn::clone(moved);
  CHECK(state_of(copy) == state_of(moved));
  CHECK(bytes_of(copy(x)) == bytes_of(moved(x)));
  { const ts::NoGrad off; moved.parameters()[1].fill_(0); }
  CHECK(bytes_of(copy(x)) != bytes_of(moved(x)));
  moved.to(ts::f64);
  CHECK(moved(x.to(ts::f64)).dtype() == ts::f64);

  nn::GRU gru{3, 4};
  const Tensor sequence = wave({2, 2, 3}, 1, 0.1), before = gru(sequence).y;
  nn::weight_norm(gru, "weight_hh_l0");
  CHECK(difference(to_host(gru(sequence).y), to_host(before), {1e-5, 1e-6}).empty());
  gru(sequence).y.sum().backward();
  for (const auto& [name, parameter] : gru.named_parameters()) {
    INFO(name);
    CHECK(parameter.grad().defined());
  }
}

TEST_CASE("A parametrization of one's own, and the way back") {
  nn::Linear fc{3, 2};
  set_known_weights(fc);
  nn::parametrize<Positive>(fc, "weight");
  CHECK(fc.parameter_count() == 8);
  for (const double w : to_host(fc.weight).values) CHECK(w >= 0);
  const Tensor x = wave({4, 3}, 1, 0.3), y = fc(x);
  fc.remove_parametrization("weight");
  CHECK(state_of(fc) == "weight[2, 3] bias[2] ");
  CHECK(bytes_of(fc(x)) == bytes_of(y));
  CHECK(fc.weight.is_leaf());
  CHECK(fc.weight.requires_grad());
}

TEST_CASE("Misuse of parametrizations is explained") {
  nn::Linear fc{3, 2, {.bias = false}};
  CHECK_THROWS_WITH(nn::weight_norm(fc, "bias"), Catch::Contains("Linear has no parameter named \"bias\""));
  CHECK_THROWS_WITH(fc.parametrize("weight", nn::ModulePtr(new nn::Linear{1, 1})), Catch::Contains("expected  a Parametrization") && Catch::Contains("Linear"));
  CHECK_THROWS_WITH(fc.remove_parametrization("weight"), Catch::Contains("the parameter \"weight\" of Linear has no parametrization"));
  nn::weight_norm(fc);
  CHECK_THROWS_WITH(nn::weight_norm(fc), Catch::Contains("the parameter \"weight\" of Linear has a parametrization already"));
}
