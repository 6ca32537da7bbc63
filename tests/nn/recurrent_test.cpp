// Recurrent layers against PyTorch's modules with the same weights, over sequences of unequal lengths.
#include "tasuki/nn/recurrent.hpp"

#include <string>

#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/cat.hpp"
#include "tasuki/ops/linear.hpp"
#include "tasuki/ops/rearrange.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/tensor/random.hpp"
#include "tests/nn/known_weights.hpp"

namespace ts = tasuki;
namespace nn = ts::nn;
using namespace tasuki::testing;
using ts::Tensor;

namespace {

struct Known {
  std::initializer_list<double> y, h, grad_x;  // of step 1; of sample 1 in all layers and directions; of step 1
  double weight_norm, bias_norm;               // of the gradients of weight_hh_l0_reverse and bias_hh_l1
};

Tensor gradient_of(const nn::Module& module, const std::string& name) {
  for (const auto& [own, parameter] : module.named_parameters())
    if (own == name) return parameter.grad();
  FAIL(name << " is missing");
  return {};
}

template <class Run>
void check(const nn::Module& module, const Known& known, Run&& run) {
  set_known_weights(module);
  const Tensor x = wave({4, 2, 3}, 1, 0.3).requires_grad_();
  const auto [y, h] = run(x, to_tensor({2}, {4, 2}, ts::i64));
  (y * wave({4, 2, 4}, 1, 0.9)).sum().backward();
  check_row(y[1].flatten(), known.y);
  check_row(h.select(1, 1).flatten(), known.h);
  check_row(x.grad()[1].flatten(), known.grad_x);
  CHECK(norm(gradient_of(module, "weight_hh_l0_reverse")) == Approx(known.weight_norm).epsilon(1e-4));
  CHECK(norm(gradient_of(module, "bias_hh_l1")) == Approx(known.bias_norm).epsilon(1e-4));
}

void check_same(const Tensor& a, const Tensor& b) {
  REQUIRE(a.shape() == b.shape());
  CHECK(ts::max(ts::abs(a - b)).item<float>() == 0);
}

const Tensor& first_h() {
  static const Tensor h = wave({4, 2, 2}, 1, 0.5);
  return h;
}
const nn::RecurrentLayerOptions both_ways{.layers = 2, .bidirectional = true, .activation = ts::RecurrentActivation::relu};

}  // namespace

TEST_CASE("RNN, LSTM and GRU compute what PyTorch's do over packed sequences") {
  const nn::RNN rnn{3, 2, both_ways};
  check(rnn,
        {{1.206996, 0.000000, 1.876564, 5.116278, 1.443062, 0.000000, 0.308726, 2.619928},
         {2.064420, 1.174417, 0.000000, 0.000000, 1.443062, 0.000000, 1.086010, 4.025513},
         {-0.077362, -0.107712, -0.123485, 0.065775, -0.000447, -0.066608},
         0.1474067081822587,
         0.0954154582616269},
        [&](const Tensor& x, const Tensor& lengths) { return rnn(x, first_h(), lengths); });
  const nn::LSTM lstm{3, 2, both_ways};
  check(lstm,
        {{-0.089777, -0.201846, -0.058289, -0.053052, -0.087322, -0.241897, -0.109453, 0.024149},
         {0.034163, -0.062557, 0.158821, 0.210186, -0.087322, -0.241897, -0.066772, -0.069088},
         {0.022117, 0.020054, 0.015277, 0.002846, 0.003211, 0.003142},
         0.02585380571642699,
         0.18861284395874114},
        [&](const Tensor& x, const Tensor& lengths) {
          const nn::LSTMOutput r = lstm(x, {first_h(), wave({4, 2, 2}, 1, 0.7)}, lengths);
          check_row(r.c[3].flatten(), {-0.165559, -0.286117, -0.222101, -0.238412});
          return nn::RecurrentOutput{r.y, r.h};
        });
  const nn::GRU gru{3, 2, both_ways};
  check(gru,
        {{-0.233498, -0.647175, -0.070448, 0.110385, -0.145251, -0.631928, -0.355109, 0.069563},
         {0.532087, -0.400559, 0.504942, 0.435456, -0.145251, -0.631928, -0.266280, 0.053759},
         {0.023814, 0.022527, 0.018191, 0.087111, 0.079783, 0.061656},
         0.0856752450542315,
         0.14072046998799703},
        [&](const Tensor& x, const Tensor& lengths) { return gru(x, first_h(), lengths); });
}

