#include "tasuki/optim/clip.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/dispatch.hpp"
#include "kernels/optim.hpp"
#include "src/core/annotated.hpp"
#include "src/optim/backward_updates.hpp"
#include "src/optim/launch_size.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/optim/step_share.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki::optim {

namespace {

using kernels::cpu::ElementRange;

/// Launches tell which operands they write by one bit of 32.
constexpr std::size_t gradients_per_launch = 31;

std::vector<ElementRange> ranges_of(const Launch& l) {
  std::vector<ElementRange> list;
  for (std::size_t i = 0; i < l.input_count(); ++i) list.push_back({l.in(i).data, l.in(i).numel, l.in(i).dtype});
  return list;
}

/// One number for each gradient, so that the norm of all has the same bits however many a launch takes.
struct GradNorm final : Function {
  double p;
  explicit GradNorm(double order) : p(order) {}
  static constexpr OpInfo op{"grad_norm", "gradient", op_not_differentiable};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    Spec spec({static_cast<std::int64_t>(in.size())}, f64);
    for (std::size_t i = 0; i < in.size(); ++i) spec.flops += 2 * static_cast<double>(in[i].numel());
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: {
        const auto ranges = ranges_of(l);
        kernels::cpu::power_sums(ranges.data(), ranges.size(), p, l.out(0).as<double>());
        return;
      }
      default: kernels::not_on(l.device(), op.name);
    }
  }
};

/// x * factor, or x limited to [low, high]: what all gradients of a launch become.
struct ChangeGradients final : Function {
  bool by_value;
  double factor, limit;
  ChangeGradients(bool value, double f, double l) : by_value(value), factor(f), limit(l) {}
  static constexpr OpInfo op{"clip_grad_", "gradient", op_not_differentiable};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    Spec spec;
    spec.in_place = true;
    for (std::size_t i = 0; i < in.size(); ++i) {
      if (i > 0) spec.mutates |= 1u << i;
      spec.flops += static_cast<double>(in[i].numel());
    }
    return spec;
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: {
        const auto ranges = ranges_of(l);
        if (by_value) kernels::cpu::clamp(ranges.data(), ranges.size(), -limit, limit);
        else kernels::cpu::scale(ranges.data(), ranges.size(), factor);
        return;
      }
      default: kernels::not_on(l.device(), op.name);
    }
  }
};

/// The gradients that there are, each once; dense, so that their elements are a range.
struct Gradients {
  std::vector<Tensor> here;    ///< whole ones
  std::vector<Tensor> pieces;  ///< of those whose updates several processes share
  StepShare* share = nullptr;
  std::vector<Tensor> all() const {
    std::vector<Tensor> list = here;
    list.insert(list.end(), pieces.begin(), pieces.end());
    return list;
  }
};

bool has(const std::vector<Tensor>& list, const Tensor& t) {
  return std::any_of(list.begin(), list.end(), [&](const Tensor& other) { return other.is_same(t); });
}

void add_pieces(Gradients& g, StepShare& share, const Tensor& parameter) {
  if (g.share && g.share != &share) TASUKI_THROW(ValueError, "these parameters belong to two optimizers whose steps are shared by processes\nclip those of each by themselves");
  g.share = &share;
  const auto number = static_cast<std::size_t>(share.number_of(parameter));
  if (!share.has_gradient(number)) return;
  for (const Piece& piece : share.pieces())
    if (piece.parameter == number && !has(g.pieces, piece.gradient)) g.pieces.push_back(piece.gradient);
}

Gradients gradients_of(const std::vector<Tensor>& parameters, const char* function, SourceLocation at) {
  Gradients found;
  for (const Tensor& p : parameters) {
    if (const Optimizer* used_up = updated_in_backward(p))
      refuse(ValueError(tasuki::detail::concat({"there are no gradients after backward(): ", used_up->name(), " uses each of them up as soon as it is there (StepInBackward)\n"
                                                "clip by a hook of each parameter, or end the StepInBackward"})),
             function, at);
    if (StepShare* share = share_of(p)) {
      add_pieces(found, *share, p);
      continue;
    }
    Tensor grad = p.grad();
    if (!grad.defined() || has(found.here, grad)) continue;
    if (!is_dense(grad.shape(), grad.strides())) {
      grad = grad.clone();
      p.set_grad(grad);
    }
    found.here.push_back(std::move(grad));
  }
  return found;
}

