#include "tasuki/ops/recurrent.hpp"

#include <cmath>

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/ops/cat.hpp"
#include "tasuki/ops/rearrange.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/runtime/threads.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tasuki/ops/random.hpp"
#include "tasuki/tensor/random.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;
using ts::Tensor;

namespace {

enum class Kind { tanh, relu, lstm, gru };
constexpr std::int64_t gates_of(Kind k) { return k == Kind::lstm ? 4 : k == Kind::gru ? 3 : 1; }

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// The definition, a sample and a step at a time. in: x, input weight, state weight, input bias, state bias, h, and c of an LSTM.
HostArrays layer_of(const HostArrays& in, Kind kind, bool reverse, const std::vector<std::int64_t>& lengths) {
  const HostArray &x = in[0], &wi = in[1], &ws = in[2], &bi = in[3], &bs = in[4];
  const std::int64_t steps = x.shape[0], batch = x.shape[1], size = x.shape[2], n = ws.shape[1];
  HostArray h = in[5], c = kind == Kind::lstm ? in[6] : HostArray(h.shape), y({steps, batch, n});
  for (std::int64_t b = 0; b < batch; ++b) {
    const std::int64_t length = lengths.empty() ? steps : lengths[static_cast<std::size_t>(b)];
    for (std::int64_t k = 0; k < length; ++k) {
      const std::int64_t t = reverse ? length - 1 - k : k;
      std::vector<double> a(static_cast<std::size_t>(gates_of(kind) * n)), s(a.size());
      for (std::int64_t j = 0; j < static_cast<std::int64_t>(a.size()); ++j) {
        a[static_cast<std::size_t>(j)] = bi[j];
        s[static_cast<std::size_t>(j)] = bs[j];
        for (std::int64_t i = 0; i < size; ++i) a[static_cast<std::size_t>(j)] += x.at({t, b, i}) * wi.at({j, i});
        for (std::int64_t i = 0; i < n; ++i) s[static_cast<std::size_t>(j)] += h.at({b, i}) * ws.at({j, i});
      }
      for (std::int64_t j = 0; j < n; ++j) {
        const auto gate = [&](std::int64_t g) { return a[static_cast<std::size_t>(g * n + j)] + s[static_cast<std::size_t>(g * n + j)]; };
        double& state = h.at({b, j});
        if (kind == Kind::tanh) state = std::tanh(gate(0));
        if (kind == Kind::relu) state = std::max(gate(0), 0.0);
        if (kind == Kind::lstm) {
          double& cell = c.at({b, j});
          cell = sigmoid(gate(1)) * cell + sigmoid(gate(0)) * std::tanh(gate(2));
          state = sigmoid(gate(3)) * std::tanh(cell);
        }
        if (kind == Kind::gru) {
          const double candidate = std::tanh(a[static_cast<std::size_t>(2 * n + j)] + sigmoid(gate(0)) * s[static_cast<std::size_t>(2 * n + j)]);
          state = (1 - sigmoid(gate(1))) * candidate + sigmoid(gate(1)) * state;
        }
        y.at({t, b, j}) = state;
      }
    }
  }
  if (kind == Kind::lstm) return std::vector<HostArray>{y, h, c};
  return std::vector<HostArray>{y, h};
}

ts::RecurrentWeights weights_of(const Inputs& in) { return {in[1], in[2], in[3], in[4]}; }

std::vector<Input> operands(Kind kind, const Shape& x, std::int64_t hidden) {
  const std::int64_t rows = gates_of(kind) * hidden, size = x[x.ndim() - 1], batch = x[x.ndim() - 2];
  std::vector<Input> list{real(x), real({rows, size}, -1, 1), real({rows, hidden}, -1, 1), real({rows}, -1, 1), real({rows}, -1, 1), real({batch, hidden}, -1, 1)};
  if (kind == Kind::lstm) list.push_back(real({batch, hidden}, -1, 1));
  return list;
}

const char* const names[] = {"rnn", "rnn", "lstm", "gru"};

OpCase layer(Kind kind, std::string variant, const Shape& x, std::int64_t hidden, bool reverse, std::vector<std::int64_t> lengths = {}) {
  return {.op = names[static_cast<int>(kind)],
          .variant = std::move(variant),
          .inputs = operands(kind, x, hidden),
          .forward = [=](const Inputs& in) -> Outputs {
            ts::RecurrentOptions options{.reverse = reverse};
            if (!lengths.empty()) {
              HostArray ends(Shape{static_cast<std::int64_t>(lengths.size())});
              ends.values.assign(lengths.begin(), lengths.end());
              options.lengths = to_tensor(ends, ts::i64);
            }
            if (kind == Kind::lstm) {
              const ts::LstmResult r = ts::lstm(in[0], in[5], in[6], weights_of(in), options);
              return std::vector<Tensor>{r.y, r.h, r.c};
            }
            const auto activation = kind == Kind::tanh ? ts::RecurrentActivation::tanh : ts::RecurrentActivation::relu;
            const ts::RnnResult r = kind == Kind::gru ? ts::gru(in[0], in[5], weights_of(in), options) : ts::rnn(in[0], in[5], weights_of(in), activation, options);
            return std::vector<Tensor>{r.y, r.h};
          },
          .reference = [=](const HostArrays& in) { return layer_of(in, kind, reverse, lengths); },
          .flags = no_nan,
          .slack = 4};
}

OpCase cell(Kind kind, std::string variant) {
  return {.op = kind == Kind::lstm ? "lstm_cell" : kind == Kind::gru ? "gru_cell" : "rnn_cell",
          .variant = std::move(variant),
          .inputs = operands(kind, {3, 5}, 2),
          .forward = [=](const Inputs& in) -> Outputs {
            if (kind == Kind::lstm) {
              const ts::LstmCellResult r = ts::lstm_cell(in[0], in[5], in[6], weights_of(in));
              return std::vector<Tensor>{r.h, r.c};
            }
            if (kind == Kind::gru) return ts::gru_cell(in[0], in[5], weights_of(in));
            return ts::rnn_cell(in[0], in[5], weights_of(in), kind == Kind::tanh ? ts::RecurrentActivation::tanh : ts::RecurrentActivation::relu);
          },
          .reference = [=](const HostArrays& in) {
            HostArrays one = in;
            one[0].shape = {1, 3, 5};
            HostArrays result = layer_of(one, kind, false, {});
            result.erase(result.begin());
            return result;
          },
          .flags = no_nan,
          .slack = 4};
}

}  // namespace

