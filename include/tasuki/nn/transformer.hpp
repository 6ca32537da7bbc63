#pragma once
#include "tasuki/nn/attention.hpp"
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
};

namespace detail {

/// The members of a TransformerEncoderLayer, which registers them as its own.
struct TransformerEncoderParts {
  MultiheadAttention self_attn;
  Linear linear1;
  Dropout dropout;
  Linear linear2;
  LayerNorm norm1, norm2;
  Dropout dropout1, dropout2;

 protected:
  TransformerEncoderParts(Module* layer, std::int64_t width, std::int64_t heads, const TransformerLayerOptions& o)
      : self_attn(layer, "self_attn", width, heads, {.dropout = o.dropout, .dtype = o.dtype}),
        linear1(layer, "linear1", width, o.feed_forward, {.dtype = o.dtype}),
        dropout(layer, "dropout", o.dropout),
        linear2(layer, "linear2", o.feed_forward, width, {.dtype = o.dtype}),
        norm1(layer, "norm1", width, {.eps = o.eps, .dtype = o.dtype}),
        norm2(layer, "norm2", width, {.eps = o.eps, .dtype = o.dtype}),
        dropout1(layer, "dropout1", o.dropout),
        dropout2(layer, "dropout2", o.dropout) {}
};

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
    const Tensor& input = s.enter(x);
    const auto attended = [&](const Tensor& h) { return dropout1(self_attn(h, mask, causal, at), at); };
    const auto fed = [&](const Tensor& h) {
      const Tensor inner = linear1(h, at);
      return dropout2(linear2(dropout(options_.activation == TransformerActivation::relu ? relu(inner, at) : gelu(inner, at), at), at), at);
    };
    if (options_.norm_first) {
      const Tensor h = input + attended(norm1(input, at));
      return s.leave(h + fed(norm2(h, at)));
    }
    const Tensor h = norm1(input + attended(input), at);
    return s.leave(norm2(h + fed(h), at));
  }
  ModulePtr clone() const override { return clone_as(*this, width_, heads_, options_); }

 private:
  std::int64_t width_, heads_;
  TransformerLayerOptions options_;
};

}  // namespace tasuki::nn
