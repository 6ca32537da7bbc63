#include "tasuki/ops/random.hpp"

#include <cmath>

#include "kernels/dispatch.hpp"
#include "kernels/random.hpp"
#include "src/ops/composed.hpp"
#include "tasuki/autograd/function.hpp"

namespace tasuki {

namespace {

/// What every distribution shares: it makes a new tensor (no input), or writes over its only input. Its numbers come from the
/// state that infer reserved, so that a replay draws them again.
class RandomFunction : public Function {
 public:
  RandomFunction(const OpInfo& info, Generator* generator) : info_(info), generator_(generator ? *generator : default_generator()) {}
  RandomFunction& make(const Shape& shape, DType dtype, Device device) {
    shape_ = shape, dtype_ = dtype, device_ = device;
    return *this;
  }
  const OpInfo& info() const final { return info_; }

  Spec infer(const Operands& in) final {
    Spec spec;
    if (in.size() == 1) {
      spec = Spec::like(in[0]);
      spec.in_place = true;
      shape_ = in[0].shape(), dtype_ = in[0].dtype();
    } else {
      detail::check_allocatable(shape_, dtype_);
      spec = Spec(shape_, dtype_);
      spec.on_device = true;
      spec.device = device_;
    }
    check(dtype_);
    state_ = generator_.reserve(words(dtype_, shape_.numel()));
    return spec;
  }
  void forward(Launch& l) final {
    switch (l.device().kind()) {
      case DeviceKind::cpu: return fill(l.out(0), state_);
      default: kernels::not_on(l.device(), info_.name);
    }
  }
  /// What an in-place op overwrites has no influence on the result.
  TensorList backward_graph(const GradContext&) final { return TensorList(1); }

 protected:
  virtual void check(DType dtype) const = 0;
  virtual std::uint64_t words(DType dtype, std::int64_t numel) const = 0;
  virtual void fill(const View& out, PhiloxState state) const = 0;
  static void check_floating(DType dtype) {
    TASUKI_CHECK(DTypeError, is_floating(dtype), "the numbers are not integers, and the tensor would be ", dtype);
  }

 private:
  const OpInfo& info_;
  Generator& generator_;
  Shape shape_;
  DType dtype_ = DType::f32;
  Device device_;
  PhiloxState state_;
};

double largest(DType dtype) {
  switch (dtype) {
    case DType::f64: return 1.7976931348623157e308;
    case DType::bf16: return 3.3895313892515355e38;
    case DType::f16: return 65504;
    default: return 3.4028234663852886e38;
  }
}

struct Uniform final : RandomFunction {
  double low, high;
  Uniform(const OpInfo& info, Generator* g, double l, double h) : RandomFunction(info, g), low(l), high(h) {}
  void check(DType dtype) const override {
    check_floating(dtype);
    TASUKI_CHECK(ValueError, low <= high, "low is ", low, ", high is ", high);
    TASUKI_CHECK(ValueError, std::fabs(low) <= largest(dtype) && std::fabs(high) <= largest(dtype) && high - low <= largest(dtype),
                 "[", low, ", ", high, ") is wider than ", dtype, " can express");
  }
  std::uint64_t words(DType dtype, std::int64_t numel) const override { return kernels::cpu::uniform_words(dtype, numel); }
  void fill(const View& out, PhiloxState state) const override { kernels::cpu::uniform(out, state, low, high); }
  std::string attributes() const override { return detail::concat({"low=", low, ", high=", high}); }
};

struct Normal final : RandomFunction {
  double mean, std;
  Normal(const OpInfo& info, Generator* g, double m, double s) : RandomFunction(info, g), mean(m), std(s) {}
  void check(DType dtype) const override {
    check_floating(dtype);
    TASUKI_CHECK(ValueError, std >= 0 && std::isfinite(std) && std::isfinite(mean), "mean is ", mean, ", std is ", std);
  }
  std::uint64_t words(DType dtype, std::int64_t numel) const override { return kernels::cpu::normal_words(dtype, numel); }
  void fill(const View& out, PhiloxState state) const override { kernels::cpu::normal(out, state, mean, std); }
  std::string attributes() const override { return detail::concat({"mean=", mean, ", std=", std}); }
};

struct TruncatedNormal final : RandomFunction {
  double mean, std, low, high;
  TruncatedNormal(const OpInfo& info, Generator* g, double m, double s, double l, double h)
      : RandomFunction(info, g), mean(m), std(s), low(l), high(h) {}
  void check(DType dtype) const override {
    check_floating(dtype);
    TASUKI_CHECK(ValueError, std > 0 && std::isfinite(std) && std::isfinite(mean), "mean is ", mean, ", std is ", std);
    TASUKI_CHECK(ValueError, low < high, "low is ", low, ", high is ", high);
    // beyond 37 standard deviations there is no probability left that f64 could divide
    TASUKI_CHECK(ValueError, low < mean + 37 * std && high > mean - 37 * std, "[", low, ", ", high, "] lies in the far tail of mean ",
                 mean, ", std ", std);
  }
  std::uint64_t words(DType, std::int64_t numel) const override { return 2 * static_cast<std::uint64_t>(numel); }
  void fill(const View& out, PhiloxState state) const override { kernels::cpu::truncated_normal(out, state, mean, std, low, high); }
  std::string attributes() const override {
    return detail::concat({"mean=", mean, ", std=", std, ", low=", low, ", high=", high});
  }
};

struct Bernoulli final : RandomFunction {
  double p;
  Bernoulli(const OpInfo& info, Generator* g, double probability) : RandomFunction(info, g), p(probability) {}
  void check(DType) const override { TASUKI_CHECK(ValueError, p >= 0 && p <= 1, "p is ", p); }
  std::uint64_t words(DType, std::int64_t numel) const override { return static_cast<std::uint64_t>(numel); }
  void fill(const View& out, PhiloxState state) const override { kernels::cpu::bernoulli(out, state, p); }
  std::string attributes() const override { return detail::concat({"p=", p}); }
};

struct RandomIntegers final : RandomFunction {
  std::int64_t low, high;
  RandomIntegers(const OpInfo& info, Generator* g, std::int64_t l, std::int64_t h) : RandomFunction(info, g), low(l), high(h) {}
  std::uint64_t range() const { return static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low); }
  void check(DType dtype) const override {
    TASUKI_CHECK(ValueError, low < high, "low is ", low, ", high is ", high, ": there is no integer in [low, high)");
    const Limits limits = limits_of(dtype);
    TASUKI_CHECK(ValueError, low >= limits.least && high - 1 <= limits.greatest, dtype, " holds the integers from ", limits.least, " to ",
                 limits.greatest, ", not all of [", low, ", ", high, ")");
  }
  std::uint64_t words(DType, std::int64_t numel) const override { return kernels::cpu::random_integer_words(range(), numel); }
  void fill(const View& out, PhiloxState state) const override { kernels::cpu::random_integers(out, state, low, range()); }
  std::string attributes() const override { return detail::concat({"low=", low, ", high=", high}); }

