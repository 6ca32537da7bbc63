#pragma once
#include "tasuki/autograd/function.hpp"
#include "tasuki/core/error.hpp"

/// Functions as a user of the library writes them, in each of the forms that there are. All work on contiguous f32 and f64.
namespace tasuki::testing {

template <class Body>
void by_dtype(const View& v, Body body) {
  if (v.dtype == f64) body(double{});
  else body(float{});
}

/// y = factor x; its gradient in ops only, so it can be differentiated any number of times.
struct Scale final : Function {
  double factor;
  explicit Scale(double f) : factor(f) {}
  static constexpr OpInfo op{"scale", "x"};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    TASUKI_CHECK(ShapeError, in[0].is_contiguous(), "scale takes contiguous tensors");
    return Spec::like(in[0]);
  }
  void forward(Launch& l) override {
    by_dtype(l.in(0), [&](auto zero) {
      using T = decltype(zero);
      for (std::int64_t i = 0; i < l.in(0).numel; ++i) l.out(0).as<T>()[i] = static_cast<T>(factor) * l.in(0).as<T>()[i];
    });
  }
  TensorList backward_graph(const GradContext& c) override { return {c.grad(0) * factor}; }
  std::string attributes() const override { return "factor=" + std::to_string(factor); }
};

/// y = x^2 with a kernel for the gradient and none in ops. `sabotage` makes the gradient wrong by that factor.
struct FusedSquare final : Function {
  double sabotage = 1;
  explicit FusedSquare(double wrong = 1) : sabotage(wrong) {}
  static constexpr OpInfo op{"fused_square", "x"};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    Spec spec = Spec::like(in[0]);
    spec.save_inputs = in.needs_grad(0) ? 1 : 0;
    return spec;
  }
  void forward(Launch& l) override {
    by_dtype(l.in(0), [&](auto zero) {
      using T = decltype(zero);
      const T* x = l.in(0).as<T>();
      for (std::int64_t i = 0; i < l.in(0).numel; ++i) l.out(0).as<T>()[i] = x[i] * x[i];
    });
  }
  bool has_fused_backward() const override { return true; }
  void backward(Backward& b) override {
    const GradSlot slot = b.grad(0);
    by_dtype(slot.view, [&](auto zero) {
      using T = decltype(zero);
      T* out = slot.view.as<T>();
      for (std::int64_t i = 0; i < slot.view.numel; ++i) {
        const T g = static_cast<T>(2 * sabotage) * b.in(0).as<T>()[i] * b.grad_out(0).as<T>()[i];
        out[i] = slot.accumulate ? out[i] + g : g;
      }
    });
  }
};

/// (a + b, a - b), or (a, a) when b is not given: several outputs, an optional operand.
struct SumAndDifference final : Function {
  static constexpr OpInfo op{"sum_and_difference", "a, b"};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    if (in[1].defined()) TASUKI_CHECK_OP(ShapeError, in[0].shape(), ==, in[1].shape());
    Spec spec = Spec::like(in[0]);
    spec.outputs.emplace_back(in[0].shape(), in[0].dtype());
    return spec;
  }
  void forward(Launch& l) override {
    by_dtype(l.in(0), [&](auto zero) {
      using T = decltype(zero);
      for (std::int64_t i = 0; i < l.in(0).numel; ++i) {
        const T a = l.in(0).as<T>()[i], b = l.in(1) ? l.in(1).as<T>()[i] : T(0);
        l.out(0).as<T>()[i] = a + b;
        l.out(1).as<T>()[i] = a - b;
      }
    });
  }
  TensorList backward_graph(const GradContext& c) override {
    const Tensor &s = c.grad(0), &d = c.grad(1);  // either may be undefined: it counts as zeros
    Tensor to_a = s.defined() && d.defined() ? s + d : s.defined() ? s : d;
    Tensor to_b;
    if (c.needs(1)) to_b = s.defined() && d.defined() ? s - d : s.defined() ? s : -d;
    return {to_a, to_b};
  }
};

/// Throws in forward or in backward, to see what is left behind.
struct Faulty final : Function {
  bool in_forward;
  explicit Faulty(bool forward_fails) : in_forward(forward_fails) {}
  static constexpr OpInfo op{"faulty", "x"};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    Spec spec = Spec::like(in[0]);
    spec.save_inputs = 1;
    spec.workspace = 4096;
    return spec;
  }
  void forward(Launch& l) override {
    if (in_forward) TASUKI_THROW(ValueError, "forward fails");
    by_dtype(l.out(0), [&](auto zero) {
      for (std::int64_t i = 0; i < l.out(0).numel; ++i) l.out(0).as<decltype(zero)>()[i] = 1;
    });
  }
  bool has_fused_backward() const override { return true; }
  void backward(Backward&) override { TASUKI_THROW(ValueError, "backward fails"); }
};

}  // namespace tasuki::testing
