#include "benchmarks/ops/cases.hpp"
#include "tasuki/ops/activation.hpp"
#include "tasuki/ops/addcmul.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/bitwise.hpp"
#include "tasuki/ops/compare.hpp"
#include "tasuki/ops/unary.hpp"

namespace tasuki::benchmark {
namespace {

/// Where a unary op is defined, and ordinary.
Operand domain(const std::string& op) {
  if (op == "acosh") return {1.1, 4};
  for (const char* name : {"asin", "acos", "atanh"})
    if (op == name) return {-0.95, 0.95};
  if (op == "tan") return {-1.2, 1.2};
  if (op == "log1p") return {-0.7, 3};
  for (const char* name : {"log", "sqrt", "rsqrt", "reciprocal", "log2", "log10", "lgamma", "digamma"})
    if (op == name) return {0.3, 4};
  return {};
}

}  // namespace

std::vector<Case> elementwise_cases(const Sizes& s) {
  const Operand any{}, positive{0.3, 4}, row{-2, 2, {Sizes::columns}}, column{-2, 2, {s.rows, 1}};
  const Operand wholes{-100, 100, {256, Sizes::columns}, Kind::index}, shifts{0, 60, {256, Sizes::columns}, Kind::index};
  std::vector<Case> cases{
#define TASUKI_UNARY(op) {#op, {domain(#op)}, OF(op(in[0]))},
#include "tasuki/tensor/unary_names.inc"
#include "tasuki/ops/unary_functions.inc"
#undef TASUKI_UNARY
      {"polygamma", {positive}, OF(polygamma(1, in[0]))},
      {"nan_to_num", {any}, OF(nan_to_num(in[0]))},
      {"leaky_relu", {any}, OF(leaky_relu(in[0]))},
      {"elu", {any}, OF(elu(in[0]))},
      {"celu", {any}, OF(celu(in[0], 1.25))},
      {"hardtanh", {any}, OF(hardtanh(in[0]))},
      {"softshrink", {any}, OF(softshrink(in[0]))},
      {"softplus", {any}, OF(softplus(in[0]))},
      {"clamp", {any}, OF(clamp(in[0], -1, 1))},
      {"clamp_min", {any}, OF(clamp_min(in[0], -1))},
      {"clamp_max", {any}, OF(clamp_max(in[0], 1))},
      {"softsign", {any}, OF(softsign(in[0]))},
      {"hardshrink", {any}, OF(hardshrink(in[0]))},
      {"threshold", {any}, OF(threshold(in[0], 0.25, -1))},
      {"glu", {any}, OF(glu(in[0]))},
      {"isclose", {any, any}, OF(isclose(in[0], in[1])), no_backward},
      {"prelu", {{-2, 2, s.images()}, {0, 1, {32}}}, OF(prelu(in[0], in[1]))},
      {"add a row", {any, row}, OF(in[0] + in[1])},
      {"add a column", {any, column}, OF(in[0] + in[1])},
      {"add transposed", {any, {-2, 2, {Sizes::columns, s.rows}}}, OF(in[0] + in[1].t())},
      {"mul by a number", {any}, OF(in[0] * 1.5)},
      {"mul by a row", {any, row}, OF(in[0] * in[1])},
      {"div", {any, positive}, OF(in[0] / in[1])},
      {"pow", {positive, any}, OF(pow(in[0], in[1]))},
      {"pow of a number", {positive}, OF(pow(in[0], 1.7))},
      {"rrelu", {any}, OF(rrelu(in[0], {}, true)), is_random},
      {"floor_divide", {any, positive}, OF(floor_divide(in[0], in[1])), no_backward},
      {"fmod", {any, positive}, OF(fmod(in[0], in[1]))},
      {"remainder", {any, positive}, OF(remainder(in[0], in[1]))},
      {"lerp", {any, any}, OF(lerp(in[0], in[1], 0.3))},
      {"addcmul", {any, any, any}, OF(addcmul(in[0], in[1], in[2], 0.5))},
      {"addcdiv", {any, any, positive}, OF(addcdiv(in[0], in[1], in[2], 0.5))},
      {"where", {any, any}, OF(where(in[0].detach().gt(0), in[0], in[1]))},
      {"masked_fill", {any}, OF(masked_fill(in[0], in[0].detach().gt(0), 0.5))},
      {"isnan", {any}, OF(isnan(in[0])), no_backward},
      {"isinf", {any}, OF(isinf(in[0])), no_backward},
      {"isfinite", {any}, OF(isfinite(in[0])), no_backward},
      {"logical_not", {any}, OF(logical_not(in[0])), no_backward},
      {"bitwise_not", {wholes}, OF(bitwise_not(in[0])), no_backward | of_integers},
      {"bitwise_left_shift", {wholes, shifts}, OF(bitwise_left_shift(in[0], in[1])), no_backward | of_integers},
      {"bitwise_right_shift", {wholes, shifts}, OF(bitwise_right_shift(in[0], in[1])), no_backward | of_integers},
  };
#define BINARY(op) cases.push_back({#op, {any, any}, OF(op(in[0], in[1]))});
  BINARY(add) BINARY(sub) BINARY(mul) BINARY(maximum) BINARY(minimum) BINARY(atan2) BINARY(hypot) BINARY(logaddexp)
#undef BINARY
#define COMPARISON(op) cases.push_back({#op, {any, any}, OF(op(in[0], in[1])), no_backward});
  COMPARISON(eq) COMPARISON(ne) COMPARISON(lt) COMPARISON(le) COMPARISON(gt) COMPARISON(ge)
  COMPARISON(logical_and) COMPARISON(logical_or) COMPARISON(logical_xor)
#undef COMPARISON
#define BITWISE(op) cases.push_back({#op, {wholes, wholes}, OF(op(in[0], in[1])), no_backward | of_integers});
  BITWISE(bitwise_and) BITWISE(bitwise_or) BITWISE(bitwise_xor)
#undef BITWISE
  return cases;
}

}  // namespace tasuki::benchmark