OP_CASES(recurrent) {
  std::vector<OpCase> cases;
  for (const Kind kind : {Kind::tanh, Kind::relu, Kind::lstm, Kind::gru}) {
    const std::string of = kind == Kind::relu ? " of relu" : "";
    cases.push_back(layer(kind, "forward" + of, {3, 2, 4}, 3, false));
    cases.push_back(layer(kind, "reverse" + of, {3, 2, 4}, 3, true));
    cases.push_back(layer(kind, "of unequal lengths" + of, {4, 3, 2}, 2, false, {2, 4, 0}));
    cases.push_back(layer(kind, "reverse, of unequal lengths" + of, {4, 3, 2}, 2, true, {2, 4, 1}));
    cases.push_back(cell(kind, kind == Kind::relu ? "of relu" : ""));
  }
  cases.push_back(layer(Kind::lstm, "without steps", {0, 2, 3}, 2, false));
  cases.push_back(layer(Kind::gru, "without samples", {3, 0, 3}, 2, true));
  cases.push_back(layer(Kind::lstm, "of one step", {1, 5, 3}, 7, true));
  return cases;
}

TEST_CASE("A layer is its cell, step by step, gradients too", "[cpu]") {
  const std::int64_t steps = 40, batch = 24, size = 9, hidden = 17;  // several blocks of steps in backward
  ts::manual_seed(3);
  const auto leaf = [](const Shape& shape) { return ts::randn(shape, {.dtype = ts::f64}).requires_grad_(); };
  const Tensor x = leaf({steps, batch, size}), h0 = leaf({batch, hidden}), c0 = leaf({batch, hidden});
  const ts::RecurrentWeights w{leaf({4 * hidden, size}), leaf({4 * hidden, hidden}), leaf({4 * hidden}), leaf({4 * hidden})};
  const std::vector<Tensor> leaves{x, h0, c0, w.input, w.state, w.input_bias, w.state_bias};
  const Tensor seed = ts::randn({steps, batch, hidden}, {.dtype = ts::f64});

  const ts::LstmResult whole = ts::lstm(x, h0, c0, w);
  const auto expected = ts::grad({whole.y, whole.c}, leaves, {.grad_outputs = {seed, seed[0]}});
  Tensor h = h0, c = c0;
  std::vector<Tensor> y;
  for (const Tensor& x_t : ts::unbind(x)) {
    const ts::LstmCellResult r = ts::lstm_cell(x_t, h, c, w);
    h = r.h;
    c = r.c;
    y.push_back(h);
  }
  const Tensor stacked = ts::stack(y);
  const auto actual = ts::grad({stacked, c}, leaves, {.grad_outputs = {seed, seed[0]}});
  CHECK(difference(to_host(stacked), to_host(whole.y), {1e-12, 1e-12}).empty());
  for (std::size_t i = 0; i < leaves.size(); ++i) CHECK(difference(to_host(actual[i]), to_host(expected[i]), {1e-9, 1e-9}).empty());
}

