#include "src/ops/unary_slopes.hpp"

#include "tasuki/core/error.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/compare.hpp"
#include "tasuki/ops/unary.hpp"

namespace tasuki::detail {

using kernels::cpu::UnaryNumbers;
using kernels::cpu::UnaryOp;

namespace {

/// 1 where the condition holds, else 0.
Tensor indicator(const Tensor& condition, const Tensor& like) { return condition.to(like.dtype()); }
/// e^x of what is not positive: where() would pass an overflow's NaN on to the gradient.
Tensor bounded_exp(const Tensor& x) { return exp(minimum(x, 0)); }
/// Where v > 0 one, else `rest`.
Tensor one_above_zero(const Tensor& v, const Tensor& rest) {
  const Tensor positive = gt(v, 0);
  return where(positive, indicator(positive, v), rest);
}
Tensor inside(const Tensor& v, double low, double high) { return indicator(gt(v, low), v) * indicator(lt(v, high), v); }

}  // namespace

double constant_slope(UnaryOp op) { return op == UnaryOp::neg ? -1 : op == UnaryOp::frac ? 1 : 0; }

Tensor slope_of(UnaryOp op, UnaryNumbers p, const Tensor& v) {
  switch (op) {
    case UnaryOp::exp: return v;
    case UnaryOp::expm1: return v + 1;
    case UnaryOp::log: return reciprocal(v);
    case UnaryOp::log1p: return reciprocal(v + 1);
    case UnaryOp::log2: return reciprocal(v) * 1.44269504088896340736;
    case UnaryOp::log10: return reciprocal(v) * 0.43429448190325182765;
    case UnaryOp::sqrt: return reciprocal(v) * 0.5;
    case UnaryOp::rsqrt: return v * v * v * -0.5;
    case UnaryOp::abs: return indicator(gt(v, 0), v) - indicator(lt(v, 0), v);
    case UnaryOp::square: return v * 2;
    case UnaryOp::reciprocal: return -(v * v);
    case UnaryOp::sin: return cos(v);
    case UnaryOp::cos: return -sin(v);
    case UnaryOp::tan: return v * v + 1;
    case UnaryOp::asin: return rsqrt(1 - v * v);
    case UnaryOp::acos: return -rsqrt(1 - v * v);
    case UnaryOp::atan: return reciprocal(v * v + 1);
    case UnaryOp::sinh: return cosh(v);
    case UnaryOp::cosh: return sinh(v);
    case UnaryOp::tanh: return 1 - v * v;
    case UnaryOp::asinh: return rsqrt(v * v + 1);
    case UnaryOp::acosh: return rsqrt((v - 1) * (v + 1));
    case UnaryOp::atanh: return reciprocal(1 - v * v);
    case UnaryOp::erf: return exp(-(v * v)) * 1.12837916709551257390;
    case UnaryOp::erfc: return exp(-(v * v)) * -1.12837916709551257390;
    case UnaryOp::lgamma: return digamma(v);
    case UnaryOp::digamma: return polygamma(1, v);
    case UnaryOp::polygamma: return polygamma(static_cast<int>(p.first) + 1, v);
    case UnaryOp::nan_to_num: return indicator(isfinite(v), v);
    case UnaryOp::sigmoid: return v - v * v;
    case UnaryOp::relu: return indicator(gt(v, 0), v);
    case UnaryOp::silu: {
      const Tensor s = sigmoid(v);
      return s * (v * (1 - s) + 1);
    }
    case UnaryOp::leaky_relu: return indicator(gt(v, 0), v) * (1 - p.first) + p.first;
    case UnaryOp::elu: return one_above_zero(v, bounded_exp(v) * p.first);
    case UnaryOp::celu: return one_above_zero(v, bounded_exp(v / p.first));
    case UnaryOp::selu: return one_above_zero(v, bounded_exp(v) * 1.67326324235437728481) * 1.05070098735548049342;
    case UnaryOp::gelu: {
      const Tensor cdf = erf(v * 0.70710678118654752440) * 0.5 + 0.5, pdf = exp(v * v * -0.5) * 0.39894228040143267794;
      return cdf + v * pdf;
    }
    case UnaryOp::gelu_tanh: {
      const Tensor square = v * v, s = sigmoid(v * 1.59576912160573071176 * (square * 0.044715 + 1));
      return s + v * (s - s * s) * ((square * (3 * 0.044715) + 1) * 1.59576912160573071176);
    }
    case UnaryOp::softplus: {
      const Tensor scaled = v * p.first, linear = gt(scaled, p.second);
      return where(linear, indicator(linear, v), sigmoid(scaled));
    }
    case UnaryOp::mish: {
      const Tensor t = tanh(softplus(v));
      return t + v * sigmoid(v) * (1 - t * t);
    }
    case UnaryOp::logsigmoid: return sigmoid(-v);
    case UnaryOp::tanhshrink: return square(tanh(v));
    case UnaryOp::clamp: return indicator(ge(v, p.first), v) * indicator(le(v, p.second), v);
    case UnaryOp::relu6: return inside(v, 0, 6);
    case UnaryOp::hardtanh: return inside(v, p.first, p.second);
    case UnaryOp::hardsigmoid: return inside(v, -3, 3) / 6;
    case UnaryOp::hardswish: return inside(v, -3, 3) * ((v * 2 + 3) / 6) + indicator(ge(v, 3), v);
    case UnaryOp::threshold: return indicator(gt(v, p.first), v);
    case UnaryOp::hardshrink:
    case UnaryOp::softshrink: return 1 - indicator(ge(v, -p.first), v) * indicator(le(v, p.first), v);
    case UnaryOp::neg:
    case UnaryOp::sign:
    case UnaryOp::floor:
    case UnaryOp::ceil:
    case UnaryOp::round:
    case UnaryOp::trunc:
    case UnaryOp::frac: break;  // constant_slope
  }
  return {};
}

}  // namespace tasuki::detail
