#pragma once
#include <string_view>

#include "tasuki/core/error.hpp"
#include "tasuki/nn/attention.hpp"
#include "tasuki/nn/containers.hpp"
#include "tasuki/nn/dropout.hpp"
#include "tasuki/nn/linear.hpp"
#include "tasuki/nn/module.hpp"
#include "tasuki/nn/norm.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/unary.hpp"

namespace tasuki::nn {

enum class TransformerActivation : std::uint8_t { relu, gelu };

struct TransformerLayerOptions {
  std::int64_t feed_forward = 2048;  ///< width between the two linear layers
  double dropout = 0.1;
  TransformerActivation activation = TransformerActivation::relu;
  bool norm_first = false;  ///< normalize what goes into attention and feed-forward, instead of the sums that come out
  double eps = 1e-5;        ///< of the layer normalizations
  DType dtype = DType::f32;
  bool bias = true;         ///< of all linear and normalization layers
};

namespace detail {

/// The members of the layers, which register them as their own, in PyTorch's order.
struct SelfAttentionPart {
  MultiheadAttention self_attn;

 protected:
  SelfAttentionPart(Module* layer, std::int64_t width, std::int64_t heads, const TransformerLayerOptions& o)
      : self_attn(layer, "self_attn", width, heads, {.bias = o.bias, .dropout = o.dropout, .dtype = o.dtype}) {}
};

struct CrossAttentionPart {
  MultiheadAttention multihead_attn;

 protected:
  CrossAttentionPart(Module* layer, std::int64_t width, std::int64_t heads, const TransformerLayerOptions& o)
      : multihead_attn(layer, "multihead_attn", width, heads, {.bias = o.bias, .dropout = o.dropout, .dtype = o.dtype}) {}
};

/// The network on each position.
struct FeedForwardPart {
  Linear linear1;
  Dropout dropout;
  Linear linear2;

 protected:
  FeedForwardPart(Module* layer, std::int64_t width, const TransformerLayerOptions& o)
      : linear1(layer, "linear1", width, o.feed_forward, {.bias = o.bias, .dtype = o.dtype}),
        dropout(layer, "dropout", o.dropout),
        linear2(layer, "linear2", o.feed_forward, width, {.bias = o.bias, .dtype = o.dtype}),
        activation_(o.activation) {}
  Tensor feed_forward(const Tensor& h, SourceLocation at) const {
    const Tensor inner = linear1(h, at);
    return linear2(dropout(activation_ == TransformerActivation::relu ? relu(inner, at) : gelu(inner, at), at), at);
  }

 private:
  TransformerActivation activation_;
};

inline LayerNormOptions norm_options(const TransformerLayerOptions& o) { return {.eps = o.eps, .bias = o.bias, .dtype = o.dtype}; }

struct TransformerEncoderParts : SelfAttentionPart, FeedForwardPart {
  LayerNorm norm1, norm2;
  Dropout dropout1, dropout2;

 protected:
  TransformerEncoderParts(Module* layer, std::int64_t width, std::int64_t heads, const TransformerLayerOptions& o)
      : SelfAttentionPart(layer, width, heads, o),
        FeedForwardPart(layer, width, o),
        norm1(layer, "norm1", width, norm_options(o)),
        norm2(layer, "norm2", width, norm_options(o)),
        dropout1(layer, "dropout1", o.dropout),
        dropout2(layer, "dropout2", o.dropout) {}
};

struct TransformerDecoderParts : SelfAttentionPart, CrossAttentionPart, FeedForwardPart {
  LayerNorm norm1, norm2, norm3;
  Dropout dropout1, dropout2, dropout3;