TEST_CASE("Parameters have PyTorch's names and shapes") {
  std::string text;
  for (const auto& [name, parameter] : nn::LSTM(3, 5, {.layers = 2, .bidirectional = true}).named_parameters()) text += name + parameter.shape().to_string() + " ";
  CHECK(text ==
        "weight_ih_l0[20, 3] weight_hh_l0[20, 5] bias_ih_l0[20] bias_hh_l0[20] "
        "weight_ih_l0_reverse[20, 3] weight_hh_l0_reverse[20, 5] bias_ih_l0_reverse[20] bias_hh_l0_reverse[20] "
        "weight_ih_l1[20, 10] weight_hh_l1[20, 5] bias_ih_l1[20] bias_hh_l1[20] "
        "weight_ih_l1_reverse[20, 10] weight_hh_l1_reverse[20, 5] bias_ih_l1_reverse[20] bias_hh_l1_reverse[20] ");
  text.clear();
  for (const auto& [name, parameter] : nn::GRU(3, 5, {.bias = false}).named_parameters()) text += name + parameter.shape().to_string() + " ";
  for (const auto& [name, parameter] : nn::GRUCell(3, 5).named_parameters()) text += name + parameter.shape().to_string() + " ";
  CHECK(text == "weight_ih_l0[15, 3] weight_hh_l0[15, 5] weight_ih[15, 3] weight_hh[15, 5] bias_ih[15] bias_hh[15] ");
}

TEST_CASE("A padded sequence computes what it computes alone") {
  const nn::GRU gru{3, 4, {.layers = 2, .batch_first = true, .bidirectional = true}};
  const Tensor x = wave({3, 5, 3}, 1, 0.2);
  const nn::RecurrentOutput all = gru(x, {}, to_tensor({3}, {2, 5, 3}, ts::i64)), alone = gru(x.narrow(0, 2, 1).narrow(1, 0, 3));
  CHECK(difference(to_host(all.y[2].narrow(0, 0, 3)), to_host(alone.y[0]), {1e-5, 1e-6}).empty());
  CHECK(difference(to_host(all.h.select(1, 2)), to_host(alone.h.select(1, 0)), {1e-5, 1e-6}).empty());
  CHECK(to_host(all.y[0].narrow(0, 2, 3)).values == std::vector<double>(3 * 8, 0));
}

TEST_CASE("Cells are one step of their layers") {
  const auto near = [](const Tensor& a, const Tensor& b) { return difference(to_host(a), to_host(b.reshape(a.shape())), {1e-5, 1e-6}).empty(); };
  const Tensor x = wave({2, 3}, 1, 0.2), h = wave({2, 4}, 1, 0.4), c = wave({2, 4}, 1, 0.6);
  const auto same_weights = [](const nn::Module& cell, const nn::Module& layer) {
    set_known_weights(cell);
    set_known_weights(layer);
  };
  const nn::LSTM lstm{3, 4};
  const nn::LSTMCell lstm_cell{3, 4};
  same_weights(lstm_cell, lstm);
  const nn::LSTMOutput layer = lstm(x.unsqueeze(0), {h.unsqueeze(0), c.unsqueeze(0)});
  const nn::LSTMState step = lstm_cell(x, {h, c});
  CHECK(near(step.h, layer.h));
  CHECK(near(step.c, layer.c));
  const nn::GRU gru{3, 4};
  const nn::GRUCell gru_cell{3, 4};
  same_weights(gru_cell, gru);
  CHECK(near(gru_cell(x, h), gru(x.unsqueeze(0), h.unsqueeze(0)).y));
  const nn::RNN rnn{3, 4, {.activation = ts::RecurrentActivation::relu}};
  const nn::RNNCell rnn_cell{3, 4, {.activation = ts::RecurrentActivation::relu}};
  same_weights(rnn_cell, rnn);
  CHECK(near(rnn_cell(x), rnn(x.unsqueeze(0)).y));
}

TEST_CASE("Without a batch, layers compute what they compute of one sequence") {
  for (const bool batch_first : {false, true}) {
    nn::RecurrentLayerOptions o = both_ways;
    o.batch_first = batch_first;
    const nn::GRU gru{3, 2, o};
    const nn::LSTM lstm{3, 2, o};
    const Tensor x = wave({5, 3}, 1, 0.3), h = wave({4, 2}, 1, 0.5), c = wave({4, 2}, 1, 0.7);
    const int dim = batch_first ? 0 : 1;
    const auto [y, last] = gru(x, h);
    const auto batched = gru(x.unsqueeze(dim), h.unsqueeze(1));
    check_same(y, batched.y.squeeze(dim));
    check_same(last, batched.h.squeeze(1));
    const auto one = lstm(x, {h, c}), many = lstm(x.unsqueeze(dim), {h.unsqueeze(1), c.unsqueeze(1)});
    check_same(one.y, many.y.squeeze(dim));
    check_same(one.c, many.c.squeeze(1));
  }
}

