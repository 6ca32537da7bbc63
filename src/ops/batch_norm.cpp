#include "tasuki/ops/batch_norm.hpp"

#include <algorithm>
#include <vector>

#include "kernels/batch_norm.hpp"
#include "kernels/dispatch.hpp"
#include "src/ops/norm_backward.hpp"
#include "src/ops/operand_checks.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/ops/global_count.hpp"

namespace tasuki {
namespace {

/// What the processes have found together when the op ran, so that a replay finds it again without them.
struct Joined {
  std::vector<double> moments;
  double count = 0;
};

class JoinOfProcesses final : public kernels::cpu::ChannelJoin {
 public:
  /// Without `others` the moments are known.
  JoinOfProcesses(BatchCount* others, Joined& joined, std::int64_t channels)
      : ChannelJoin(nullptr), others_(others), joined_(joined), room_(static_cast<std::size_t>(2 * channels)) {
    values = room_.data();
  }

  /// Chan's formula, part by part in the order of ranks.
  double moments(std::int64_t channels, double count) override {
    const auto n = static_cast<std::size_t>(channels);
    if (others_) {
      std::vector<double> mine(room_), all((2 * n + 1) * static_cast<std::size_t>(others_->processes()));
      mine.push_back(count);
      others_->gather(mine.data(), mine.size(), all.data());
      std::fill(room_.begin(), room_.end(), 0.0);
      double total = 0;
      for (const double* part = all.data(); part != all.data() + all.size(); part += mine.size()) {
        const double more = part[2 * n];
        if (more == 0) continue;
        for (std::size_t c = 0; c < n; ++c) {
          const double apart = part[c] - room_[c];
          room_[c] += apart * (more / (total + more));
          room_[n + c] += part[n + c] + apart * apart * (total * more / (total + more));
        }
        total += more;
      }
      TASUKI_CHECK_OP(ValueError, total, !=, 1, "the variance of one value per channel, over all processes, is undefined: use a larger batch, or evaluation mode");
      joined_ = {room_, total};
    }
    std::copy(joined_.moments.begin(), joined_.moments.end(), room_.begin());
    return joined_.count;
  }
  double sums(std::int64_t) override {
    const std::vector<double> mine(room_);
    std::vector<double> all(mine.size() * static_cast<std::size_t>(others_->processes()));
    others_->gather(mine.data(), mine.size(), all.data());
    std::fill(room_.begin(), room_.end(), 0.0);
    for (std::size_t i = 0; i < all.size(); ++i) room_[i % mine.size()] += all[i];
    return joined_.count;
  }

 private:
  BatchCount* others_;
  Joined& joined_;
  std::vector<double> room_;
};

struct BatchNorm final : Function {
  enum Operand { x_, running_mean_, running_var_, weight_, bias_ };
  BatchNormOptions options;
  bool weighted = false;
  bool joins = false;  ///< the batch is spread
  Joined joined;
  explicit BatchNorm(const BatchNormOptions& o) : options(o) {}

  static constexpr OpInfo op{"batch_norm", "x, running_mean, running_var, weight, bias"};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override {
    return detail::concat({"training=", options.training, ", momentum=", options.momentum, ", eps=", options.eps});
  }