 protected:
  TransformerDecoderParts(Module* layer, std::int64_t width, std::int64_t heads, const TransformerLayerOptions& o)
      : SelfAttentionPart(layer, width, heads, o),
        CrossAttentionPart(layer, width, heads, o),
        FeedForwardPart(layer, width, o),
        norm1(layer, "norm1", width, norm_options(o)),
        norm2(layer, "norm2", width, norm_options(o)),
        norm3(layer, "norm3", width, norm_options(o)),
        dropout1(layer, "dropout1", o.dropout),
        dropout2(layer, "dropout2", o.dropout),
        dropout3(layer, "dropout3", o.dropout) {}
};

/// x + branch(norm(x)), or norm(x + branch(x)); dropout ends the branch.
template <class Branch>
Tensor residual(const Tensor& x, const LayerNorm& norm, const Dropout& dropout, bool norm_first, SourceLocation at, Branch&& branch) {
  if (norm_first) return x + dropout(branch(norm(x, at)), at);
  return norm(x + dropout(branch(x), at), at);
}

}  // namespace detail

/// A layer of a transformer's encoder (Vaswani et al., 2017): attention of x [B, T, width] to itself, then a feed-forward network on each
/// position, each with a residual connection, dropout and layer normalization. Parameters have the names and layouts of PyTorch's module.
///
///     ts::nn::TransformerEncoderLayer layer{512, 8, {.dropout = 0, .norm_first = true}};
///     y = layer(x);
///     y = layer(x, mask, causal);      // as in MultiheadAttention
class TransformerEncoderLayer : public Module, public detail::TransformerEncoderParts {
 public:
  TransformerEncoderLayer(std::int64_t width, std::int64_t heads, const TransformerLayerOptions& o = {})
      : TransformerEncoderParts(this, width, heads, o), width_(width), heads_(heads), options_(o) {}
  TransformerEncoderLayer(Module* parent, std::string_view name, std::int64_t width, std::int64_t heads, const TransformerLayerOptions& o = {})
      : Module(parent, name), TransformerEncoderParts(this, width, heads, o), width_(width), heads_(heads), options_(o) {}

  Tensor operator()(const Tensor& x, const Tensor& mask = {}, bool causal = false, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    const bool first = options_.norm_first;
    const Tensor h = detail::residual(s.enter(x), norm1, dropout1, first, at, [&](const Tensor& t) { return self_attn(t, mask, causal, at); });
    return s.leave(detail::residual(h, norm2, dropout2, first, at, [&](const Tensor& t) { return feed_forward(t, at); }));
  }
  ModulePtr clone() const override { return clone_as(*this, width_, heads_, options_); }

 private:
  std::int64_t width_, heads_;
  TransformerLayerOptions options_;
};

struct TransformerDecoderMasks {
  Tensor self{};        ///< of x to itself, as in MultiheadAttention
  Tensor memory{};      ///< of x to the memory
  bool causal = false;  ///< position i of x sees positions 0 to i
};

/// A layer of a transformer's decoder: attention of x [B, T, width] to itself, then to what an encoder made, memory [B, S, width], then the
/// feed-forward network; else as TransformerEncoderLayer.
///
///     ts::nn::TransformerDecoderLayer layer{512, 8};
///     y = layer(x, memory, {.causal = true});
class TransformerDecoderLayer : public Module, public detail::TransformerDecoderParts {
 public:
  TransformerDecoderLayer(std::int64_t width, std::int64_t heads, const TransformerLayerOptions& o = {})
      : TransformerDecoderParts(this, width, heads, o), width_(width), heads_(heads), options_(o) {}
  TransformerDecoderLayer(Module* parent, std::string_view name, std::int64_t width, std::int64_t heads, const TransformerLayerOptions& o = {})
      : Module(parent, name), TransformerDecoderParts(this, width, heads, o), width_(width), heads_(heads), options_(o) {}

  Tensor operator()(const Tensor& x, const Tensor& memory, const TransformerDecoderMasks& masks = {}, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    const bool first = options_.norm_first;
    Tensor h = detail::residual(s.enter(x), norm1, dropout1, first, at, [&](const Tensor& t) { return self_attn(t, masks.self, masks.causal, at); });
    h = detail::residual(h, norm2, dropout2, first, at, [&](const Tensor& t) { return multihead_attn(t, memory, memory, masks.memory, false, at); });
    return s.leave(detail::residual(h, norm3, dropout3, first, at, [&](const Tensor& t) { return feed_forward(t, at); }));
  }
  ModulePtr clone() const override { return clone_as(*this, width_, heads_, options_); }

