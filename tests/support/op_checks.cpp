#include "tests/support/op_checks.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/autograd/node.hpp"

namespace tasuki::testing {
namespace {

/// Fails with the first difference, in the words of `difference`.
void report(const std::string& problem, const std::string& what) {
  if (problem.empty()) {
    SUCCEED();
  } else {
    FAIL_CHECK(what << ": " << problem);
  }
}

/// The same values in f64 (integers and bools stay), dense.
Inputs widened(const std::vector<Tensor>& tensors) {
  Inputs wide;
  for (const Tensor& t : tensors) wide.push_back(to_tensor(to_host(t), is_floating(t.dtype()) ? f64 : t.dtype()));
  return wide;
}

HostArrays host_arrays(const std::vector<Tensor>& tensors) {
  HostArrays arrays;
  for (const Tensor& t : tensors) arrays.push_back(to_host(t));
  return arrays;
}

HostArrays expected_values(const Instance& instance, const Inputs& operands) {
  NoGrad off;
  return instance.op_case.reference ? instance.op_case.reference(host_arrays(operands)) : host_arrays(instance.run(widened(operands)));
}

Tolerance scaled(Tolerance t, double factor) { return {t.rtol * factor, t.atol * factor}; }

void compare_outputs(const Instance& instance, const Outputs& outputs, const HostArrays& expected) {
  REQUIRE(outputs.size() == expected.size());
  for (std::size_t j = 0; j < outputs.size(); ++j) {
    const DType dtype = outputs[j].dtype();
    report(difference(to_host(outputs[j]), expected[j], scaled(tolerance_of(dtype), instance.op_case.slack), dtype),
           "output " + std::to_string(j));
  }
}

int first_floating(const std::vector<Tensor>& tensors) {
  for (std::size_t i = 0; i < tensors.size(); ++i)
    if (is_floating(tensors[i].dtype())) return static_cast<int>(i);
  return -1;
}

DType first_floating_dtype(const Instance& instance) {
  for (DType d : instance.op_case.dtypes)
    if (is_floating(d)) return d;
  return f32;
}

/// The operand list as a function of those that want gradients, for gradcheck.
class Differentiable {
 public:
  Differentiable(const Instance& instance, Layout layout) : instance_(instance), layout_(layout) {
    all_ = make_bases(instance.inputs, layout, f64);
    for (std::size_t i = 0; i < all_.size(); ++i)
      if (wants_gradient(instance.inputs[i], f64)) {
        wanted_.push_back(i);
        arguments_.push_back(all_[i]);
      }
  }
  const std::vector<Tensor>& arguments() const { return arguments_; }
  Outputs operator()(const std::vector<Tensor>& arguments) const {
    std::vector<Tensor> bases = all_;
    for (std::size_t k = 0; k < wanted_.size(); ++k) bases[wanted_[k]] = arguments[k];
    return instance_.run(bases, layout_);
  }
  /// The outputs that a gradient can start from.
  std::vector<std::size_t> differentiable_outputs() const {
    std::vector<Tensor> leaves;
    for (const Tensor& t : arguments_) leaves.push_back(to_tensor(to_host(t), f64).requires_grad_());
    const Outputs outputs = (*this)(leaves);
    std::vector<std::size_t> list;
    for (std::size_t j = 0; j < outputs.size(); ++j)
      if (outputs[j].requires_grad()) list.push_back(j);
    return list;
  }

