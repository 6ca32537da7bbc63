#include "tests/numerics/ops.hpp"

#include "tasuki/ops/activation.hpp"
#include "tasuki/ops/addcmul.hpp"
#include "tasuki/ops/aggregate.hpp"
#include "tasuki/ops/attention.hpp"
#include "tasuki/ops/batch_norm.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/bitwise.hpp"
#include "tasuki/ops/cat.hpp"
#include "tasuki/ops/compare.hpp"
#include "tasuki/ops/conv.hpp"
#include "tasuki/ops/cross_entropy.hpp"
#include "tasuki/ops/embedding.hpp"
#include "tasuki/ops/gather.hpp"
#include "tasuki/ops/group_norm.hpp"
#include "tasuki/ops/histogram.hpp"
#include "tasuki/ops/index_select.hpp"
#include "tasuki/ops/interpolate.hpp"
#include "tasuki/ops/layer_norm.hpp"
#include "tasuki/ops/linear.hpp"
#include "tasuki/ops/matmul.hpp"
#include "tasuki/ops/mse_loss.hpp"
#include "tasuki/ops/nll_loss.hpp"
#include "tasuki/ops/pool.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/rotary_embedding.hpp"
#include "tasuki/ops/softmax.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/ops/view.hpp"

namespace tasuki::numerics {
namespace {

Tensor optional(In in, std::size_t i) { return i < in.size() ? in[i] : Tensor(); }
Reduction reduction_of(double v) { return v == 0 ? Reduction::mean : v == 1 ? Reduction::sum : Reduction::none; }

Out conv_call(In in, Attributes a) {
  const int n = in[0].ndim() - 2;
  const bool same = a.back() != 0;
  const ConvOptions o{.stride = numbers(a, 0, n), .padding = same ? same_padding : numbers(a, 1, n), .dilation = numbers(a, 2, n), .groups = whole(a[a.size() - 2])};
  return {(n == 1 ? conv1d : n == 2 ? conv2d : conv3d)(in[0], in[1], optional(in, 2), o, SourceLocation::current())};
}
Out conv_transpose_call(In in, Attributes a) {
  const int n = in[0].ndim() - 2;
  const ConvTransposeOptions o{
      .stride = numbers(a, 0, n), .padding = numbers(a, 1, n), .output_padding = numbers(a, 2, n), .dilation = numbers(a, 3, n), .groups = whole(a.back())};
  return {(n == 1 ? conv_transpose1d : n == 2 ? conv_transpose2d : conv_transpose3d)(in[0], in[1], optional(in, 2), o, SourceLocation::current())};
}
Out max_pool_call(In in, Attributes a) {
  const int n = in[0].ndim() - 2;
  const MaxPoolOptions o{.stride = numbers(a, 1, n), .padding = numbers(a, 2, n), .dilation = numbers(a, 3, n), .ceil_mode = a.back() != 0};
  return {(n == 1 ? max_pool1d : n == 2 ? max_pool2d : max_pool3d)(in[0], numbers(a, 0, n), o, SourceLocation::current())};
}
Out avg_pool_call(In in, Attributes a) {
  const int n = in[0].ndim() - 2;
  const AvgPoolOptions o{.stride = numbers(a, 1, n), .padding = numbers(a, 2, n), .ceil_mode = a[a.size() - 2] != 0, .count_include_pad = a.back() != 0};
  return {(n == 1 ? avg_pool1d : n == 2 ? avg_pool2d : avg_pool3d)(in[0], numbers(a, 0, n), o, SourceLocation::current())};
}
Out adaptive_avg_pool_call(In in, Attributes a) {
  const int n = in[0].ndim() - 2;
  return {(n == 1 ? adaptive_avg_pool1d : n == 2 ? adaptive_avg_pool2d : adaptive_avg_pool3d)(in[0], numbers(a, 0, n), SourceLocation::current())};
}
Out batch_norm_call(In in, Attributes a) {
  const Tensor mean = in[1].clone(), var = in[2].clone();  // training writes into them
  Tensor y = batch_norm(in[0], mean, var, optional(in, 3), optional(in, 4), {.training = a[0] != 0, .momentum = a[1], .eps = a[2]});
  return {y, mean, var};
}
Shape last_sizes(const Tensor& x, double count) {
  Shape sizes;
  for (int d = x.ndim() - small(count); d < x.ndim(); ++d) sizes.push_back(x.size(d));
  return sizes;
}
Out layer_norm_call(In in, Attributes a) {
  return {layer_norm(in[0], last_sizes(in[0], a[0]), optional(in, 1), optional(in, 2), a[1])};
}
Out cross_entropy_call(In in, Attributes a) {
  return {cross_entropy(in[0], in[1], {.label_smoothing = a[1], .weight = optional(in, 2), .reduction = reduction_of(a[0])})};
}

Out var_mean_call(In in, Attributes a) {
  const auto [var, mean] = var_mean(in[0], whole(a[0]), {.keepdim = a[1] != 0});
  return {var, mean};
}
Out std_mean_call(In in, Attributes a) {
  const auto [std, mean] = std_mean(in[0], whole(a[0]), {.keepdim = a[1] != 0});
  return {std, mean};
}
Out aminmax_call(In in, Attributes a) {
  const auto [min, max] = aminmax(in[0], whole(a[0]), a[1] != 0);
  return {min, max};
}

Calls named_calls() {
  return {
#define TASUKI_UNARY(name) {#name, ONE(name(in[0]))},
#include "tasuki/tensor/unary_names.inc"
#include "tasuki/ops/unary_functions.inc"
#undef TASUKI_UNARY
      {"celu", ONE(celu(in[0], a[0]))},
      {"softshrink", ONE(softshrink(in[0], a[0]))},
      {"hardtanh", ONE(hardtanh(in[0], -a[0], a[0]))},
      {"leaky_relu", ONE(leaky_relu(in[0], a[0]))},
      {"elu", ONE(elu(in[0], a[0]))},
      {"softplus", ONE(softplus(in[0], a[0]))},
      {"clamp", ONE(clamp(in[0], a[0], a[1]))},
      {"clamp_min", ONE(clamp_min(in[0], -a[0]))},
      {"clamp_max", ONE(clamp_max(in[0], a[0]))},
      {"softsign", ONE(softsign(in[0]))},
      {"hardshrink", ONE(hardshrink(in[0], a[0]))},
      {"threshold", ONE(threshold(in[0], a[0], a[1]))},
      {"softmin", ONE(softmin(in[0], 0))},
      {"glu", ONE(glu(in[0], 1))},
      {"isclose", ONE(isclose(in[0], in[1], {.rtol = 0.3, .atol = 0.2}))},
      {"add", ONE(in[0] + in[1])},
      {"sub", ONE(in[0] - in[1])},
      {"mul", ONE(in[0] * in[1])},
      {"div", ONE(in[0] / in[1])},
      {"pow", ONE(pow(in[0], in[1]))},
      {"fmod", ONE(fmod(in[0], in[1]))},
      {"floor_divide", ONE(floor_divide(in[0], in[1]))},
      {"rrelu", ONE(rrelu(in[0], {.lower = a[0], .upper = a[1]}, a[2] != 0))},
      {"remainder", ONE(remainder(in[0], in[1]))},
      {"atan2", ONE(atan2(in[0], in[1]))},
      {"hypot", ONE(hypot(in[0], in[1]))},
      {"logaddexp", ONE(logaddexp(in[0], in[1]))},
      {"lerp", ONE(lerp(in[0], in[1], a[0]))},
      {"maximum", ONE(maximum(in[0], in[1]))},
      {"minimum", ONE(minimum(in[0], in[1]))},
      {"add_number", ONE(in[0] + a[0])},
      {"sub_number", ONE(in[0] - a[0])},
      {"mul_number", ONE(in[0] * a[0])},
      {"div_number", ONE(in[0] / a[0])},
      {"pow_number", ONE(pow(in[0], a[0]))},
      {"number_sub", ONE(a[0] - in[0])},
      {"number_div", ONE(a[0] / in[0])},
      {"polygamma", ONE(polygamma(small(a[0]), in[0]))},
      {"nan_to_num", ONE(nan_to_num(in[0], a[0], a[1], a[2]))},
      {"prelu", ONE(prelu(in[0], in[1]))},
      {"addcmul", ONE(addcmul(in[0], in[1], in[2], a[0]))},
      {"addcdiv", ONE(addcdiv(in[0], in[1], in[2], a[0]))},
      {"logical_and", ONE(logical_and(in[0], in[1]))},
      {"logical_or", ONE(logical_or(in[0], in[1]))},
      {"logical_xor", ONE(logical_xor(in[0], in[1]))},
      {"logical_not", ONE(logical_not(in[0]))},
      {"bitwise_and", ONE(bitwise_and(in[0], in[1]))},
      {"bitwise_or", ONE(bitwise_or(in[0], in[1]))},
      {"bitwise_xor", ONE(bitwise_xor(in[0], in[1]))},
      {"bitwise_not", ONE(bitwise_not(in[0]))},
      {"bitwise_left_shift", ONE(bitwise_left_shift(in[0], in[1]))},
      {"bitwise_right_shift", ONE(bitwise_right_shift(in[0], in[1]))},
      {"histc", ONE(histc(in[0], whole(a[0]), a[1], a[2]))},
      {"where", ONE(where(in[0], in[1], in[2]))},
      {"isnan", ONE(isnan(in[0]))},
      {"isinf", ONE(isinf(in[0]))},
      {"isfinite", ONE(isfinite(in[0]))},
      {"masked_fill", ONE(masked_fill(in[0], in[1], a[0]))},
      {"to", ONE(in[0].to(a[0] == 0 ? f32 : a[0] == 1 ? f64 : a[0] == 2 ? bf16 : f16).to(in[0].dtype()))},
      {"clone", ONE(in[0].clone())},
      {"contiguous", ONE(in[0].transpose(0, -1).contiguous())},
      {"gt", ONE(gt(in[0], in[1]))},
      {"le", ONE(le(in[0], in[1]))},
      {"eq", ONE(eq(in[0], in[1]))},
      {"ne", ONE(ne(in[0], in[1]))},
      {"lt", ONE(lt(in[0], in[1]))},
      {"ge", ONE(ge(in[0], in[1]))},
      {"sum", ONE(sum(in[0], rest(a, 1), a[0] != 0))},
      {"mean", ONE(mean(in[0], rest(a, 1), a[0] != 0))},
      {"var", ONE(var(in[0], rest(a, 2), {.correction = whole(a[1]), .keepdim = a[0] != 0}))},
      {"sum_of_all", ONE(sum(in[0]))},
      {"mean_of_all", ONE(mean(in[0]))},
      {"max_of_all", ONE(max(in[0]))},
      {"min_of_all", ONE(min(in[0]))},
      {"amax", ONE(amax(in[0], rest(a, 1), a[0] != 0))},
      {"amin", ONE(amin(in[0], rest(a, 1), a[0] != 0))},
      {"normalize", ONE(normalize(in[0], {.p = a[0], .dim = small(a[1])}))},
      {"var_mean", var_mean_call},
      {"std_mean", std_mean_call},
      {"aminmax", aminmax_call},
      {"nansum", ONE(nansum(in[0], whole(a[0]), a[1] != 0))},
      {"nanmean", ONE(nanmean(in[0], whole(a[0]), a[1] != 0))},
      {"sum_to", ONE(sum_to(in[0], rest(a, 0)))},
      {"max",
       [](In in, Attributes a) -> Out {
         const ExtremumResult r = max(in[0], small(a[0]), a[1] != 0);
         return {r.values, r.indices};
       }},
      {"min",
       [](In in, Attributes a) -> Out {
         const ExtremumResult r = min(in[0], small(a[0]), a[1] != 0);
         return {r.values, r.indices};
       }},
      {"argmax", ONE(argmax(in[0], small(a[0]), a[1] != 0))},
      {"argmin", ONE(argmin(in[0], small(a[0]), a[1] != 0))},
      {"matmul", ONE(matmul(in[0], in[1]))},
      {"linear", ONE(linear(in[0], in[1], optional(in, 2)))},
      {"conv1d", conv_call},
      {"conv2d", conv_call},
      {"conv3d", conv_call},
      {"conv_transpose1d", conv_transpose_call},
      {"conv_transpose2d", conv_transpose_call},
      {"conv_transpose3d", conv_transpose_call},
      {"max_pool1d", max_pool_call},
      {"max_pool2d", max_pool_call},
      {"max_pool3d", max_pool_call},
      {"avg_pool1d", avg_pool_call},
      {"avg_pool2d", avg_pool_call},
      {"avg_pool3d", avg_pool_call},
      {"adaptive_avg_pool1d", adaptive_avg_pool_call},
      {"adaptive_avg_pool2d", adaptive_avg_pool_call},
      {"adaptive_avg_pool3d", adaptive_avg_pool_call},
      {"interpolate", ONE(interpolate(in[0], {.size = rest(a, 2), .mode = static_cast<Interpolation>(small(a[0])), .align_corners = a[1] != 0}))},
      {"interpolate_by_scale", ONE(interpolate(in[0], {.scale = a[1], .mode = static_cast<Interpolation>(small(a[0]))}))},
      {"batch_norm", batch_norm_call},
      {"layer_norm", layer_norm_call},
      {"rms_norm", ONE(rms_norm(in[0], last_sizes(in[0], a[0]), optional(in, 1), a[1]))},
      {"group_norm", ONE(group_norm(in[0], whole(a[0]), optional(in, 1), optional(in, 2), a[1]))},
      {"instance_norm", ONE(instance_norm(in[0], optional(in, 1), optional(in, 2), a[0]))},
      {"softmax", ONE(softmax(in[0], small(a[0])))},
      {"log_softmax", ONE(log_softmax(in[0], small(a[0])))},
      {"scaled_dot_product_attention", ONE(scaled_dot_product_attention(in[0], in[1], in[2], optional(in, 3), {.causal = a[0] != 0, .scale = a[1]}))},
      {"rotary_embedding", ONE(rotary_embedding(in[0], in[1], in[2], a[0] != 0))},
      {"cross_entropy", cross_entropy_call},
      {"nll_loss", ONE(nll_loss(in[0], in[1], {.ignore_index = whole(a[1]), .weight = optional(in, 2), .reduction = reduction_of(a[0])}))},
      {"mse_loss", ONE(mse_loss(in[0], in[1], reduction_of(a[0])))},
      {"embedding", ONE(embedding(in[0], in[1], {.padding_idx = whole(a[0])}))},
      {"cat", ONE(cat(in, small(a[0])))},
      {"stack", ONE(stack(in, small(a[0])))},
      {"hstack", ONE(hstack(in))},
      {"vstack", ONE(vstack(in))},
      {"gather", ONE(gather(in[0], small(a[0]), in[1]))},
      {"index_select", ONE(index_select(in[0], small(a[0]), in[1]))},
      {"transpose", ONE(in[0].transpose(small(a[0]), small(a[1])))},
      {"permute", ONE(in[0].permute(rest(a, 0)))},
      {"movedim", ONE(movedim(in[0], whole(a[0]), whole(a[1])))},
      {"unflatten", ONE(unflatten(in[0], 1, {whole(a[0]), -1}))},
      {"reshape", ONE(in[0].transpose(0, 2).reshape({whole(a[0]), -1}))},
      {"slice", ONE(in[0].slice(small(a[0]), whole(a[1]), whole(a[2]), whole(a[3])))},
      {"flatten", ONE(in[0].flatten(small(a[0]), small(a[1])))},
      {"select", ONE(in[0].select(small(a[0]), whole(a[1])))},
      {"narrow", ONE(in[0].narrow(small(a[0]), whole(a[1]), whole(a[2])))},
      {"squeeze", ONE(a.empty() ? in[0].squeeze() : in[0].squeeze(small(a[0])))},
      {"unsqueeze", ONE(in[0].unsqueeze(small(a[0])))},
      {"expand", ONE(in[0].expand(rest(a, 0)))},
      {"unfold", ONE(in[0].unfold(small(a[0]), whole(a[1]), whole(a[2])))},
      {"diagonal", ONE(in[0].diagonal(whole(a[0]), small(a[1]), small(a[2])))},
  };
}

}  // namespace

const Calls& calls() {
  static const Calls table = [] {
    Calls table = named_calls();
    add_loss_calls(table);
    add_rearranging_calls(table);
    add_sampling_calls(table);
    return table;
  }();
  return table;
}

}  // namespace tasuki::numerics
