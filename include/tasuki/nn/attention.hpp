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
  std::int64_t kdim = 0, vdim = 0;  ///< features of keys and of values; 0: as many as queries have
};

/// Attention of several heads (Vaswani et al., 2017): queries, keys and values are projected, each head attends over its share of the
/// features, and the heads' results are projected again. Batches come first: [B, T, width].
///
///     ts::nn::MultiheadAttention attend{this, "attend", 512, 8};
///     y = attend(x);                              // of x to itself
///     y = attend(x, mask);                        // bool: true where a query sees a key; or floating, added to the scores
///     y = attend(queries, memory, memory);
///     y = attend(x, is_word.reshape({B, 1, 1, S}));   // is_word, bool [B, S]: false where a sequence is padded
///
/// Mind that bool masks follow ts::scaled_dot_product_attention, and are the opposite of those of PyTorch's module; one mask says what
/// attn_mask and key_padding_mask say there. Parameters have the names and layouts of PyTorch's module: in_proj_weight, or q_proj_weight,
/// k_proj_weight and v_proj_weight where keys or values have another width. The attention weights never exist as a whole, so they are not
/// returned; add_bias_kv and add_zero_attn are left out.
class MultiheadAttention : public Module {
 public:
  Parameter in_proj_weight{this, "in_proj_weight"}, q_proj_weight{this, "q_proj_weight"}, k_proj_weight{this, "k_proj_weight"}, v_proj_weight{this, "v_proj_weight"};
  Parameter in_proj_bias{this, "in_proj_bias"};
  Linear out_proj;

  MultiheadAttention(std::int64_t width, std::int64_t heads, const MultiheadAttentionOptions& options = {})
      : out_proj(this, "out_proj", width, width, {.bias = options.bias, .dtype = options.dtype}), width_(width), heads_(heads), options_(options) {
    create();
  }
  MultiheadAttention(Module* parent, std::string_view name, std::int64_t width, std::int64_t heads, const MultiheadAttentionOptions& options = {})
      : Module(parent, name), out_proj(this, "out_proj", width, width, {.bias = options.bias, .dtype = options.dtype}), width_(width), heads_(heads), options_(options) {
    create();
  }

  Tensor operator()(const Tensor& x, const Tensor& mask = {}, bool causal = false, SourceLocation at = SourceLocation::current()) const {
    if (!in_proj_weight.defined()) return (*this)(x, x, x, mask, causal, at);
    Scope s{this};
    const Tensor& input = s.enter(x);
    check(input, width_, at);
    const Tensor qkv = linear(input, in_proj_weight, in_proj_bias, at).reshape({input.size(0), input.size(1), 3, heads_, width_ / heads_});
    const std::vector<Tensor> parts = unbind(qkv, 2, at);
    return s.leave(attend(parts[0].transpose(1, 2), parts[1].transpose(1, 2), parts[2].transpose(1, 2), mask, causal, at));
  }
  Tensor operator()(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& mask = {}, bool causal = false,
                    SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    const Tensor& input = s.enter(query);
    const Tensor q = projected(input, 0, width_, q_proj_weight, at), k = projected(key, 1, key_width(), k_proj_weight, at);
    return s.leave(attend(q, k, projected(value, 2, value_width(), v_proj_weight, at), mask, causal, at));
  }
  ModulePtr clone() const override { return clone_as(*this, width_, heads_, options_); }

 private:
  void create() {
    TASUKI_CHECK(ValueError, heads_ >= 1 && width_ % heads_ == 0, "MultiheadAttention was asked for ", heads_, " heads of ", width_, " features");
    if (!(options_.dropout >= 0 && options_.dropout <= 1))
      TASUKI_THROW(ValueError, "MultiheadAttention was asked for the dropout ", options_.dropout, "; it is a probability, 0 to 1");
    if (options_.kdim < 0 || options_.vdim < 0)
      TASUKI_THROW(ValueError, "MultiheadAttention was asked for keys of ", options_.kdim, " and values of ", options_.vdim, " features; 0 stands for as many as queries have");
    const auto weight = [&](Parameter& p, std::int64_t rows, std::int64_t columns) {
      p = empty({rows, columns}, {.dtype = options_.dtype});
      init::xavier_uniform_(p);
    };
    if (key_width() == width_ && value_width() == width_) {
      weight(in_proj_weight, 3 * width_, width_);
    } else {
      weight(q_proj_weight, width_, width_);
      weight(k_proj_weight, width_, key_width());
      weight(v_proj_weight, width_, value_width());
    }
    if (!options_.bias) return;
    in_proj_bias = zeros({3 * width_}, {.dtype = options_.dtype});
    init::zeros_(out_proj.bias);
  }
  std::int64_t key_width() const { return options_.kdim > 0 ? options_.kdim : width_; }
  std::int64_t value_width() const { return options_.vdim > 0 ? options_.vdim : width_; }
  /// Queries, keys or values (part 0 to 2) as heads.
  Tensor projected(const Tensor& x, std::int64_t part, std::int64_t features, const Tensor& own_weight, SourceLocation at) const {
    check(x, features, at);
    const Tensor weight = own_weight.defined() ? own_weight : in_proj_weight.narrow(0, part * width_, width_);
    const Tensor bias = options_.bias ? in_proj_bias.narrow(0, part * width_, width_) : Tensor();
    return linear(x, weight, bias, at).reshape({x.size(0), x.size(1), heads_, width_ / heads_}).transpose(1, 2);
  }
  void check(const Tensor& x, std::int64_t features, SourceLocation at) const {
    if (x.ndim() == 3 && x.size(2) == features) return;
    ShapeError error(tasuki::detail::concat({"expected  operands [batch, length, ", features, "]\nactual    ", x.shape()}));
    error.add_op(type_name(), path(), "x: " + x.describe(), at);
    throw error;
  }
  Tensor attend(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask, bool causal, SourceLocation at) const {
    const Tensor y = scaled_dot_product_attention(q, k, v, mask, {.dropout = is_training() ? options_.dropout : 0, .causal = causal}, at);
    return out_proj(y.transpose(1, 2).reshape({q.size(0), q.size(2), width_}), at);
  }
  std::int64_t width_, heads_;
  MultiheadAttentionOptions options_;
};

}  // namespace tasuki::nn
