#pragma once
#include <string_view>

#include "tasuki/core/error.hpp"
#include "tasuki/nn/containers.hpp"
#include "tasuki/nn/dropout.hpp"
#include "tasuki/nn/embedding.hpp"
#include "tasuki/nn/init.hpp"
#include "tasuki/nn/norm.hpp"
#include "tasuki/ops/attention.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/linear.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/creation.hpp"

namespace tasuki::models {

/// The sizes of a GPT-2. The defaults are the smallest of the published ones.
struct GPT2Options {
  std::int64_t vocabulary = 50257, context = 1024;  ///< tokens that it knows, and that it sees at once
  std::int64_t layers = 12, heads = 12, width = 768;
  double dropout = 0.1;  ///< of embeddings, attention weights and what each block adds
  double eps = 1e-5;     ///< of the layer normalizations
};

inline GPT2Options gpt2_small() { return {}; }                                             ///< 124,439,808 parameters
inline GPT2Options gpt2_medium() { return {.layers = 24, .heads = 16, .width = 1024}; }  ///< 354,823,168
inline GPT2Options gpt2_large() { return {.layers = 36, .heads = 20, .width = 1280}; }   ///< 774,030,080
inline GPT2Options gpt2_xl() { return {.layers = 48, .heads = 25, .width = 1600}; }      ///< 1,557,611,200

namespace gpt2 {

/// y = x weight + bias. The weight is [in, out], as in the published files, and not [out, in] as in nn::Linear.
class Projection : public nn::Module {
 public:
  nn::Parameter weight{this, "weight"}, bias{this, "bias"};

  Projection(Module* parent, std::string_view name, std::int64_t in, std::int64_t out, double std) : Module(parent, name) {
    weight = empty({in, out});
    bias = zeros({out});
    nn::init::normal_(weight, 0, std);
  }
  Tensor operator()(const Tensor& x) const {
    nn::Scope s{this};
    return s.leave(linear(s.enter(x), weight.t(), bias));
  }
};

inline constexpr double initial_std = 0.02;
/// Projections onto the residual stream start smaller, so that the sum over all blocks does not grow with their number.
inline double residual_std(const GPT2Options& o) { return initial_std / __builtin_sqrt(2.0 * static_cast<double>(o.layers)); }

class CausalSelfAttention : public nn::Module {
 public:
  Projection c_attn, c_proj;

  CausalSelfAttention(Module* parent, std::string_view name, const GPT2Options& o)
      : Module(parent, name), c_attn(this, "c_attn", o.width, 3 * o.width, initial_std), c_proj(this, "c_proj", o.width, o.width, residual_std(o)),
        heads_(o.heads), dropout_(o.dropout) {}
  Tensor operator()(const Tensor& x) const {
    nn::Scope s{this};
    const Tensor& input = s.enter(x);
    const std::int64_t batch = input.size(0), length = input.size(1), width = input.size(2);
    const Tensor qkv = c_attn(input).reshape({batch, length, 3, heads_, width / heads_});
    const auto heads = [&](std::int64_t which) { return qkv.select(2, which).transpose(1, 2); };  // [batch, heads, length, width / heads]
    const Tensor y = scaled_dot_product_attention(heads(0), heads(1), heads(2), {}, {.dropout = is_training() ? dropout_ : 0, .causal = true});
    return s.leave(c_proj(y.transpose(1, 2).reshape({batch, length, width})));
  }

 private:
  std::int64_t heads_;
  double dropout_;
};

class FeedForward : public nn::Module {
 public:
  Projection c_fc, c_proj;

  FeedForward(Module* parent, std::string_view name, const GPT2Options& o)
      : Module(parent, name), c_fc(this, "c_fc", o.width, 4 * o.width, initial_std), c_proj(this, "c_proj", 4 * o.width, o.width, residual_std(o)) {}
  Tensor operator()(const Tensor& x) const {
    nn::Scope s{this};
    return s.leave(c_proj(gelu_tanh(c_fc(s.enter(x)))));
  }
};

class Block : public nn::Module {
 public:
  nn::LayerNorm ln_1;
  CausalSelfAttention attn;
  nn::LayerNorm ln_2;
  FeedForward mlp;
  nn::Dropout drop;

  explicit Block(const GPT2Options& o)
      : ln_1(this, "ln_1", o.width, {.eps = o.eps}), attn(this, "attn", o), ln_2(this, "ln_2", o.width, {.eps = o.eps}), mlp(this, "mlp", o),
        drop(this, "drop", o.dropout), options_(o) {}
  Tensor operator()(const Tensor& x) const {
    nn::Scope s{this};
    const Tensor& input = s.enter(x);
    const Tensor h = input + drop(attn(ln_1(input)));
    return s.leave(h + drop(mlp(ln_2(h))));
  }
  nn::ModulePtr clone() const override { return clone_as(*this, options_); }

 private:
  GPT2Options options_;
};

}  // namespace gpt2

/// GPT-2 (Radford et al., "Language Models are Unsupervised Multitask Learners", 2019): a decoder of transformer blocks with the
/// normalization first. Tokens [batch, length] (i64 or i32) give logits [batch, length, vocabulary]; the output layer is the token
/// embedding, transposed.
///
///     ts::models::GPT2 net{ts::models::gpt2_small()};
///     ts::load(net, "gpt2.safetensors", {.strict = false});    // the published weights; their masks (h.*.attn.bias) are not parameters
///     auto loss = ts::cross_entropy(net(x).flatten(0, 1), t.flatten());
///
/// Parameters have the names and layouts of the published files. They start as those did: normal with standard deviation 0.02,
/// smaller on the way into the residual stream, biases zero. Throws ShapeError for sequences longer than the context.
class GPT2 : public nn::Module {
 public:
  nn::Embedding wte, wpe;  ///< of tokens and of positions
  nn::Dropout drop;
  nn::ModuleList h{this, "h"};
  nn::LayerNorm ln_f;

  explicit GPT2(const GPT2Options& o = {})
      : wte(this, "wte", o.vocabulary, o.width), wpe(this, "wpe", o.context, o.width), drop(this, "drop", o.dropout),
        ln_f(this, "ln_f", o.width, {.eps = o.eps}), options_(o) {
    TASUKI_CHECK(ValueError, o.heads >= 1 && o.width % o.heads == 0, "GPT2 was asked for a width of ", o.width, " in ", o.heads, " heads");
    for (std::int64_t i = 0; i < o.layers; ++i) h.append(gpt2::Block{o});
    nn::init::normal_(wte.weight, 0, gpt2::initial_std);
    nn::init::normal_(wpe.weight, 0, gpt2::initial_std);
  }

  Tensor operator()(const Tensor& tokens, SourceLocation at = SourceLocation::current()) const {
    nn::Scope s{this};
    const Tensor& input = s.enter(tokens);
    TASUKI_CHECK(ShapeError, input.ndim() == 2, "GPT2 takes tokens [batch, length], not ", input.describe());
    TASUKI_CHECK_OP(ShapeError, input.size(1), <=, options_.context, "the sequence is longer than the context of this GPT2");
    const Tensor positions = arange(input.size(1), {.device = input.device()});
    Tensor x = drop(wte(input, at) + wpe(positions, at));
    for (std::size_t i = 0; i < h.size(); ++i) x = h.at<gpt2::Block>(i)(x);
    return s.leave(linear(ln_f(x), wte.weight, {}, at));
  }
  const GPT2Options& options() const { return options_; }
  nn::ModulePtr clone() const override { return clone_as(*this, options_); }

 private:
  GPT2Options options_;
};

}  // namespace tasuki::models
