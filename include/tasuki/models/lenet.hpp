#pragma once
#include "tasuki/nn/conv.hpp"
#include "tasuki/nn/linear.hpp"
#include "tasuki/ops/pool.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/ops/view.hpp"

namespace tasuki::models {

/// LeNet-5 (LeCun et al., 1998) as it is taught today: max pooling, ReLU, and all channels connected. Digits [N, 1, 28, 28] give
/// logits [N, 10]; 61,706 parameters.
class LeNet : public nn::Module {
 public:
  nn::Conv2d conv1{this, "conv1", 1, 6, {.kernel = 5, .padding = 2}};
  nn::Conv2d conv2{this, "conv2", 6, 16, {.kernel = 5}};
  nn::Linear fc1{this, "fc1", 16 * 5 * 5, 120};
  nn::Linear fc2{this, "fc2", 120, 84};
  nn::Linear fc3{this, "fc3", 84, 10};

  LeNet() = default;
  LeNet(nn::Module* parent, std::string_view name) : Module(parent, name) {}

  Tensor operator()(const Tensor& x) const {
    nn::Scope s{this};
    Tensor h = max_pool2d(relu(conv1(s.enter(x))), 2);
    h = max_pool2d(relu(conv2(h)), 2);
    h = relu(fc1(flatten(h, 1)));
    h = relu(fc2(h));
    return s.leave(fc3(h));
  }
  nn::ModulePtr clone() const override { return clone_as(*this); }
};

}  // namespace tasuki::models
