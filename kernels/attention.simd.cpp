#include "kernels/attention.hpp"

#include "kernels/attention_tile.hpp"
#include "kernels/parallel.hpp"
#include "kernels/visit_floating.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {
namespace {

template <class A>
inline constexpr A infinity = static_cast<A>(__builtin_inf());

/// Maxima, denominators and results of the queries of a tile, carried from one block of keys to the next.
template <class A>
struct Running {
  A *peak, *sum, *out;  // out [value width][lanes]
  std::int64_t out_rows;

  void start(const TilePlace& at) const {
    for (std::int64_t i = 0; i < at.lanes; ++i) peak[i] = -infinity<A>, sum[i] = 0;
    for (std::int64_t i = 0; i < out_rows * at.lanes; ++i) out[i] = 0;
  }

  /// Turns a tile of scores into exp(score - peak) and brings what was carried to the new peak.
  void advance(A* tile, const TilePlace& at) const {
    for (std::int64_t i = 0; i < at.lanes; i += width<A>) {
      const Lanes<A> before = load(peak + i);
      Lanes<A> top = before;
      for (std::int64_t j = 0; j < at.keys; ++j) top = max<A>(load(tile + j * at.lanes + i), top);
      // A query that has seen no key yet has no peak to subtract.
      const Lanes<A> base = top == -infinity<A> ? Lanes<A>{} : top;
      Lanes<A> total{};
      for (std::int64_t j = 0; j < at.keys; ++j) {
        A* place = tile + j * at.lanes + i;
        const Lanes<A> e = exp(load(place) - base);
        total += e;
        store(place, e);
      }
      const Lanes<A> shrink = exp(before - base);
      store(sum + i, load(sum + i) * shrink + total);
      store(peak + i, top);
      if (at.key == 0 || !differs(before, top)) continue;
      for (std::int64_t d = 0; d < out_rows; ++d) store(out + d * at.lanes + i, load(out + d * at.lanes + i) * shrink);
    }
  }

 private:
  TASUKI_LANES static bool differs(Lanes<A> a, Lanes<A> b) {
    const IntLanes<A> unequal = a != b;
    detail::integer_as<A> any = 0;
    for (int i = 0; i < width<A>; ++i) any |= unequal[i];
    return any != 0;
  }
};

/// All keys for one block of queries.
template <class T>
void attend(const AttentionForward& f, TilePlace at, Cut<compute_t<T>> cut) {
  using A = compute_t<T>;
  const std::int64_t size = f.q.size(3), value_size = f.v.size(3), keys = f.k.size(2), group = f.q.size(1) / f.k.size(1);
  const Head<const T> q(f.q, at.batch, at.head), k(f.k, at.batch, at.head / group), v(f.v, at.batch, at.head / group);
  A* const queries = cut.take(size * tile_queries);
  A* const tile = cut.take(tile_keys * tile_queries);
  const Running<A> running{cut.take(tile_queries), cut.take(tile_queries), cut.take(value_size * tile_queries), value_size};
  A* const key_buffer = cut.take(tile_keys * size);
  A* const value_buffer = cut.take(tile_keys * value_size);
  const TileMask<T> mask(f);

  pack_transposed<T>(q, at, size, static_cast<A>(f.scale), queries);
  running.start(at);
  const std::int64_t end = mask.keys_end(at, keys);
  for (at.key = 0; at.key < end; at.key += tile_keys) {
    at.keys = least(tile_keys, end - at.key);
    tile_product<false>(at.keys, at.lanes, size, block_scalars<T>(k, at, size, key_buffer), queries, at.lanes, tile, at.lanes);
    mask.add_to(tile, at);
    running.advance(tile, at);
    if (f.dropout > 0) drop(f, at, tile, tile);
    tile_product<true>(value_size, at.lanes, at.keys, transposed(block_scalars<T>(v, at, value_size, value_buffer)), tile, at.lanes, running.out, at.lanes);
  }
  // A query without keys: result 0, and a logarithm against which every score vanishes in backward.
  A* const log_sum = f.log_sum.as<A>() + (at.batch * f.q.size(1) + at.head) * f.q.size(2) + at.query;
  for (std::int64_t i = 0; i < at.queries; ++i) {
    const A sum = running.sum[i];
    log_sum[i] = sum == 0 ? infinity<A> : running.peak[i] + log(sum);
    running.sum[i] = sum == 0 ? 0 : 1 / sum;
  }
  unpack_transposed<T, false>(running.out, running.sum, at, value_size, Head<T>(f.y, at.batch, at.head));
}

template <class T>
void forward(const AttentionForward& f) {
  using A = compute_t<T>;
  const AttentionChunks chunks = attention_chunks(f.q, f.k, f.v, false);
  const std::int64_t queries = f.q.size(2), heads = f.q.size(1), blocks = (queries + tile_queries - 1) / tile_queries;
  parallel_for(chunks.tasks, chunks.tasks_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    A* const slot = static_cast<A*>(f.workspace) + begin / chunks.tasks_per_chunk * static_cast<std::int64_t>(chunks.slot_elements);
    for (std::int64_t task = begin; task < end; ++task) {
      TilePlace at{.batch = task / blocks / heads, .head = task / blocks % heads, .query = task % blocks * tile_queries, .queries = 0, .lanes = 0};
      at.queries = least(tile_queries, queries - at.query);
      at.lanes = round_up(at.queries, width<A>);
      attend<T>(f, at, {slot});
    }
  });
}

