// An op of one's own, outside the library: squareplus(x) = (x + sqrt(x^2 + 4)) / 2, a smooth relu, with a fused forward and backward
// and with gradients of gradients, checked against central differences and then used in a network.
#include <tasuki/tasuki.hpp>
#include <cmath>
#include <cstdio>
namespace ts = tasuki;

namespace {

struct Squareplus final : ts::Function {
  static constexpr ts::OpInfo op{"squareplus", "x"};
  const ts::OpInfo& info() const override { return op; }

  ts::Spec infer(const ts::Operands& in) override {
    TASUKI_CHECK(ts::DTypeError, in[0].dtype() == ts::f32 || in[0].dtype() == ts::f64, "squareplus computes in f32 and f64");
    TASUKI_CHECK(ts::ValueError, in[0].is_contiguous(), "squareplus reads contiguous tensors");
    ts::Spec spec = ts::Spec::like(in[0]);
    if (in.needs_grad(0)) spec.save_inputs = 1;  // what backward reads
    spec.flops = 5.0 * static_cast<double>(in[0].numel());
    return spec;
  }

  void forward(ts::Launch& l) override {
    if (l.in(0).dtype == ts::f32) run<float>(l);
    else run<double>(l);
  }
  template <class T>
  static void run(ts::Launch& l) {
    const T* x = l.in(0).as<T>();
    T* y = l.out(0).as<T>();
    for (std::int64_t i = 0; i < l.in(0).numel; ++i) y[i] = (x[i] + std::sqrt(x[i] * x[i] + 4)) / 2;
  }

  // d/dx = (1 + x / sqrt(x^2 + 4)) / 2, written into the gradient's place, or added to what is there.
  bool has_fused_backward() const override { return true; }
  void backward(ts::Backward& b) override {
    if (b.in(0).dtype == ts::f32) run_backward<float>(b);
    else run_backward<double>(b);
  }
  template <class T>
  static void run_backward(ts::Backward& b) {
    const T *x = b.in(0).as<T>(), *dy = b.grad_out(0).as<T>();
    const ts::GradSlot slot = b.grad(0);
    T* dx = slot.view.as<T>();
    for (std::int64_t i = 0; i < slot.view.numel; ++i) {
      const T g = dy[i] * (1 + x[i] / std::sqrt(x[i] * x[i] + 4)) / 2;
      dx[i] = slot.accumulate ? dx[i] + g : g;
    }
  }

  // The same in ops: what a gradient of the gradient is made of.
  ts::TensorList backward_graph(const ts::GradContext& c) override {
    const ts::Tensor x = c.in(0);
    return {c.grad(0) * (x / ts::sqrt(x * x + 4) + 1) * 0.5};
  }
};

ts::Tensor squareplus(const ts::Tensor& x, ts::SourceLocation at = ts::SourceLocation::current()) { return ts::apply(Squareplus{}, {&x}, at); }

struct Net : ts::nn::Module {
  ts::nn::Linear hidden{this, "hidden", 1, 32}, out{this, "out", 32, 1};
  ts::Tensor operator()(const ts::Tensor& x) { return out(squareplus(hidden(x))); }
};

}  // namespace

int main() {
  ts::manual_seed(1);
  const auto f = [](const std::vector<ts::Tensor>& in) { return squareplus(in[0]); };
  const std::vector<ts::Tensor> points{ts::randn({3, 5}, {.dtype = ts::f64})};
  ts::gradcheck(f, points);
  ts::gradgradcheck(f, points);
  std::printf("gradients agree with central differences\n");

  Net net;  // learns a sine
  ts::optim::Adam opt{net.parameters(), {.lr = 1e-2}};
  const ts::Tensor x = ts::linspace(-3, 3, 200).reshape({200, 1}), y = ts::sin(x);
  float loss = 0;
  for (int step = 0; step < 500; ++step) {
    opt.zero_grad();
    const ts::Tensor error = ts::mse_loss(net(x), y);
    error.backward();
    opt.step();
    loss = error.item<float>();
  }
  std::printf("mean squared error %.5f\n", static_cast<double>(loss));
  return loss < 0.01f ? 0 : 1;
}