TEST_CASE("Layers of bf16 stay within a few roundings of the same layer in f32, gradients of both orders too", "[cpu]") {
  const std::int64_t steps = 12, batch = 6, size = 24, hidden = 32;
  ts::manual_seed(5);
  const auto half = [](const Shape& shape, double scale) { return (ts::randn(shape) * scale).to(ts::bf16); };
  const Tensor x = half({steps, batch, size}, 1), h = half({batch, hidden}, 0.5), wi = half({3 * hidden, size}, 0.2), ws = half({3 * hidden, hidden}, 0.2);
  const Tensor bias = half({3 * hidden}, 0.1), seed = half({steps, batch, hidden}, 1);
  const auto run = [&](ts::DType dtype) {
    std::vector<Tensor> in;
    for (const Tensor& t : {x, h, wi, ws, bias}) in.push_back(t.to(dtype).detach().clone().requires_grad_());
    const Tensor y = ts::gru(in[0], in[1], {in[2], in[3], in[4], in[4]}).y;
    auto results = ts::grad({y}, in, {.create_graph = true, .grad_outputs = {seed.to(dtype)}});
    const auto second = ts::grad({results[0]}, {in[3]}, {.grad_outputs = {x.to(dtype)}});
    results.push_back(y);
    results.push_back(second[0]);
    return results;
  };
  const auto expected = run(ts::f32), actual = run(ts::bf16);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    INFO("result " << i);
    CHECK(actual[i].dtype() == ts::bf16);
    const HostArray exact = to_host(expected[i].detach());
    double largest = 0;
    for (const double v : exact.values) largest = std::max(largest, std::fabs(v));
    CHECK(difference(to_host(actual[i].detach()), exact, {0.03, 0.03 * largest}).empty());
  }
}

TEST_CASE("Undefined states are zeros, and biases may be absent") {
  const Tensor x = to_tensor({2, 1, 1}, {1, 2}), w = to_tensor({1, 1}, {0.5}), none;
  const ts::RnnResult r = ts::rnn(x, none, {w, w, none, none});
  const double first = std::tanh(0.5), second = std::tanh(1 + 0.5 * first);
  CHECK(difference(to_host(r.y), HostArray({2, 1, 1}, std::vector<double>{first, second}), {1e-5, 1e-6}).empty());
  const Tensor gates = to_tensor({4, 1}, {1, 1, 1, 1}), zero = to_tensor({1, 1}, {0});
  CHECK(bytes_of(ts::lstm(x, none, none, {gates, gates, none, none}).y) == bytes_of(ts::lstm(x, zero, zero, {gates, gates, none, none}).y));
}

TEST_CASE("A NaN in the input is in every later state", "[cpu]") {
  Tensor x = ts::ones({3, 1, 1});
  x.data<float>()[1] = std::nanf("");
  for (const Tensor& y : {ts::lstm(x, {}, {}, {ts::ones({4, 1}), ts::ones({4, 1}), {}, {}}).y, ts::gru(x, {}, {ts::ones({3, 1}), ts::ones({3, 1}), {}, {}}).y,
                          ts::rnn(x, {}, {ts::ones({1, 1}), ts::ones({1, 1}), {}, {}}, ts::RecurrentActivation::relu).y}) {
    const std::vector<float> values = y.to_vector<float>();
    CHECK_FALSE(std::isnan(values[0]));
    CHECK(std::isnan(values[1]));
    CHECK(std::isnan(values[2]));
  }
}
