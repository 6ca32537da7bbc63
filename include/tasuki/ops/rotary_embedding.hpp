#pragma once
#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

/// Rotates pairs of the last dimension of x [..., T, D] by an angle that grows with the position (Su et al., "RoFormer", 2021), so that
/// products of queries and keys depend on how far apart they are: the pair (a, b) of position t becomes
/// (a cos - b sin, b cos + a sin), with cos and sin [T, D / 2] as nn::RotaryEmbedding holds them.
///
/// Pairs are (i, i + D / 2), as in LLaMA and GPT-NeoX, or neighbours (2 i, 2 i + 1) where `interleaved`, as in GPT-J. f32 f64 bf16 f16;
/// cos and sin are f32 (f64 beside f64) and take no gradient. Differentiable any number of times in x; saves cos and sin.
/// Deterministic. Throws ShapeError when D is odd or the tables are not [T, D / 2].
Tensor rotary_embedding(const Tensor& x, const Tensor& cos, const Tensor& sin, bool interleaved = false,
                        SourceLocation at = SourceLocation::current());

}  // namespace tasuki