 private:
  const Instance& instance_;
  Layout layout_;
  std::vector<Tensor> all_, arguments_;
  std::vector<std::size_t> wanted_;
};

template <class Check>
void check_derivatives(const Instance& instance, Layout layout, Check check) {
  const Differentiable f(instance, layout);
  const auto outputs = f.differentiable_outputs();
  if (!instance.empty()) REQUIRE_FALSE(outputs.empty());
  for (std::size_t j : outputs) {
    INFO("output " << j);
    try {
      check([&](const std::vector<Tensor>& arguments) { return f(arguments)[j]; }, f.arguments());
      SUCCEED();
    } catch (const std::exception& e) {
      FAIL_CHECK(e.what());
    }
  }
}

}  // namespace

std::vector<Tensor> seeds_for(const std::vector<Tensor>& outputs) {
  std::vector<Tensor> seeds;
  for (const Tensor& y : outputs) {
    HostArray seed(y.shape());
    for (std::int64_t i = 0; i < seed.numel(); ++i) seed[i] = std::sin(1.7 * static_cast<double>(i) + 0.4);
    // rounded to the narrowest type, so that every dtype starts from the same numbers
    for (double& v : seed.values) v = rounded_to(v, bf16);
    seeds.push_back(to_tensor(seed, y.dtype()));
  }
  return seeds;
}

GradientRun run_backward(const Instance& instance, std::vector<Tensor> bases, Layout layout, int only) {
  for (std::size_t i = 0; i < bases.size(); ++i)
    if (instance.inputs[i].differentiable && is_floating(bases[i].dtype()) && (only < 0 || only == static_cast<int>(i)))
      bases[i].requires_grad_();
  Outputs outputs = instance.run(bases, layout);
  std::vector<Tensor> roots;
  for (const Tensor& y : outputs)
    if (y.requires_grad()) roots.push_back(y);
  GradientRun run{std::move(bases), std::move(outputs), {}};
  if (!roots.empty()) backward(roots, seeds_for(roots), {.retain_graph = true});
  for (const Tensor& base : run.bases) run.gradients.push_back(base.requires_grad() ? base.grad() : Tensor());
  return run;
}

void check_values(const Instance& instance, DType dtype, Layout layout) {
  const Inputs operands = arrange(make_bases(instance.inputs, layout, dtype), instance.inputs, layout);
  compare_outputs(instance, instance.run(operands), expected_values(instance, operands));
}

void check_special_values(const Instance& instance, DType dtype) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  const double specials[] = {std::numeric_limits<double>::quiet_NaN(), inf, -inf, 0};
  std::vector<Tensor> bases = make_bases(instance.inputs, Layout::contiguous, dtype);
  const int x = first_floating(bases);
  REQUIRE(x >= 0);
  HostArray values = to_host(bases[static_cast<std::size_t>(x)]);
  REQUIRE(values.numel() >= 4);
  std::copy(std::begin(specials), std::end(specials), values.values.begin());
  bases[static_cast<std::size_t>(x)] = to_tensor(values, dtype);
  compare_outputs(instance, instance.run(bases), expected_values(instance, bases));
}

void check_nan_is_seen(const Instance& instance) {
  std::vector<Tensor> bases = make_bases(instance.inputs, Layout::contiguous, first_floating_dtype(instance));
  const int x = first_floating(bases);
  if (x < 0) return;
  Tensor& operand = bases[static_cast<std::size_t>(x)];
  operand = to_tensor(HostArray(operand.shape(), std::numeric_limits<double>::quiet_NaN()), operand.dtype());
  for (const Tensor& y : instance.run(bases)) {
    if (!is_floating(y.dtype()) || y.numel() == 0) continue;
    const HostArray values = to_host(y);
    CHECK(std::any_of(values.values.begin(), values.values.end(), [](double v) { return std::isnan(v); }));
  }
}

void check_gradients_of_narrow_types(const Instance& instance, DType dtype, Layout layout) {
  std::vector<Tensor> narrow = make_bases(instance.inputs, layout, dtype);
  const GradientRun expected = run_backward(instance, widened(narrow), layout);
  const GradientRun actual = run_backward(instance, std::move(narrow), layout);
  for (std::size_t i = 0; i < actual.gradients.size(); ++i) {
    if (!actual.bases[i].requires_grad()) continue;
    REQUIRE(actual.gradients[i].defined() == expected.gradients[i].defined());
    if (!actual.gradients[i].defined()) continue;
    const DType own = actual.bases[i].dtype();
    CHECK(actual.gradients[i].dtype() == own);
    // a gradient passes a few roundings more than a value does
    report(difference(to_host(actual.gradients[i]), to_host(expected.gradients[i]),
                      scaled(tolerance_of(own), 4 * instance.op_case.slack), own),
           "gradient of operand " + std::to_string(i));
  }
}

void check_gradcheck(const Instance& instance, Layout layout) {
  check_derivatives(instance, layout, [](auto f, const std::vector<Tensor>& arguments) { gradcheck(f, arguments); });
}

void check_gradgradcheck(const Instance& instance, Layout layout) {
  check_derivatives(instance, layout, [](auto f, const std::vector<Tensor>& arguments) { gradgradcheck(f, arguments); });
}

void check_gradients_one_at_a_time(const Instance& instance) {
  const DType dtype = first_floating_dtype(instance);
  const GradientRun together = run_backward(instance, make_bases(instance.inputs, Layout::contiguous, dtype), Layout::contiguous);
  for (std::size_t i = 0; i < together.gradients.size(); ++i) {
    if (!together.gradients[i].defined()) continue;
    const GradientRun alone =
        run_backward(instance, make_bases(instance.inputs, Layout::contiguous, dtype), Layout::contiguous, static_cast<int>(i));
    report(difference(to_host(alone.gradients[i]), to_host(together.gradients[i]), tolerance_of(together.bases[i].dtype())),
           "gradient of operand " + std::to_string(i) + " when no other is wanted");
  }
}