 private:
  struct Limits {
    std::int64_t least, greatest;
  };
  /// The integers that a dtype holds without a gap.
  static Limits limits_of(DType dtype) {
    const auto symmetric = [](int bits) { return Limits{-(std::int64_t{1} << bits), std::int64_t{1} << bits}; };
    switch (dtype) {
      case DType::f32: return symmetric(24);
      case DType::f64: return symmetric(53);
      case DType::bf16: return symmetric(8);
      case DType::f16: return symmetric(11);
      case DType::i32: return {INT32_MIN, INT32_MAX};
      case DType::u8: return {0, 255};
      case DType::boolean: return {0, 1};
      default: return {INT64_MIN, INT64_MAX};
    }
  }
};

struct RandomPermutation final : RandomFunction {
  using RandomFunction::RandomFunction;
  void check(DType dtype) const override { TASUKI_CHECK_OP(DTypeError, dtype, ==, DType::i64, "a permutation is a list of indices"); }
  std::uint64_t words(DType, std::int64_t numel) const override { return 2 * static_cast<std::uint64_t>(numel); }
  void fill(const View& out, PhiloxState state) const override { kernels::cpu::permutation(out.as<std::int64_t>(), out.numel, state); }
};

/// Its own shape of op: the probabilities are an operand.
struct BernoulliOf final : Function {
  PhiloxState state;
  Generator& generator;
  explicit BernoulliOf(Generator* g) : generator(g ? *g : default_generator()) {}
  static constexpr OpInfo op{"bernoulli", "probabilities", op_random | op_not_differentiable};
  const OpInfo& info() const override { return op; }
  Spec infer(const Operands& in) override {
    TASUKI_CHECK(DTypeError, is_floating(in[0].dtype()), "probabilities are floating numbers, not ", in[0].dtype());
    state = generator.reserve(static_cast<std::uint64_t>(in[0].numel()));
    return Spec(in[0].shape(), in[0].dtype());
  }
  void forward(Launch& l) override {
    switch (l.device().kind()) {
      case DeviceKind::cpu:
        if (!kernels::cpu::bernoulli(l.out(0), l.in(0), state))
          TASUKI_THROW(ValueError, "expected  probabilities in [0, 1]\nactual    one is outside, or NaN");
        return;
      default: kernels::not_on(l.device(), op.name);
    }
  }
};

template <class F>
Tensor make(F op, const Shape& shape, DType dtype, Device device, bool requires_grad, SourceLocation at) {
  op.make(shape, dtype, device);
  Tensor result = apply(std::move(op), {}, at);
  if (requires_grad) result.requires_grad_(true, at);
  return result;
}
template <class F>
Tensor make(F op, const Shape& shape, const TensorOptions& options, SourceLocation at) {
  return make(std::move(op), shape, options.dtype, options.device, options.requires_grad, at);
}
template <class F>
Tensor make(F op, const Shape& shape, const InferredOptions& options, SourceLocation at) {
  return make(std::move(op), shape, options.dtype.value_or(DType::i64), options.device.value_or(default_device()), options.requires_grad, at);
}
template <class F>
Tensor make_like(const OpInfo& info, F op, const Tensor& like, const InferredOptions& options, SourceLocation at) {
  return ops::composed(info, {&like}, at, [&] {
    Tensor result = empty_like(like, {.dtype = options.dtype, .device = options.device}, at);
    apply(std::move(op), {&result}, at);
    if (options.requires_grad) result.requires_grad_(true, at);
    return result;
  });
}

constexpr OpInfo rand_info{"rand", "", op_random}, uniform_info{"uniform", "", op_random}, randn_info{"randn", "", op_random},
    normal_info{"normal", "", op_random}, truncated_normal_info{"truncated_normal", "", op_random}, bernoulli_info{"bernoulli", "", op_random},
    randint_info{"randint", "", op_random}, randperm_info{"randperm", "", op_random};
constexpr OpInfo uniform_in_place{"uniform_", "x", op_random | op_overwrites}, normal_in_place{"normal_", "x", op_random | op_overwrites},
    truncated_normal_in_place{"truncated_normal_", "x", op_random | op_overwrites}, bernoulli_in_place{"bernoulli_", "x", op_random | op_overwrites},
    random_in_place{"random_", "x", op_random | op_overwrites};
constexpr OpInfo rand_like_info{"rand_like", "like", op_random | op_overwrites}, randn_like_info{"randn_like", "like", op_random | op_overwrites},
    randint_like_info{"randint_like", "like", op_random | op_overwrites};

}  // namespace