  Spec infer(const Operands& in) override {
    const Tensor& x = in[x_];
    ops::check_floating(x, "x");
    TASUKI_CHECK_OP(ShapeError, x.ndim(), >=, 2, "batch_norm takes x [N, C] or [N, C, ...]");
    const std::int64_t channels = x.size(1);
    const char* names[] = {"x", "running_mean", "running_var", "weight", "bias"};
    for (std::size_t i = 1; i < 5; ++i) {
      if (!in[i].defined()) continue;
      ops::check_shape(in[i], names[i], {channels});
      if (in[i].dtype() != accumulate_type(x.dtype())) ops::check_dtype(in[i], names[i], x.dtype());
    }
    joins = options.training && options.synchronized && detail::batch_count();
    if (options.training && !joins) {
      const std::int64_t values = channels ? x.numel() / channels : 0;
      TASUKI_CHECK_OP(ValueError, values, !=, 1, "the variance of one value per channel is undefined: use a larger batch, or evaluation mode");
    } else if (!options.training) {
      TASUKI_CHECK(ValueError, in[running_mean_].defined() && in[running_var_].defined(), "evaluation normalizes by the running statistics");
    }
    weighted = in[weight_].defined();

    Spec spec = Spec::like(x);
    spec.outputs.push_back(OutputSpec::hidden_of({channels}, accumulate_type(x.dtype())));
    spec.outputs.push_back(OutputSpec::hidden_of({channels}, accumulate_type(x.dtype())));
    spec.workspace = spec.backward_workspace = kernels::cpu::batch_norm_workspace(channels, x.dtype());
    spec.save_inputs = 1u << x_ | (weighted ? 1u << weight_ : 0u);
    spec.save_outputs = 6;
    if (options.training)
      for (const Operand i : {running_mean_, running_var_})
        if (in[i].defined()) spec.mutates |= 1u << i;
    spec.flops = 8.0 * static_cast<double>(x.numel());
    spec.backward_flops = 10.0 * static_cast<double>(x.numel());
    return spec;
  }

  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: {
        JoinOfProcesses join(l.is_replay() ? nullptr : detail::batch_count(), joined, l.out(1).numel);
        return kernels::cpu::batch_norm({.x = l.in(x_), .weight = l.in(weight_), .bias = l.in(bias_), .running_mean = l.in(running_mean_),
                                         .running_var = l.in(running_var_), .y = l.out(0), .mean = l.out(1), .inv_std = l.out(2),
                                         .training = options.training, .update = options.training && !l.is_replay(),
                                         .momentum = options.momentum, .eps = options.eps, .workspace = l.workspace(), .join = joins ? &join : nullptr});
      }
      default: kernels::not_on(l.device(), op.name);
    }
  }

  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    switch (b.device().kind()) {
      case DeviceKind::cpu: {
        JoinOfProcesses join(joins ? still_spread() : nullptr, joined, b.out(1).numel);
        return kernels::cpu::batch_norm_backward({ops::norm_backward(b, x_, weight_, bias_), options.training, joins ? &join : nullptr});
      }
      default: kernels::not_on(b.device(), op.name);
    }
  }

  static BatchCount* still_spread() {
    BatchCount* const others = detail::batch_count();
    if (!others) TASUKI_THROW(AutogradError, "the forward normalized over several processes, and the DataParallel that reached them is gone");
    return others;
  }

  TensorList backward_graph(const GradContext& c) override {
    if (joins) TASUKI_THROW(AutogradError, "batch_norm over several processes (synchronized) has no double backward");
    const DType dtype = c.in_dtype(x_), carried = accumulate_type(dtype);
    const Tensor x = c.in(x_).to(carried), g = c.grad(0).to(carried);
    Dims others;
    Shape along = Shape::filled(x.ndim(), 1);
    along[1] = x.size(1);
    for (int d = 0; d < x.ndim(); ++d)
      if (d != 1) others.push_back(d);
    // In training mean and deviation depend on x: they are computed again, on the tape.
    Tensor centered, inv_std;
    const double share = 1 / std::max(1.0, static_cast<double>(x.numel()) / static_cast<double>(std::max<std::int64_t>(x.size(1), 1)));
    if (options.training) {
      centered = x - x.sum(others, true) * share;
      inv_std = (centered.square().sum(others, true) * share + options.eps).rsqrt();
    } else {
      centered = x - c.out(1).detach().reshape(along);
      inv_std = c.out(2).detach().reshape(along);
    }
    const Tensor normal = centered * inv_std;
    const Tensor sum = g.sum(others, true), product = (g * normal).sum(others, true);
    TensorList grads(5);
    if (c.needs(x_)) {
      Tensor scale = inv_std, inner = g;
      if (weighted) scale = scale * c.in(weight_).to(carried).reshape(along);
      if (options.training) inner = g - (sum + normal * product) * share;
      grads[x_] = (scale * inner).to(dtype);
    }
    if (c.needs(weight_)) grads[weight_] = product.reshape({x.size(1)}).to(c.in_dtype(weight_));
    if (c.needs(bias_)) grads[bias_] = sum.reshape({x.size(1)}).to(c.in_dtype(bias_));
    return grads;
  }
};

}  // namespace

Tensor batch_norm(const Tensor& x, const Tensor& running_mean, const Tensor& running_var, const Tensor& weight, const Tensor& bias,
                  const BatchNormOptions& options, SourceLocation at) {
  return apply(BatchNorm(options), {&x, &running_mean, &running_var, &weight, &bias}, at);
}

}  // namespace tasuki
