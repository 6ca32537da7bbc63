#pragma once
#include <string>
#include <vector>

#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/core/function_ref.hpp"
#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

struct GradOptions {
  bool create_graph = false;  ///< record the backward pass; implies retain_graph
  bool retain_graph = false;
  bool allow_unused = false;  ///< an input that no output depends on gives an undefined gradient instead of an error
  std::vector<Tensor> grad_outputs{};  ///< gradients to start from; ones for one-element outputs when empty
};

/// Gradients of the sum of `outputs` with respect to `inputs` (leaves or not); no tensor's grad() is touched.
std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs, const GradOptions& options = {},
                         SourceLocation at = SourceLocation::current());

/// Backward from several tensors at once; `gradients` may be empty when all have one element.
void backward(const std::vector<Tensor>& outputs, const std::vector<Tensor>& gradients = {}, const BackwardOptions& options = {},
              SourceLocation at = SourceLocation::current());

struct GradcheckOptions {
  double eps = 1e-6;
  double atol = 1e-5;
  double rtol = 1e-3;
  bool raise = true;  ///< throw AutogradError that shows the worst entry; otherwise return false
};

/// Compares the gradients that backward computes with central differences (f(x + eps) - f(x - eps)) / 2 eps, entry by entry.
/// Floating inputs must be f64; they need not require gradients. The output may have any shape: each of its entries is checked.
bool gradcheck(function_ref<Tensor(const std::vector<Tensor>&)> f, const std::vector<Tensor>& inputs, const GradcheckOptions& options = {});
/// The same for the gradients of gradients: checks d/dx of <grad f, v> for random v.
bool gradgradcheck(function_ref<Tensor(const std::vector<Tensor>&)> f, const std::vector<Tensor>& inputs, const GradcheckOptions& options = {});

/// The tape behind a tensor as a Graphviz digraph: nodes with op, module, attributes and shapes; leaves as boxes.
std::string graphviz(const Tensor& output);

}  // namespace tasuki