 private:
  std::int64_t width_, heads_;
  TransformerLayerOptions options_;
};

namespace detail {

/// `layers.0`, `layers.1`, ... and, where asked for, a last normalization `norm`, which layers with norm_first leave to do.
template <class Layer>
class TransformerStack : public Module {
 public:
  ModuleList layers{this, "layers"};

 protected:
  TransformerStack(std::int64_t width, std::int64_t heads, std::int64_t count, const TransformerLayerOptions& o, bool final_norm) { create(width, heads, count, o, final_norm); }
  TransformerStack(Module* parent, std::string_view name, std::int64_t width, std::int64_t heads, std::int64_t count, const TransformerLayerOptions& o, bool final_norm)
      : Module(parent, name) {
    create(width, heads, count, o, final_norm);
  }
  template <class... Rest>
  Tensor run(const Tensor& x, SourceLocation at, const Rest&... rest) const {
    Scope s{this};
    Tensor h = s.enter(x);
    for (std::size_t i = 0; i < layers.size(); ++i) h = layers.template at<Layer>(i)(h, rest..., at);
    return s.leave(norm_ ? (*norm_)(h, at) : h);
  }
  template <class Stack>
  ModulePtr copy_of(const Stack& stack) const {
    return clone_as(stack, width_, heads_, static_cast<std::int64_t>(layers.size()), options_, norm_ != nullptr);
  }

 private:
  void create(std::int64_t width, std::int64_t heads, std::int64_t count, const TransformerLayerOptions& o, bool final_norm) {
    TASUKI_CHECK_OP(ValueError, count, >=, 1, "the layers of a transformer");
    width_ = width;
    heads_ = heads;
    options_ = o;
    for (std::int64_t i = 0; i < count; ++i) layers.append(Layer{width, heads, o});
    if (final_norm) norm_ = &static_cast<LayerNorm&>(own("norm", ModulePtr(new LayerNorm(width, norm_options(o)))));
  }
  std::int64_t width_ = 0, heads_ = 0;
  TransformerLayerOptions options_;
  LayerNorm* norm_ = nullptr;  // owned as a child
};

}  // namespace detail

/// `count` encoder layers one after the other, and perhaps a last normalization. Unlike in PyTorch, where they are copies of one layer,
/// each starts from values of its own.
///
///     ts::nn::TransformerEncoder encoder{512, 8, 6, {.norm_first = true}, true};
class TransformerEncoder : public detail::TransformerStack<TransformerEncoderLayer> {
 public:
  TransformerEncoder(std::int64_t width, std::int64_t heads, std::int64_t count, const TransformerLayerOptions& o = {}, bool final_norm = false)
      : TransformerStack(width, heads, count, o, final_norm) {}
  TransformerEncoder(Module* parent, std::string_view name, std::int64_t width, std::int64_t heads, std::int64_t count, const TransformerLayerOptions& o = {},
                     bool final_norm = false)
      : TransformerStack(parent, name, width, heads, count, o, final_norm) {}
  Tensor operator()(const Tensor& x, const Tensor& mask = {}, bool causal = false, SourceLocation at = SourceLocation::current()) const {
    return run(x, at, mask, causal);
  }
  ModulePtr clone() const override { return copy_of(*this); }
};

/// The same of decoder layers, which all read one memory.
class TransformerDecoder : public detail::TransformerStack<TransformerDecoderLayer> {
 public:
  TransformerDecoder(std::int64_t width, std::int64_t heads, std::int64_t count, const TransformerLayerOptions& o = {}, bool final_norm = false)
      : TransformerStack(width, heads, count, o, final_norm) {}
  TransformerDecoder(Module* parent, std::string_view name, std::int64_t width, std::int64_t heads, std::int64_t count, const TransformerLayerOptions& o = {},
                     bool final_norm = false)
      : TransformerStack(parent, name, width, heads, count, o, final_norm) {}
  Tensor operator()(const Tensor& x, const Tensor& memory, const TransformerDecoderMasks& masks = {}, SourceLocation at = SourceLocation::current()) const {
    return run(x, at, memory, masks);
  }
  ModulePtr clone() const override { return copy_of(*this); }
};

}  // namespace tasuki::nn