/// Lists of at most `most` gradients on one device: what a launch takes.
template <class F>
void by_launch(const std::vector<Tensor>& gradients, std::size_t most, F f) {
  std::vector<Tensor> some;
  LaunchSize size;
  for (const Tensor& g : gradients) size.expect(g);
  for (const Tensor& g : gradients) {
    if (some.size() == most || (!some.empty() && (some[0].device() != g.device() || size.is_reached(g)))) {
      f(some);
      some.clear();
      size.clear();
    }
    some.push_back(g);
    size.add(g);
  }
  if (!some.empty()) f(some);
}

/// The sum of p-th powers, or the largest absolute value.
double power_sum(const std::vector<Tensor>& gradients, double p, SourceLocation at) {
  std::vector<double> sums;
  by_launch(gradients, gradients.size(), [&](const std::vector<Tensor>& some) {
    const std::vector<double> own = apply(GradNorm(p), some, at).to_vector<double>(at);
    sums.insert(sums.end(), own.begin(), own.end());
  });
  return kernels::cpu::joined_power_sums(sums.data(), sums.size(), p);
}

double norm_of(const Gradients& gradients, double p, SourceLocation at) {
  double total = power_sum(gradients.here, p, at);
  if (gradients.share) {
    const double both[] = {total, gradients.share->combine(power_sum(gradients.pieces, p, at), std::isinf(p))};
    total = kernels::cpu::joined_power_sums(both, 2, p);
  }
  return std::isinf(p) || p == 1 ? total : p == 2 ? std::sqrt(total) : std::pow(total, 1 / p);
}

void change(const std::vector<Tensor>& gradients, const ChangeGradients& how, SourceLocation at) {
  by_launch(gradients, gradients_per_launch, [&](const std::vector<Tensor>& some) { apply(ChangeGradients(how), some, at); });
}

void check(bool fine, const char* function, std::initializer_list<tasuki::detail::Text> body, SourceLocation at) {
  if (!fine) refuse(ValueError(tasuki::detail::concat(body)), function, at);
}

}  // namespace

double grad_norm(const std::vector<Tensor>& parameters, double p, SourceLocation at) {
  check(p >= 1, "grad_norm", {"expected  an order of at least 1\nactual    ", p}, at);
  const NoGrad off;
  return norm_of(gradients_of(parameters, "grad_norm", at), p, at);
}

double clip_grad_norm_(const std::vector<Tensor>& parameters, double max_norm, const ClipOptions& options, SourceLocation at) {
  check(max_norm >= 0, "clip_grad_norm_", {"expected  max_norm >= 0\nactual    ", max_norm}, at);
  check(options.norm_type >= 1, "clip_grad_norm_", {"expected  norm_type >= 1\nactual    ", options.norm_type}, at);
  const NoGrad off;
  const Gradients gradients = gradients_of(parameters, "clip_grad_norm_", at);
  const double norm = norm_of(gradients, options.norm_type, at);
  if (options.error_if_nonfinite && !std::isfinite(norm))
    refuse(NanError(tasuki::detail::concat({"the norm of the gradients is ", norm, ", so they cannot be clipped"})), "clip_grad_norm_", at);
  const double factor = max_norm / (norm + 1e-6);
  if (!(factor >= 1)) change(gradients.all(), {false, factor, 0}, at);  // a NaN gets into the gradients, where it is seen
  return norm;
}

void clip_grad_value_(const std::vector<Tensor>& parameters, double limit, SourceLocation at) {
  check(limit >= 0, "clip_grad_value_", {"expected  limit >= 0\nactual    ", limit}, at);
  const NoGrad off;
  change(gradients_of(parameters, "clip_grad_value_", at).all(), {true, 0, limit}, at);
}

}  // namespace tasuki::optim