Tensor rand(const Shape& shape, const TensorOptions& options, Generator* generator, SourceLocation at) {
  return make(Uniform(rand_info, generator, 0, 1), shape, options, at);
}
Tensor uniform(const Shape& shape, double low, double high, const TensorOptions& options, Generator* generator, SourceLocation at) {
  return make(Uniform(uniform_info, generator, low, high), shape, options, at);
}
Tensor randn(const Shape& shape, const TensorOptions& options, Generator* generator, SourceLocation at) {
  return make(Normal(randn_info, generator, 0, 1), shape, options, at);
}
Tensor normal(const Shape& shape, double mean, double std, const TensorOptions& options, Generator* generator, SourceLocation at) {
  return make(Normal(normal_info, generator, mean, std), shape, options, at);
}
Tensor truncated_normal(const Shape& shape, double mean, double std, double low, double high, const TensorOptions& options,
                        Generator* generator, SourceLocation at) {
  return make(TruncatedNormal(truncated_normal_info, generator, mean, std, low, high), shape, options, at);
}
Tensor bernoulli(const Shape& shape, double p, const TensorOptions& options, Generator* generator, SourceLocation at) {
  return make(Bernoulli(bernoulli_info, generator, p), shape, options, at);
}
Tensor bernoulli(const Tensor& probabilities, Generator* generator, SourceLocation at) {
  return apply(BernoulliOf(generator), {&probabilities}, at);
}
Tensor randint(std::int64_t low, std::int64_t high, const Shape& shape, const InferredOptions& options, Generator* generator,
               SourceLocation at) {
  return make(RandomIntegers(randint_info, generator, low, high), shape, options, at);
}
Tensor rand_like(const Tensor& like, const InferredOptions& options, Generator* generator, SourceLocation at) {
  return make_like(rand_like_info, Uniform(rand_like_info, generator, 0, 1), like, options, at);
}
Tensor randn_like(const Tensor& like, const InferredOptions& options, Generator* generator, SourceLocation at) {
  return make_like(randn_like_info, Normal(randn_like_info, generator, 0, 1), like, options, at);
}
Tensor randint_like(const Tensor& like, std::int64_t low, std::int64_t high, const InferredOptions& options, Generator* generator, SourceLocation at) {
  return make_like(randint_like_info, RandomIntegers(randint_like_info, generator, low, high), like, options, at);
}
Tensor randperm(std::int64_t n, const InferredOptions& options, Generator* generator, SourceLocation at) {
  return make(RandomPermutation(randperm_info, generator), Shape(n), options, at);
}

const Tensor& uniform_(const Tensor& x, double low, double high, Generator* generator, SourceLocation at) {
  apply(Uniform(uniform_in_place, generator, low, high), {&x}, at);
  return x;
}
const Tensor& normal_(const Tensor& x, double mean, double std, Generator* generator, SourceLocation at) {
  apply(Normal(normal_in_place, generator, mean, std), {&x}, at);
  return x;
}
const Tensor& truncated_normal_(const Tensor& x, double mean, double std, double low, double high, Generator* generator,
                                SourceLocation at) {
  apply(TruncatedNormal(truncated_normal_in_place, generator, mean, std, low, high), {&x}, at);
  return x;
}
const Tensor& bernoulli_(const Tensor& x, double p, Generator* generator, SourceLocation at) {
  apply(Bernoulli(bernoulli_in_place, generator, p), {&x}, at);
  return x;
}
const Tensor& random_(const Tensor& x, std::int64_t low, std::int64_t high, Generator* generator, SourceLocation at) {
  apply(RandomIntegers(random_in_place, generator, low, high), {&x}, at);
  return x;
}

}  // namespace tasuki
