#pragma once
#include <cstddef>
#include <cstdint>

#include "tasuki/core/philox.hpp"
#include "tasuki/core/view.hpp"

/// Attention in tiles with a running softmax (Milakov and Gimelshein; Dao et al., "FlashAttention"). q [B, H, T, D], k [B, H', S, D],
/// v [B, H', S, E], y [B, H, T, E] of one floating dtype and any strides; mask (absent, bool, or of that dtype) broadcast to
/// [B, H, T, S]; log_sum [B, H, T] dense, in the type sums are carried in.
///
/// Memory: a tile of 96 keys x 128 queries stands in the cache, transposed, so that a lane is a query: maxima and sums need no
/// exchange between lanes, and every product is rows of scalars times panels of vectors. Keys and values are read once per 128
/// queries, backward once per 128 queries and head. Work is split by shape: forward by queries, backward by key heads.
namespace tasuki::kernels::cpu {

struct AttentionCall {
  View q, k, v, mask;
  double scale = 1;
  bool causal = false;
  double dropout = 0;
  PhiloxState state{};        ///< word ((b H + h) S + j) ceil4(T) + i decides about query i and key j, by bernoulli_threshold(dropout)
  void* workspace = nullptr;  ///< attention_workspace bytes
};

struct AttentionForward : AttentionCall {
  View y, log_sum;
};
void attention(const AttentionForward& f);

struct AttentionBackward : AttentionCall {
  View grad_y, y, log_sum;
  View grad_q, grad_k, grad_v;  ///< each absent where it is not wanted
  bool add_to_q = false, add_to_k = false, add_to_v = false;
};
void attention_backward(const AttentionBackward& b);

/// How the work is cut: chunks run side by side, each with a slot of the workspace.
struct AttentionChunks {
  std::int64_t tasks = 0, tasks_per_chunk = 1, count = 0;
  std::size_t slot_elements = 0;
};
AttentionChunks attention_chunks(const View& q, const View& k, const View& v, bool backward);
std::size_t attention_workspace(const View& q, const View& k, const View& v, bool backward);

inline constexpr std::int64_t attention_queries = 128, attention_keys = 96;  // of a tile

}  // namespace tasuki::kernels::cpu
