#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "tasuki/core/error.hpp"
#include "tasuki/nn/containers.hpp"
#include "tasuki/nn/linear.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/ops/view.hpp"

namespace tasuki::models {

/// A chain of linear layers with ReLU between them; inputs of more than two dimensions are flattened. `sizes` goes from the
/// inputs to the outputs:
///
///     ts::models::MLP net{{784, 1000, 1000, 10}};
class MLP : public nn::Module {
 public:
  nn::ModuleList layers{this, "layers"};

  explicit MLP(std::vector<std::int64_t> sizes) : sizes_(std::move(sizes)) { create(); }
  MLP(nn::Module* parent, std::string_view name, std::vector<std::int64_t> sizes) : Module(parent, name), sizes_(std::move(sizes)) { create(); }

  Tensor operator()(const Tensor& x) const {
    nn::Scope s{this};
    const Tensor& input = s.enter(x);
    Tensor h = input.ndim() > 2 ? flatten(input, 1) : input;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      h = layers.at<nn::Linear>(i)(h);
      if (i + 1 < layers.size()) h = relu(h);
    }
    return s.leave(std::move(h));
  }
  nn::ModulePtr clone() const override { return clone_as(*this, sizes_); }

 private:
  void create() {
    TASUKI_CHECK_OP(ValueError, sizes_.size(), >=, 2u, "an MLP goes from one size to another");
    for (std::size_t i = 0; i + 1 < sizes_.size(); ++i) layers.append(nn::Linear{sizes_[i], sizes_[i + 1]});
  }
  std::vector<std::int64_t> sizes_;
};

}  // namespace tasuki::models