/// The gradients of one key head: of its keys and values, and of all queries that it serves.
template <class T>
class HeadGradients {
  using A = compute_t<T>;

 public:
  HeadGradients(const AttentionBackward& b, std::int64_t batch, std::int64_t head, Cut<A> cut)
      : b_(b), batch_(batch), key_head_(head), k_(b.k, batch, head), v_(b.v, batch, head), size_(b.q.size(3)), value_size_(b.v.size(3)),
        padded_(round_up(size_, width<A>)), value_padded_(round_up(value_size_, width<A>)), keys_(b.k.size(2)),
        queries_(cut.take(size_ * tile_queries)), grads_(cut.take(value_size_ * tile_queries)), grad_queries_(cut.take(size_ * tile_queries)),
        query_rows_(cut.take(tile_queries * padded_)), grad_rows_(cut.take(tile_queries * value_padded_)), weights_(cut.take(tile_keys * tile_queries)),
        slopes_(cut.take(tile_keys * tile_queries)), dropped_(cut.take(tile_keys * tile_queries)), log_sum_(cut.take(tile_queries)),
        delta_(cut.take(tile_queries)), factor_(cut.take(tile_queries)), key_buffer_(cut.take(tile_keys * size_)),
        value_buffer_(cut.take(tile_keys * value_size_)), grad_keys_(cut.take(keys_ * padded_)), grad_values_(cut.take(keys_ * value_padded_)) {}

  void run() {
    for (std::int64_t i = 0; i < keys_ * padded_; ++i) grad_keys_[i] = 0;
    for (std::int64_t i = 0; i < keys_ * value_padded_; ++i) grad_values_[i] = 0;
    const std::int64_t queries = b_.q.size(2), group = b_.q.size(1) / b_.k.size(1);
    for (std::int64_t head = key_head_ * group; head < (key_head_ + 1) * group; ++head)
      for (std::int64_t query = 0; query < queries; query += tile_queries) {
        TilePlace at{.batch = batch_, .head = head, .query = query, .queries = least(tile_queries, queries - query), .lanes = 0};
        at.lanes = round_up(at.queries, width<A>);
        queries_of(at);
      }
    if (b_.grad_k) write(grad_keys_, size_, padded_, b_.grad_k, b_.add_to_k);
    if (b_.grad_v) write(grad_values_, value_size_, value_padded_, b_.grad_v, b_.add_to_v);
  }

 private:
  /// Brings one block of queries into the forms that the products read.
  void prepare(const TilePlace& at) const {
    const Head<const T> q(b_.q, at.batch, at.head), g(b_.grad_y, at.batch, at.head), y(b_.y, at.batch, at.head);
    const A scale = static_cast<A>(b_.scale);
    pack_transposed<T>(q, at, size_, scale, queries_);
    pack_transposed<T>(g, at, value_size_, A(1), grads_);
    pack_rows<T>(q, at.query, at.queries, size_, padded_, scale, query_rows_);
    pack_rows<T>(g, at.query, at.queries, value_size_, value_padded_, A(1), grad_rows_);
    const A* log_sum = b_.log_sum.as<const A>() + (at.batch * b_.q.size(1) + at.head) * b_.q.size(2) + at.query;
    for (std::int64_t i = 0; i < at.lanes; ++i) {
      log_sum_[i] = i < at.queries ? log_sum[i] : infinity<A>;
      factor_[i] = scale;
      delta_[i] = 0;
    }
    for (std::int64_t i = 0; i < at.queries; ++i) {
      const T* row = y.p + (at.query + i) * y.row;
      Slots<A> sums(0);
      each_vector<A>(value_size_, [&](std::int64_t d, auto part, int s) __attribute__((always_inline)) {
        sums[s] += load_strided(row + d * y.column, y.column, part) * load(grad_rows_ + i * value_padded_ + d, part);
      });
      delta_[i] = sums.sum();
    }
    for (std::int64_t i = 0; i < size_ * at.lanes; ++i) grad_queries_[i] = 0;
  }