TEST_CASE("With projections, an LSTM's state goes through W_hr at each step") {
  const nn::LSTM lstm{3, 4, {.bidirectional = true, .proj_size = 2}};
  set_known_weights(lstm);
  const Tensor x = wave({5, 2, 3}, 1, 0.3), h0 = wave({2, 2, 2}, 1, 0.5), c0 = wave({2, 2, 4}, 1, 0.7);
  const auto parameter = [&](const std::string& name) {
    for (const auto& [own, p] : lstm.named_parameters())
      if (own == name) return p.detach();
    FAIL(name << " is missing");
    return Tensor();
  };
  /// The steps of a direction over the first `steps` of sample b.
  const auto stepwise = [&](int direction, std::int64_t b, std::int64_t steps) {
    const std::string of = direction ? "_l0_reverse" : "_l0";
    Tensor h = h0[direction].narrow(0, b, 1), c = c0[direction].narrow(0, b, 1);
    std::vector<Tensor> y(static_cast<std::size_t>(steps));
    for (std::int64_t k = 0; k < steps; ++k) {
      const std::int64_t t = direction ? steps - 1 - k : k;
      const Tensor gates = ts::linear(x[t].narrow(0, b, 1), parameter("weight_ih" + of), parameter("bias_ih" + of)) + ts::linear(h, parameter("weight_hh" + of), parameter("bias_hh" + of));
      const auto g = ts::chunk(gates, 4, 1);
      c = ts::sigmoid(g[1]) * c + ts::sigmoid(g[0]) * ts::tanh(g[2]);
      h = ts::linear(ts::sigmoid(g[3]) * ts::tanh(c), parameter("weight_hr" + of));
      y[static_cast<std::size_t>(t)] = h;
    }
    return std::make_pair(ts::cat(y, 0), h);
  };
  const auto [y, h, c] = lstm(x, {h0, c0}, to_tensor({2}, {5, 3}, ts::i64));
  CHECK(y.shape() == ts::Shape{5, 2, 4});
  CHECK(h.shape() == ts::Shape{2, 2, 2});
  CHECK(c.shape() == ts::Shape{2, 2, 4});
  for (std::int64_t b = 0; b < 2; ++b)
    for (int direction = 0; direction < 2; ++direction) {
      const std::int64_t steps = b ? 3 : 5;
      const auto [expected, last] = stepwise(direction, b, steps);
      const Tensor own = y.select(1, b).narrow(0, 0, steps).narrow(1, 2 * direction, 2);
      CHECK(ts::max(ts::abs(own - expected)).item<float>() < 1e-5f);
      CHECK(ts::max(ts::abs(h[direction].narrow(0, b, 1) - last)).item<float>() < 1e-5f);
    }
  CHECK(ts::max(ts::abs(y.select(1, 1).narrow(0, 3, 2))).item<float>() == 0);
  CHECK_THROWS_AS((nn::GRU{3, 4, {.proj_size = 2}}), ts::ValueError);
  CHECK_THROWS_AS((nn::LSTM{3, 4, {.proj_size = 4}}), ts::ValueError);
}

TEST_CASE("Dropout acts between layers, in training alone") {
  ts::manual_seed(5);
  nn::LSTM lstm{3, 64, {.layers = 2, .dropout = 0.5}}, one{3, 64, {.dropout = 0.5}};
  const Tensor x = wave({4, 2, 3}, 1, 0.2);
  CHECK(bytes_of(lstm(x).y) != bytes_of(lstm(x).y));
  CHECK(bytes_of(one(x).y) == bytes_of(one(x).y));
  lstm.eval();
  CHECK(bytes_of(lstm(x).y) == bytes_of(lstm(x).y));
}

TEST_CASE("Recurrent layers are members, move and are cloned") {
  struct Net : nn::Module {
    nn::LSTM lstm{this, "lstm", 3, 4, {.layers = 2}};
    nn::GRUCell cell{this, "cell", 3, 4};
  };
  Net net;
  Net moved(std::move(net));
  CHECK(moved.named_parameters()[5].name == "lstm.weight_hh_l1");
  const Net copy = nn::clone(moved);
  const Tensor x = wave({2, 2, 3}, 1, 0.1);
  CHECK(bytes_of(copy.lstm(x).y) == bytes_of(moved.lstm(x).y));
  { const ts::NoGrad off; copy.parameters()[0].fill_(0); }
  CHECK(bytes_of(copy.lstm(x).y) != bytes_of(moved.lstm(x).y));
  moved.to(ts::f64);
  CHECK(moved.lstm(x.to(ts::f64)).y.dtype() == ts::f64);
}
