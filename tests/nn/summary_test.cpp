#include "tasuki/nn/summary.hpp"

#include <string>

#include "tasuki/models/lenet.hpp"
#include "tasuki/nn/activation.hpp"
#include "tasuki/nn/containers.hpp"
#include "tasuki/nn/dropout.hpp"
#include "tasuki/nn/linear.hpp"
#include "tasuki/nn/shape.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/catch.hpp"

namespace ts = tasuki;
namespace nn = ts::nn;

TEST_CASE("a summary prints a line for each module, with outputs, parameters and multiply-accumulates") {
  nn::Sequential net{nn::Flatten{}, nn::Linear{12, 5, {.bias = false}}, nn::Linear{5, 2, {.bias = false}}};
  net[2].freeze();
  CHECK(nn::summary(net, ts::zeros({8, 3, 4})).to_string() ==
        "module     type        output   parameters  MACs\n"
        "------------------------------------------------\n"
        "(network)  Sequential  [8, 2]            -     -\n"
        "0          Flatten     [8, 12]           -     -\n"
        "1          Linear      [8, 5]           60   480\n"
        "2          Linear      [8, 2]           10    80\n"
        "------------------------------------------------\n"
        "parameters 70 (60 trainable, 0.00 MB), MACs 560\n");
}

TEST_CASE("numbers are grouped by thousands, and a layer that was not called has no output") {
  struct Net : nn::Module {
    nn::Linear used{this, "used", 100, 100, {.bias = false}}, unused{this, "unused", 1, 1};
    ts::Tensor operator()(const ts::Tensor& x) { return used(x); }
  };
  Net net;
  const nn::Summary summary = nn::summary(net, ts::zeros({1, 100}));
  CHECK(summary.rows[0].type == "Net");
  CHECK(summary.rows[0].output == ts::Shape{1, 100});
  CHECK(summary.rows[1].calls == 1);
  CHECK_FALSE(summary.rows[2].has_output);
  CHECK(summary.to_string().find("10,000") != std::string::npos);
}

TEST_CASE("LeNet has 61,706 parameters and 416,520 multiply-accumulates per digit in its layers") {
  ts::models::LeNet net;
  const nn::Summary summary = nn::summary(net, ts::zeros({1, 1, 28, 28}));
  CHECK(summary.parameters == 61'706);
  CHECK(summary.parameter_bytes == 61'706 * 4);
  double macs = 0;
  for (const auto& row : summary.rows)
    if (!row.path.empty()) macs += row.macs;  // the network's own row holds its pooling and activations
  CHECK(macs == Approx(117'600 + 240'000 + 48'000 + 10'080 + 840).epsilon(0.02));  // biases count or not, as the op sees it
}

TEST_CASE("a summary changes neither the mode of any module nor the network") {
  nn::Sequential net{nn::Dropout{0.5}, nn::Linear{2, 2}};
  net[1].eval();
  (void)nn::summary(net, ts::ones({1, 2}));
  CHECK(net.is_training());
  CHECK(net[0].is_training());
  CHECK_FALSE(net[1].is_training());
  CHECK_FALSE(net.parameters()[0].grad().defined());
}