  void queries_of(TilePlace at) const {
    prepare(at);
    const TileMask<T> mask(b_);
    const std::int64_t end = mask.keys_end(at, keys_);
    for (at.key = 0; at.key < end; at.key += tile_keys) {
      at.keys = least(tile_keys, end - at.key);
      const Scalars<A> keys = block_scalars<T>(k_, at, size_, key_buffer_), values = block_scalars<T>(v_, at, value_size_, value_buffer_);
      tile_product<false>(at.keys, at.lanes, size_, keys, queries_, at.lanes, weights_, at.lanes);
      mask.add_to(weights_, at);
      weights_from_scores(at);
      if (b_.grad_v) {
        const A* weights = weights_;
        if (b_.dropout > 0) {
          drop(b_, at, weights_, dropped_);
          weights = dropped_;
        }
        tile_product<true>(at.keys, value_padded_, at.queries, {weights, at.lanes, 1}, grad_rows_, value_padded_, grad_values_ + at.key * value_padded_, value_padded_);
      }
      if (!b_.grad_q && !b_.grad_k) continue;
      tile_product<false>(at.keys, at.lanes, value_size_, values, grads_, at.lanes, slopes_, at.lanes);
      if (b_.dropout > 0) drop(b_, at, slopes_, slopes_);
      slopes_of_scores(at);
      if (b_.grad_q) tile_product<true>(size_, at.lanes, at.keys, transposed(keys), slopes_, at.lanes, grad_queries_, at.lanes);
      if (b_.grad_k)
        tile_product<true>(at.keys, padded_, at.queries, {slopes_, at.lanes, 1}, query_rows_, padded_, grad_keys_ + at.key * padded_, padded_);
    }
    if (!b_.grad_q) return;
    const Head<T> to(b_.grad_q, at.batch, at.head);
    if (b_.add_to_q) unpack_transposed<T, true>(grad_queries_, factor_, at, size_, to);
    else unpack_transposed<T, false>(grad_queries_, factor_, at, size_, to);
  }

  void weights_from_scores(const TilePlace& at) const {
    for (std::int64_t i = 0; i < at.lanes; i += width<A>) {
      const Lanes<A> log_sum = load(log_sum_ + i);
      for (std::int64_t j = 0; j < at.keys; ++j) {
        A* place = weights_ + j * at.lanes + i;
        store(place, exp(load(place) - log_sum));
      }
    }
  }
  void slopes_of_scores(const TilePlace& at) const {
    for (std::int64_t i = 0; i < at.lanes; i += width<A>) {
      const Lanes<A> delta = load(delta_ + i);
      for (std::int64_t j = 0; j < at.keys; ++j) {
        A* place = slopes_ + j * at.lanes + i;
        store(place, (load(place) - delta) * load(weights_ + j * at.lanes + i));
      }
    }
  }

  void write(const A* rows, std::int64_t size, std::int64_t padded, const View& to, bool add) const {
    const Head<T> head(to, batch_, key_head_);
    for (std::int64_t j = 0; j < keys_; ++j) {
      T* place = head.p + j * head.row;
      each_vector<A>(size, [&](std::int64_t d, auto part, int) __attribute__((always_inline)) {
        Lanes<A> v = load(rows + j * padded + d, part);
        if (add) v += load_strided<T>(place + d * head.column, head.column, part);
        store_strided(place + d * head.column, head.column, v, part);
      });
    }
  }

  const AttentionBackward& b_;
  std::int64_t batch_, key_head_;
  Head<const T> k_, v_;
  std::int64_t size_, value_size_, padded_, value_padded_, keys_;
  A *queries_, *grads_, *grad_queries_, *query_rows_, *grad_rows_;
  A *weights_, *slopes_, *dropped_;
  A *log_sum_, *delta_, *factor_, *key_buffer_, *value_buffer_, *grad_keys_, *grad_values_;
};

template <class T>
void backward(const AttentionBackward& b) {
  using A = compute_t<T>;
  const AttentionChunks chunks = attention_chunks(b.q, b.k, b.v, true);
  const std::int64_t heads = b.k.size(1);
  parallel_for(chunks.tasks, chunks.tasks_per_chunk, [&](std::int64_t begin, std::int64_t end) {
    A* const slot = static_cast<A*>(b.workspace) + begin / chunks.tasks_per_chunk * static_cast<std::int64_t>(chunks.slot_elements);
    for (std::int64_t task = begin; task < end; ++task) HeadGradients<T>(b, task / heads, task % heads, {slot}).run();
  });
}

}  // namespace

void attention(const AttentionForward& f) {
  visit_floating(f.q.dtype, [&](auto element) { forward<decltype(element)>(f); });
}

void attention_backward(const AttentionBackward& b) {
  visit_floating(b.q.dtype, [&](auto element) { backward<decltype(element)>(b); });
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
