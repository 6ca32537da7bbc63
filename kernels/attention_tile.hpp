#pragma once
// What forward and backward of attention share: where heads lie, panels of queries, and tiles of scores with a query in each lane.
#include <type_traits>

#include "kernels/attention.hpp"
#include "kernels/kept_lanes.hpp"
#include "kernels/tile_product.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {

inline constexpr std::int64_t tile_queries = 128, tile_keys = 96;
static_assert(tile_queries == attention_queries && tile_keys == attention_keys && tile_queries == philox_tile_words);

TASUKI_LANES std::int64_t round_up(std::int64_t n, std::int64_t to) { return (n + to - 1) / to * to; }
TASUKI_LANES std::int64_t least(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

/// One head of an operand: rows of elements.
template <class T>
struct Head {
  T* p;
  std::int64_t row, column;
  Head(const View& v, std::int64_t batch, std::int64_t head)
      : p(v.as<T>() + batch * v.stride(0) + head * v.stride(1)), row(v.stride(2)), column(v.stride(3)) {}
};

/// The queries of one tile, and the block of keys it is at.
struct TilePlace {
  std::int64_t batch, head;
  std::int64_t query, queries, lanes;  ///< the first query, how many, and that rounded up to whole vectors
  std::int64_t key = 0, keys = 0;
};

/// Cuts a slot of the workspace.
template <class A>
struct Cut {
  A* p;
  A* take(std::int64_t n) {
    A* at = p;
    p += n;
    return at;
  }
};

/// panel[d][i] = factor * x[i][d], `lanes` wide; lanes without a query are zero.
template <class T, class A>
void pack_transposed(const Head<const T>& x, const TilePlace& at, std::int64_t size, A factor, A* panel) {
  const T* from = x.p + at.query * x.row;
  for (std::int64_t d = 0; d < size; ++d) {
    A* to = panel + d * at.lanes;
    for (std::int64_t i = 0; i < at.queries; ++i) to[i] = factor * static_cast<A>(from[i * x.row + d * x.column]);
    for (std::int64_t i = at.queries; i < at.lanes; ++i) to[i] = 0;
  }
}

/// rows[i][d] = factor * x[first + i][d] in the type of the computation, rows `padded` long, zero behind `size`.
template <class T, class A>
void pack_rows(const Head<const T>& x, std::int64_t first, std::int64_t count, std::int64_t size, std::int64_t padded, A factor, A* rows) {
  const Lanes<A> f = splat(factor);
  for (std::int64_t i = 0; i < count; ++i) {
    const T* from = x.p + (first + i) * x.row;
    A* to = rows + i * padded;
    each_vector<A>(size, [&](std::int64_t d, auto part, int) __attribute__((always_inline)) {
      store(to + d, load_strided(from + d * x.column, x.column, part) * f, part);
    });
    for (std::int64_t d = size; d < padded; ++d) to[d] = 0;
  }
}

/// Keys or values of a block as scalars of the computation's type: in place, or converted into `buffer`.
template <class T, class A>
Scalars<A> block_scalars(const Head<const T>& x, const TilePlace& at, std::int64_t size, A* buffer) {
  if constexpr (std::is_same_v<T, A>) {
    return {x.p + at.key * x.row, x.row, x.column};
  } else {
    pack_rows<T>(x, at.key, at.keys, size, size, A(1), buffer);
    return {buffer, size, 1};
  }
}
template <class A>
TASUKI_LANES Scalars<A> transposed(Scalars<A> s) {
  return {s.p, s.column, s.row};
}

/// The mask as the kernel meets it: none, bool, or of the elements' type.
template <class T>
class TileMask {
 public:
  explicit TileMask(const AttentionCall& c) : mask_(c.mask), causal_(c.causal) {}
  /// How many keys the queries of the tile see at most.
  std::int64_t keys_end(const TilePlace& at, std::int64_t keys) const { return causal_ ? least(keys, at.query + at.queries) : keys; }

  /// Adds the mask to a tile of scores.
  template <class A>
  void add_to(A* tile, const TilePlace& at) const {
    if (mask_) {
      if (mask_.dtype == DType::boolean) add_mask<std::uint8_t>(tile, at);
      else add_mask<T>(tile, at);
    }
    if (causal_ && at.key + at.keys - 1 > at.query) hide_later_keys(tile, at);
  }

 private:
  template <class M, class A>
  void add_mask(A* tile, const TilePlace& at) const {
    const std::int64_t step = mask_.stride(2);
    const M* first = mask_.as<const M>() + at.batch * mask_.stride(0) + at.head * mask_.stride(1) + at.query * step + at.key * mask_.stride(3);
    for (std::int64_t j = 0; j < at.keys; ++j, tile += at.lanes) {
      const M* from = first + j * mask_.stride(3);
      if (step == 0) {
        const Lanes<A> term = splat(term_of<A>(*from));
        for (std::int64_t i = 0; i < at.lanes; i += width<A>) store(tile + i, load(tile + i) + term);
      } else {
        for (std::int64_t i = 0; i < at.queries; ++i) tile[i] += term_of<A>(from[i * step]);
      }
    }
  }
  template <class A>
  TASUKI_LANES static A term_of(std::uint8_t seen) {
    return seen ? A(0) : -static_cast<A>(__builtin_inf());
  }
  template <class A>
  TASUKI_LANES static A term_of(T term) {
    return static_cast<A>(term);
  }
  template <class A>
  static void hide_later_keys(A* tile, const TilePlace& at) {
    for (std::int64_t j = 0; j < at.keys; ++j, tile += at.lanes) {
      const std::int64_t before = least(at.key + j - at.query, at.lanes);  // queries before this key
      for (std::int64_t i = 0; i < before; ++i) tile[i] = -static_cast<A>(__builtin_inf());
    }
  }
  const View& mask_;
  bool causal_;
};

/// to = from with dropped weights zeroed and the others scaled; both tiles may be one.
template <class A>
void drop(const AttentionCall& c, const TilePlace& at, const A* from, A* to) {
  const Keep<A> keep(c.dropout);
  const std::int64_t queries = round_up(c.q.size(2), 4), keys = c.k.size(2);
  std::uint32_t words[philox_tile_words];
  for (std::int64_t j = 0; j < at.keys; ++j) {
    const std::int64_t first = ((at.batch * c.q.size(1) + at.head) * keys + at.key + j) * queries + at.query;
    philox_tile(c.state, static_cast<std::uint64_t>(first / 4), words);
    for (std::int64_t i = 0; i < at.lanes; i += width<A>) store(to + j * at.lanes + i, keep(words + i, load(from + j * at.lanes + i)));
  }
}

/// x[i][d] = (or +=) factor[i] * panel[d][i].
template <class T, bool accumulate, class A>
void unpack_transposed(const A* panel, const A* factor, const TilePlace& at, std::int64_t size, const Head<T>& x) {
  for (std::int64_t i = 0; i < at.queries; ++i) {
    T* to = x.p + (at.query + i) * x.row;
    for (std::int64_t d = 0; d < size; ++d) {
      const A v = factor[i] * panel[d * at.lanes + i];
      T& place = to[d * x.column];
      place = static_cast<T>(accumulate ? static_cast<A>(place) + v : v);
    }
  }
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