void check_accumulation(const Instance& instance) {
  const DType dtype = first_floating_dtype(instance);
  const auto bases = [&] { return make_bases(instance.inputs, Layout::contiguous, dtype); };
  const GradientRun once = run_backward(instance, bases(), Layout::contiguous);

  // twice over one tape
  GradientRun twice = run_backward(instance, bases(), Layout::contiguous);
  std::vector<Tensor> roots;
  for (const Tensor& y : twice.outputs)
    if (y.requires_grad()) roots.push_back(y);
  if (!roots.empty()) backward(roots, seeds_for(roots));

  // one tape that uses every operand twice, onto gradients that are there already
  GradientRun onto{bases(), Outputs(std::vector<Tensor>{}), {}};
  for (std::size_t i = 0; i < onto.bases.size(); ++i) {
    if (!once.gradients[i].defined()) continue;
    onto.bases[i].requires_grad_();
    onto.bases[i].set_grad(to_tensor(HostArray(onto.bases[i].shape(), 1), onto.bases[i].dtype()));
  }
  std::vector<Tensor> both;
  for (int use = 0; use < 2; ++use)
    for (const Tensor& y : instance.run(onto.bases, Layout::contiguous))
      if (y.requires_grad()) both.push_back(y);
  if (!both.empty()) backward(both, seeds_for(both));

  for (std::size_t i = 0; i < once.gradients.size(); ++i) {
    if (!once.gradients[i].defined()) continue;
    const DType own = once.bases[i].dtype();
    HostArray expected = to_host(once.gradients[i]);
    for (double& v : expected.values) v *= 2;
    report(difference(to_host(twice.bases[i].grad()), expected, tolerance_of(own), own),
           "gradient of operand " + std::to_string(i) + " after two backward passes");
    for (double& v : expected.values) v += 1;
    report(difference(to_host(onto.bases[i].grad()), expected, scaled(tolerance_of(own), 2 * instance.op_case.slack), own),
           "gradient of operand " + std::to_string(i) + ", used twice and added to ones");
  }
}

void check_same_bits_again(const Instance& instance, DType dtype) {
  const auto run = [&] { return run_backward(instance, make_bases(instance.inputs, Layout::contiguous, dtype), Layout::contiguous); };
  const GradientRun first = run(), second = run();
  for (std::size_t j = 0; j < first.outputs.size(); ++j) CHECK(bytes_of(first.outputs[j]) == bytes_of(second.outputs[j]));
  for (std::size_t i = 0; i < first.gradients.size(); ++i)
    if (first.gradients[i].defined()) CHECK(bytes_of(first.gradients[i]) == bytes_of(second.gradients[i]));
}

void check_grad_mode_changes_no_bit(const Instance& instance, DType dtype) {
  const auto bases = [&](bool recorded) {
    std::vector<Tensor> list = make_bases(instance.inputs, Layout::contiguous, dtype);
    for (std::size_t i = 0; i < list.size(); ++i)
      if (recorded && wants_gradient(instance.inputs[i], dtype)) list[i].requires_grad_();
    return list;
  };
  const Outputs recorded = instance.run(bases(true), Layout::contiguous);
  NoGrad off;
  const Outputs plain = instance.run(bases(true), Layout::contiguous);
  REQUIRE(plain.size() == recorded.size());
  for (std::size_t j = 0; j < plain.size(); ++j) {
    CHECK_FALSE(plain[j].requires_grad());
    CHECK(bytes_of(plain[j]) == bytes_of(recorded[j]));
  }
}

void check_replay(const Instance& instance, DType dtype, Layout layout) {
  std::vector<Tensor> bases = make_bases(instance.inputs, layout, dtype);
  for (std::size_t i = 0; i < bases.size(); ++i)
    if (wants_gradient(instance.inputs[i], dtype)) bases[i].requires_grad_();
  const Outputs outputs = instance.run(bases, layout);
  for (const Tensor& y : outputs) {
    if (!y.requires_grad() || y.impl()->grad_node->is_view) continue;  // a view has nothing to run again
    const std::uint32_t version = y.version();
    const TensorList again = replay(y);
    const std::size_t number = y.impl()->output_number;
    REQUIRE(number < again.size());
    CHECK(again[number].shape() == y.shape());
    CHECK(bytes_of(again[number]) == bytes_of(y));
    CHECK(y.version() == version);
  }
}

}  // namespace tasuki::testing
