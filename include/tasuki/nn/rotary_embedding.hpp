#pragma once
#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/nn/module.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/rotary_embedding.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/creation.hpp"

namespace tasuki::nn {

struct RotaryEmbeddingOptions {
  double base = 10000;       ///< pair i of D / 2 turns by base^(-2 i / D) per position
  bool interleaved = false;  ///< pairs are neighbours, rather than the halves' i-th elements
  DType dtype = DType::f32;  ///< of the tables: f64 beside f64, f32 beside all others
};

/// The tables of ts::rotary_embedding for heads of `width` features and up to `context` positions, and their use:
///
///     ts::nn::RotaryEmbedding rotate{this, "rotate", 64, 2048};
///     q = rotate(q), k = rotate(k);          // [..., positions, 64]
///     q = rotate(q, past);                   // positions that start at `past`
class RotaryEmbedding : public Module {
 public:
  Buffer cos{this, "cos"}, sin{this, "sin"};

  RotaryEmbedding(std::int64_t width, std::int64_t context, const RotaryEmbeddingOptions& options = {}) : options_(options) { create(width, context); }
  RotaryEmbedding(Module* parent, std::string_view name, std::int64_t width, std::int64_t context, const RotaryEmbeddingOptions& options = {})
      : Module(parent, name), options_(options) {
    create(width, context);
  }
  Tensor operator()(const Tensor& x, std::int64_t first_position = 0, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    const Tensor& input = s.enter(x);
    const std::int64_t length = input.size(-2), context = cos.size(0);
    if (first_position < 0 || first_position + length > context) {
      ShapeError error(tasuki::detail::concat({"expected  positions below ", context, ", for which there are tables\nactual    ", first_position, " to ", first_position + length - 1}));
      error.add_op(type_name(), path(), "x: " + input.describe(), at);
      throw error;
    }
    return s.leave(rotary_embedding(input, cos.narrow(0, first_position, length, at), sin.narrow(0, first_position, length, at), options_.interleaved, at));
  }
  ModulePtr clone() const override { return clone_as(*this, 2 * cos.size(1), cos.size(0), options_); }

 private:
  void create(std::int64_t width, std::int64_t context) {
    TASUKI_CHECK(ValueError, width >= 2 && width % 2 == 0 && context >= 0, "RotaryEmbedding was asked for ", context, " positions of ", width, " features");
    const NoGrad off;
    const Tensor pairs = arange(0.0, static_cast<double>(width / 2), 1.0, {.dtype = f64}), positions = arange(0.0, static_cast<double>(context), 1.0, {.dtype = f64});
    const Tensor speed = exp(pairs * (-2 / static_cast<double>(width) * __builtin_log(options_.base)));
    const Tensor angles = positions.unsqueeze(1) * speed;
    cos = tasuki::cos(angles).to(options_.dtype);
    sin = tasuki::sin(angles).to(options_.dtype);
  }
  RotaryEmbeddingOptions options_;
};

}  // namespace tasuki::nn
