#include <cmath>

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/autograd/grad_arithmetic.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/tensor/layout.hpp"
#include "tasuki/tensor/random.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki {

namespace {

using Checked = function_ref<Tensor(const std::vector<Tensor>&)>;

/// Evaluates with the random stream where it was, so that a function that draws numbers is the same function each time.
class Evaluation {
 public:
  explicit Evaluation(Checked f) : f_(f), start_(default_generator().state()) {}
  Tensor operator()(const std::vector<Tensor>& inputs) const {
    default_generator().set_state(start_);
    return f_(inputs);
  }

 private:
  Checked f_;
  PhiloxState start_;
};

/// Address of the k-th element (row-major) of an f64 tensor of any strides, on the CPU.
double* element(const Tensor& t, std::int64_t k) {
  std::int64_t offset = 0;
  for (int d = t.ndim() - 1; d >= 0; --d) {
    offset += k % t.shape()[d] * t.strides()[d];
    k /= t.shape()[d];
  }
  return static_cast<double*>(t.impl()->address()) + offset;
}

std::vector<Tensor> leaves_from(const std::vector<Tensor>& inputs) {
  std::vector<Tensor> leaves;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].defined() || !is_floating(inputs[i].dtype())) {
      leaves.push_back(inputs[i]);
      continue;
    }
    if (inputs[i].dtype() != f64)
      TASUKI_THROW(DTypeError, "gradcheck needs f64 inputs, for finite differences of use\nexpected  f64\nactual    input ", i, " is ", inputs[i].describe());
    leaves.push_back(detail::copy_gradient(inputs[i], strides_like(inputs[i])));
    leaves.back().requires_grad_();
  }
  return leaves;
}

/// A leaf whose elements can be changed one by one: on another device through a copy on the host.
class Adjustable {
 public:
  explicit Adjustable(const Tensor& leaf) : leaf_(leaf.detach()), host_(leaf_.cpu()) {}
  double get(std::int64_t k) const { return *element(host_, k); }
  void set(std::int64_t k, double value) {
    *element(host_, k) = value;
    if (!leaf_.device().is_cpu()) leaf_.copy_(host_);
  }

 private:
  Tensor leaf_, host_;  // of a CPU tensor these are one
};

/// A fixed vector in general position: projections on it see every entry.
Tensor direction(const Shape& shape, int salt, Device device) {
  const Tensor v = detail::allocate(Device::cpu(), shape, f64, OwnerClass::temporary);
  for (std::int64_t k = 0; k < v.numel(); ++k) *element(v, k) = 0.25 + std::cos(12.9898 * static_cast<double>(k + 1) + 78.233 * salt);
  return v.to(device);
}

bool is_checked(const Tensor& t) { return t.defined() && t.requires_grad(); }

}  // namespace

bool gradcheck(Checked f, const std::vector<Tensor>& inputs, const GradcheckOptions& options) {
  const std::vector<Tensor> leaves = leaves_from(inputs);
  const Evaluation evaluate(f);
  std::vector<Tensor> wanted;
  for (const Tensor& t : leaves)
    if (is_checked(t)) wanted.push_back(t);

  Tensor y;
  {
    const GradMode on(true);
    y = evaluate(leaves);
  }
  if (y.dtype() != f64) TASUKI_THROW(DTypeError, "gradcheck needs a function with an f64 result\nexpected  f64\nactual    ", y.describe());
  const std::int64_t outputs = y.numel();

  // analytic[i][k] is the gradient of output k with respect to wanted input i.
  std::vector<std::vector<std::vector<double>>> analytic(wanted.size());
  for (std::int64_t k = 0; k < outputs; ++k) {
    const Tensor unit = detail::allocate(Device::cpu(), y.shape(), f64, OwnerClass::gradient);
    for (std::int64_t j = 0; j < outputs; ++j) *element(unit, j) = j == k;
    const Tensor seed = unit.to(y.device());
    const std::vector<Tensor> g = y.requires_grad() ? grad({y}, wanted, {.retain_graph = true, .allow_unused = true, .grad_outputs = {seed}})
                                                    : std::vector<Tensor>(wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i)
      analytic[i].push_back(g[i].defined() ? g[i].to_vector<double>() : std::vector<double>(static_cast<std::size_t>(wanted[i].numel())));
  }

  for (std::size_t i = 0; i < wanted.size(); ++i) {
    Adjustable x(wanted[i]);
    for (std::int64_t e = 0; e < wanted[i].numel(); ++e) {
      const double old = x.get(e);
      const NoGrad off;
      x.set(e, old + options.eps);
      const std::vector<double> above = evaluate(leaves).to_vector<double>();
      x.set(e, old - options.eps);
      const std::vector<double> below = evaluate(leaves).to_vector<double>();
      x.set(e, old);
      for (std::int64_t k = 0; k < outputs; ++k) {
        const double numeric = (above[k] - below[k]) / (2 * options.eps), exact = analytic[i][k][e];
        if (std::abs(numeric - exact) <= options.atol + options.rtol * std::abs(numeric) || (std::isnan(numeric) && std::isnan(exact))) continue;
        if (!options.raise) return false;
        TASUKI_THROW(AutogradError, "gradcheck: d output[", k, "] / d input ", i, " [", e, "] (counted in row-major order) is wrong\nexpected  ", numeric,
                     " by central differences with eps ", options.eps, "\nactual    ", exact, " by backward");
      }
    }
  }
  return true;
}

bool gradgradcheck(Checked f, const std::vector<Tensor>& inputs, const GradcheckOptions& options) {
  const Evaluation evaluate(f);
  Tensor y;
  {
    const NoGrad off;
    y = evaluate(inputs);
  }
  // The gradients' dependence on the cotangent is checked too: it is one more input.
  std::vector<Tensor> extended = inputs;
  extended.push_back(direction(y.shape(), 0, y.device()));
  std::vector<Tensor> directions;
  for (const Tensor& x : inputs)
    directions.push_back(x.defined() && x.dtype() == f64 ? direction(x.shape(), static_cast<int>(directions.size()) + 1, x.device()) : Tensor());

  const auto projected = [&](const std::vector<Tensor>& in) {
    const GradMode on(true);
    const std::vector<Tensor> arguments(in.begin(), in.end() - 1);
    std::vector<Tensor> wanted;
    std::vector<std::size_t> which;
    for (std::size_t i = 0; i < arguments.size(); ++i)
      if (is_checked(arguments[i])) {
        wanted.push_back(arguments[i]);
        which.push_back(i);
      }
    const Tensor value = evaluate(arguments);
    Tensor total = in.back().sum() * 0.0;  // on the tape even where no gradient is; the value itself may be NaN
    if (!value.requires_grad()) return total;
    const std::vector<Tensor> g = grad({value}, wanted, {.create_graph = true, .allow_unused = true, .grad_outputs = {in.back()}});
    for (std::size_t i = 0; i < wanted.size(); ++i)
      if (g[i].defined()) total = total + (g[i] * directions[which[i]]).sum();
    return total;
  };
  return gradcheck(projected, extended, options);
}

}  // namespace tasuki
