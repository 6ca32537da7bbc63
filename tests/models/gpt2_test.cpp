// GPT-2 against PyTorch: the same network, weights and tokens, written there with its own layer_norm, softmax, gelu and cross_entropy.
#include "tasuki/models/gpt2.hpp"

#include <cmath>
#include <string>

#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/ops/cross_entropy.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/tensor/random.hpp"
#include "tests/catch.hpp"
#include "tests/support/host_array.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;
using ts::Tensor;

namespace {

const ts::models::GPT2Options tiny{.vocabulary = 11, .context = 6, .layers = 2, .heads = 2, .width = 8, .dropout = 0};

/// Entry i of the k-th parameter is sin(0.37 i + k) / 2.
ts::models::GPT2 with_known_weights() {
  ts::models::GPT2 net{tiny};
  double phase = 0;
  for (const auto& [name, parameter] : net.named_parameters()) {
    HostArray values(parameter.shape());
    for (std::int64_t i = 0; i < values.numel(); ++i) values[i] = 0.5 * std::sin(0.37 * static_cast<double>(i) + phase);
    const ts::NoGrad off;
    parameter.copy_(to_tensor(values, ts::f32));
    ++phase;
  }
  return net;
}

Tensor parameter(const ts::models::GPT2& net, const std::string& name) {
  for (const auto& [own, tensor] : net.named_parameters())
    if (own == name) return tensor;
  FAIL("no parameter " << name);
  return {};
}

const auto tokens = [] { return to_tensor({2, 6}, {1, 5, 9, 2, 10, 0, 3, 3, 7, 1, 4, 8}, ts::i64); };
const auto targets = [] { return to_tensor({2, 6}, {5, 9, 2, 10, 0, 6, 3, 7, 1, 4, 8, 2}, ts::i64); };

std::int64_t expected_parameters(const ts::models::GPT2Options& o) {
  return (o.vocabulary + o.context) * o.width + o.layers * (12 * o.width * o.width + 13 * o.width) + 2 * o.width;
}

}  // namespace

TEST_CASE("GPT-2 gives PyTorch's logits, loss and gradients") {
  const ts::models::GPT2 net = with_known_weights();
  const Tensor logits = net(tokens());
  REQUIRE(logits.shape() == Shape{2, 6, 11});
  const HostArray y = to_host(logits);
  const double first[] = {0.3454987, -0.224035, 0.09520388, 0.03675806}, last[] = {-0.6529365, 0.722899, -0.7690886};
  for (int i = 0; i < 4; ++i) CHECK(y.at({0, 3, i}) == Approx(first[i]).margin(2e-5));
  for (int i = 0; i < 3; ++i) CHECK(y.at({1, 5, 8 + i}) == Approx(last[i]).margin(2e-5));

  const Tensor loss = ts::cross_entropy(logits.flatten(0, 1), targets().flatten());
  CHECK(loss.item<float>() == Approx(2.5312784).epsilon(1e-6));
  loss.backward();
  struct Gradient {
    const char* name;
    double norm, last;
  };
  const Gradient gradients[] = {{"wte.weight", 0.31271898, 0.024350559},           {"wpe.weight", 0.19436288, 0.0036694864},
                                {"h.0.attn.c_attn.weight", 0.41771779, -0.02414822}, {"h.1.mlp.c_fc.bias", 0.40449498, 0.12319709},
                                {"h.0.ln_1.weight", 0.027725276, -0.004215233},    {"ln_f.bias", 0.50523389, -0.25519687},
                                {"h.1.attn.c_proj.weight", 0.26129591, -0.0010140452}};
  for (const Gradient& g : gradients) {
    INFO(g.name);
    const HostArray grad = to_host(parameter(net, g.name).grad());
    double squares = 0;
    for (const double v : grad.values) squares += v * v;
    CHECK(std::sqrt(squares) == Approx(g.norm).epsilon(1e-4));
    CHECK(grad[grad.numel() - 1] == Approx(g.last).margin(2e-5));
  }
}

TEST_CASE("no logit of GPT-2 depends on a later token") {
  const ts::models::GPT2 net = with_known_weights();
  const Tensor changed = to_tensor({2, 6}, {1, 5, 9, 7, 7, 7, 3, 3, 7, 7, 7, 7}, ts::i64);
  CHECK(bytes_of(net(tokens()).narrow(1, 0, 3)) == bytes_of(net(changed).narrow(1, 0, 3)));
}

TEST_CASE("the published sizes of GPT-2 have the published numbers of parameters, under the published names") {
  ts::models::GPT2 net{tiny};
  CHECK(net.parameter_count() == expected_parameters(tiny));
  CHECK(expected_parameters(ts::models::gpt2_small()) == 124439808);
  CHECK(expected_parameters(ts::models::gpt2_medium()) == 354823168);
  CHECK(expected_parameters(ts::models::gpt2_large()) == 774030080);
  CHECK(expected_parameters(ts::models::gpt2_xl()) == 1557611200);
  const auto named = net.named_parameters();
  REQUIRE(named.size() == 28);
  CHECK(named[0].name == "wte.weight");
  CHECK(named[4].name == "h.0.attn.c_attn.weight");
  CHECK(named[4].tensor.shape() == Shape{8, 24});
  CHECK(named[27].name == "ln_f.bias");
}

TEST_CASE("dropout of GPT-2 stops in evaluation") {
  ts::manual_seed(1);
  ts::models::GPT2Options noisy = tiny;
  noisy.dropout = 0.5;
  ts::models::GPT2 net{noisy};
  CHECK(bytes_of(net(tokens())) != bytes_of(net(tokens())));
  net.eval();
  CHECK(bytes_of(net(tokens())) == bytes_of(net(tokens())));
}
