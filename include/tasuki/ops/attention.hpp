#pragma once
#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

struct AttentionOptions {
  double dropout = 0;   ///< probability with which a weight is zeroed; the others grow by 1 / (1 - dropout)
  bool causal = false;  ///< query i sees keys 0 to i only
  double scale = 0;     ///< of the scores; 0 stands for 1 / sqrt(D)
};

/// softmax(q k^T * scale + mask) v over the keys, for each head: q [B, H, T, D], k [B, H', S, D], v [B, H', S, E] give [B, H, T, E].
/// The leading dimensions may be missing in all three. H' may divide H: each key and value head then serves H / H' query heads in a
/// row (grouped-query attention).
///
///     Tensor y = ts::scaled_dot_product_attention(q, k, v, {}, {.causal = true});
///
/// mask broadcasts to [B, H, T, S]; bool says which keys a query sees, a floating mask of q's dtype is added to the scores. A query
/// that sees no key gives zeros, and passes no gradient on.
///
/// f32 f64 bf16 f16, computed in f32 (f64 in f64); any strides, and the result is laid out in q's order of heads and positions.
/// Memory is linear in T and S: scores exist as tiles only. Saves q, k, v, mask, the result and a number per query (the logarithm of
/// its softmax's denominator); backward makes the tiles again. With a floating mask that wants a gradient,
/// and for gradients of gradients, backward takes the path of the ordinary ops, with T x S scores in memory.
/// Deterministic, for any number of threads; the dropped weights are a function of the generator's state, the same on replay.
/// Throws ShapeError, DTypeError and ValueError for operands that do not fit.
Tensor scaled_dot_product_attention(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask = {}, const AttentionOptions& options = {},
                                    SourceLocation at = SourceLocation::current());

}  // namespace tasuki
