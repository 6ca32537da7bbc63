#pragma once
#include "tasuki/core/error.hpp"
#include "tasuki/nn/init.hpp"
#include "tasuki/nn/linear.hpp"
#include "tasuki/nn/module.hpp"
#include "tasuki/ops/attention.hpp"
#include "tasuki/ops/linear.hpp"
#include "tasuki/ops/rearrange.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/creation.hpp"

namespace tasuki::nn {

struct MultiheadAttentionOptions {
  bool bias = true;
  double dropout = 0;  ///< of the attention weights, in training
  DType dtype = DType::f32;
};

/// Attention of several heads (Vaswani et al., 2017): queries, keys and values are projected, each head attends over its share of the
/// features, and the heads' results are projected again. Batches come first: [B, T, width].
///
///     ts::nn::MultiheadAttention attend{this, "attend", 512, 8};
///     y = attend(x);                              // of x to itself
///     y = attend(x, mask);                        // bool: true where a query sees a key; or floating, added to the scores
///     y = attend(queries, memory, memory);
///
/// Mind that bool masks follow ts::scaled_dot_product_attention, and are the opposite of those of PyTorch's module. Parameters have the
/// names and layouts of PyTorch's module.
class MultiheadAttention : public Module {
 public:
  Parameter in_proj_weight{this, "in_proj_weight"}, in_proj_bias{this, "in_proj_bias"};
  Linear out_proj;

  MultiheadAttention(std::int64_t width, std::int64_t heads, const MultiheadAttentionOptions& options = {})
      : out_proj(this, "out_proj", width, width, {.bias = options.bias, .dtype = options.dtype}), heads_(heads), options_(options) {
    create(width);
  }
  MultiheadAttention(Module* parent, std::string_view name, std::int64_t width, std::int64_t heads, const MultiheadAttentionOptions& options = {})
      : Module(parent, name), out_proj(this, "out_proj", width, width, {.bias = options.bias, .dtype = options.dtype}), heads_(heads), options_(options) {
    create(width);
  }

  Tensor operator()(const Tensor& x, const Tensor& mask = {}, bool causal = false, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    const Tensor& input = s.enter(x);
    check(input, at);
    const Tensor qkv = linear(input, in_proj_weight, in_proj_bias, at).reshape({input.size(0), input.size(1), 3, heads_, head_width()});
    const std::vector<Tensor> parts = unbind(qkv, 2, at);
    return s.leave(attend(parts[0].transpose(1, 2), parts[1].transpose(1, 2), parts[2].transpose(1, 2), mask, causal, at));
  }
  Tensor operator()(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& mask = {}, bool causal = false,
                    SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    const Tensor& input = s.enter(query);
    for (const Tensor* t : {&input, &key, &value}) check(*t, at);
    const std::int64_t width = heads_ * head_width();
    const auto part = [&](const Tensor& x, std::int64_t which) {
      const Tensor weight = in_proj_weight.narrow(0, which * width, width), bias = options_.bias ? in_proj_bias.narrow(0, which * width, width) : Tensor();
      return linear(x, weight, bias, at).reshape({x.size(0), x.size(1), heads_, head_width()}).transpose(1, 2);
    };
    return s.leave(attend(part(input, 0), part(key, 1), part(value, 2), mask, causal, at));
  }
  ModulePtr clone() const override { return clone_as(*this, in_proj_weight.size(1), heads_, options_); }

 private:
  void create(std::int64_t width) {
    TASUKI_CHECK(ValueError, heads_ >= 1 && width % heads_ == 0, "MultiheadAttention was asked for ", heads_, " heads of ", width, " features");
    in_proj_weight = empty({3 * width, width}, {.dtype = options_.dtype});
    init::xavier_uniform_(in_proj_weight);
    if (!options_.bias) return;
    in_proj_bias = zeros({3 * width}, {.dtype = options_.dtype});
    init::zeros_(out_proj.bias);
  }
  std::int64_t head_width() const { return in_proj_weight.size(1) / heads_; }
  void check(const Tensor& x, SourceLocation at) const {
    if (x.ndim() == 3 && x.size(2) == in_proj_weight.size(1)) return;
    ShapeError error(tasuki::detail::concat({"expected  operands [batch, length, ", in_proj_weight.size(1), "]\nactual    ", x.shape()}));
    error.add_op(type_name(), path(), "x: " + x.describe(), at);
    throw error;
  }
  Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask, bool causal, SourceLocation at) const {
    const Tensor y = scaled_dot_product_attention(q, k, v, mask, {.dropout = is_training() ? options_.dropout : 0, .causal = causal}, at);
    return out_proj(y.transpose(1, 2).reshape({q.size(0), q.size(2), in_proj_weight.size(1)}), at);
  }
  std::int64_t heads_;
  MultiheadAttentionOptions options_;
};

}  // namespace tasuki::nn
