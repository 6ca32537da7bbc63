#include "tasuki/ops/activation.hpp"

#include "kernels/dispatch.hpp"
#include "kernels/random.hpp"
#include "src/ops/composed.hpp"
#include "src/ops/operand_checks.hpp"
#include "src/ops/single_precision.hpp"
#include "src/ops/sloped.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/compare.hpp"
#include "tasuki/ops/copy.hpp"
#include "tasuki/ops/global_count.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/softmax.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {
namespace {

using At = SourceLocation;

constexpr OpInfo softsign_info{"softsign", "x"}, softmin_info{"softmin", "x"},
    glu_info{"glu", "x"}, gumbel_info{"gumbel_softmax", "x"}, rrelu_info{"rrelu", "x"};

/// x plus noise that a replay draws again.
struct AddGumbel final : Function {
  Generator* generator;
  bool drawn = false;
  PhiloxState state{};
  explicit AddGumbel(Generator* g) : generator(g) {}
  static constexpr OpInfo op{"add_gumbel", "x", op_random | op_any_grad_layout};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override { return detail::concat({"seed=", state.seed, ", offset=", state.offset}); }
  Spec infer(const Operands& in) override {
    const auto words = static_cast<std::uint64_t>(in[0].numel());
    if (!drawn) state = generator ? generator->reserve(words) : detail::reserve_mask(words);
    drawn = true;
    return Spec::like(in[0]);
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::add_gumbel(l.in(0), l.out(0), state);
      default: kernels::not_on(l.device(), op.name);
    }
  }
  TensorList backward_graph(const GradContext& c) override { return {c.grad(0)}; }
};

/// Uniform numbers, one for each element of x, that a replay draws again.
struct DrawSlopes final : Function {
  double lower, upper;
  Generator* generator;
  bool drawn = false;
  PhiloxState state{};
  DrawSlopes(double l, double u, Generator* g) : lower(l), upper(u), generator(g) {}
  static constexpr OpInfo op{"draw_slopes", "x", op_random | op_not_differentiable};
  const OpInfo& info() const override { return op; }
  std::string attributes() const override { return detail::concat({"seed=", state.seed, ", offset=", state.offset}); }
  Spec infer(const Operands& in) override {
    const std::uint64_t words = kernels::cpu::uniform_words(f32, in[0].numel());
    if (!drawn) state = generator ? generator->reserve(words) : detail::reserve_mask(words);
    drawn = true;
    return Spec(in[0].shape(), f32);  // the same numbers for every dtype
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return kernels::cpu::uniform(l.out(0), state, lower, upper);
      default: kernels::not_on(l.device(), op.name);
    }
  }
};

/// composed(), of a floating operand.
template <class Make>
Tensor activation(const OpInfo& info, const Tensor& x, At at, Make&& make) {
  return ops::composed(info, {&x}, at, [&] {
    ops::check_floating(x, "x");
    return make();
  });
}

}  // namespace

Tensor softsign(const Tensor& x, At at) {
  return activation(softsign_info, x, at, [&] { return x.div({x.abs(at).add({1, at}), at}); });
}

Tensor softmin(const Tensor& x, int dim, At at) {
  return activation(softmin_info, x, at, [&] { return softmax(x.neg(at), normalize_dim(dim, x.ndim()), at); });
}

Tensor glu(const Tensor& x, int dim, At at) {
  return activation(glu_info, x, at, [&] {
    TASUKI_CHECK_OP(ShapeError, x.ndim(), >=, 1);
    const int d = normalize_dim(dim, x.ndim());
    if (x.size(d) % 2 != 0) TASUKI_THROW(ShapeError, "expected  an even size along dimension ", d, "\nactual    ", x.size(d));
    const std::int64_t half = x.size(d) / 2;
    return x.narrow(d, 0, half, at).mul({x.narrow(d, half, half, at).sigmoid(at), at});
  });
}

Tensor rrelu(const Tensor& x, const RreluOptions& o, bool training, Generator* generator, At at) {
  return activation(rrelu_info, x, at, [&] {
    if (!(o.lower <= o.upper)) TASUKI_THROW(ValueError, "expected  lower <= upper\nactual    ", o.lower, " > ", o.upper);
    if (!training) return leaky_relu(x, (o.lower + o.upper) / 2, at);
    return ops::sloped(x, apply(DrawSlopes(o.lower, o.upper, generator), {&x}, at).to(x.dtype(), at), at);
  });
}

Tensor gumbel_softmax(const Tensor& x, const GumbelSoftmaxOptions& o, Generator* generator, At at) {
  return activation(gumbel_info, x, at, [&] {
    if (!(o.tau > 0)) TASUKI_THROW(ValueError, "expected  tau > 0\nactual    ", o.tau);
    return ops::in_single_precision(x, at, [&](const Tensor& wide) {
      const Tensor soft = softmax(apply(AddGumbel(generator), {&wide}, at).div({o.tau, at}), o.dim, at);
      if (!o.hard) return soft;
      const int d = normalize_dim(o.dim, x.ndim());
      const Tensor chosen = eq(soft.detach(), {amax(soft.detach(), d, true, at), at}).to(soft.dtype(), at);
      return chosen + (soft - soft.detach());
    });
  });
}

}  // namespace tasuki
