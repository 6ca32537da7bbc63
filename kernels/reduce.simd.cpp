// Sums and products in a fixed order. A run of elements is added in `lanes` columns, which any vector width can carry without changing a
// bit; runs of at most `piece` elements give partial sums that are added in f64. Groups of partial sums are the unit of threads.
#include "kernels/reduce.hpp"

#include "kernels/halves.hpp"
#include "kernels/lanes.hpp"
#include "kernels/parallel.hpp"
#include "tasuki/core/half.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {

namespace {

constexpr int lanes = 64;
constexpr std::int64_t piece = 8192, group_elements = 32768, tile = 256, rows_per_flush = 64;

template <class A, class B>
[[gnu::always_inline]] inline auto smaller(A a, B b) {
  return a < b ? a : b;
}
template <class T>
struct Carrier {
  using lane = T;
  using total = double;
};
template <>
struct Carrier<bfloat16> {
  using lane = float;
  using total = double;
};
template <>
struct Carrier<float16> {
  using lane = float;
  using total = double;
};
#define TASUKI_WHOLE(T)          \
  template <>                    \
  struct Carrier<T> {            \
    using lane = std::int64_t;   \
    using total = std::int64_t;  \
  };
TASUKI_WHOLE(std::int64_t)
TASUKI_WHOLE(std::int32_t)
TASUKI_WHOLE(std::uint8_t)
TASUKI_WHOLE(bool)
#undef TASUKI_WHOLE

/// Partial results are added up, from zero.
struct Added {
  static constexpr int start = 0;
  template <class A, class B>
  [[gnu::always_inline]] static void join(A& a, B b) {
    a += b;
  }
  template <class A>
  [[gnu::always_inline]] static A finish(A total) {
    return total;
  }
};
/// What is added for an element: itself, or its squared distance from a center.
struct Itself : Added {
  template <class L>
  [[gnu::always_inline]] L operator()(L v, L) const {
    return v;
  }
};
/// What is a number is added.
struct Present : Added {
  template <class L>
  [[gnu::always_inline]] L operator()(L v, L) const {
    return v == v ? v : L{};
  }
};
/// Elements are multiplied instead.
struct Factor : Itself {
  static constexpr int start = 1;
  template <class A, class B>
  [[gnu::always_inline]] static void join(A& a, B b) {
    a *= b;
  }
};
/// Squares are added; the result is the root of their sum, taken before it is rounded.
struct Euclidean : Added {
  template <class L>
  [[gnu::always_inline]] L operator()(L v, L) const {
    return v * v;
  }
  [[gnu::always_inline]] static double finish(double total) { return __builtin_sqrt(total); }
};
struct SquaredDeviation : Added {
  template <class L>
  [[gnu::always_inline]] L operator()(L v, L center) const {
    return (v - center) * (v - center);
  }
};

/// Joins columns in pairs, the upper half to the lower one, until one is left.
template <class Term, class L>
[[gnu::always_inline]] inline L join_columns(const L* column) {
  using V = typename detail::VectorOf<L, vector_bytes>::type;
  constexpr int width = vector_bytes / static_cast<int>(sizeof(L)), count = lanes / width;
  V v[count];
#pragma GCC unroll 64
  for (int q = 0; q < count; ++q) v[q] = detail::load_raw<V>(column + q * width);
#pragma GCC unroll 8
  for (int half = count / 2; half > 0; half /= 2)
#pragma GCC unroll 32
    for (int q = 0; q < half; ++q) Term::join(v[q], v[q + half]);
  return detail::fold_lanes<L, width>(v[0], [](auto x, auto y) __attribute__((always_inline)) {
    Term::join(x, y);
    return x;
  });
}

template <class Term, class T>
typename Carrier<T>::total sum_piece(const T* x, std::int64_t n, std::int64_t stride, typename Carrier<T>::lane center) {
  using L = typename Carrier<T>::lane;
  const Term term;
  if (n < lanes) {
    typename Carrier<T>::total sum = Term::start;
    for (std::int64_t i = 0; i < n; ++i) Term::join(sum, term(static_cast<L>(x[i * stride]), center));
    return sum;
  }
  L column[lanes];
  for (int l = 0; l < lanes; ++l) column[l] = Term::start;
  std::int64_t i = 0;
  if (stride == 1) {
    for (; i + lanes <= n; i += lanes) {
      if constexpr (sizeof(T) == 2) {
        float wide[lanes];
        widen(x + i, wide, lanes);
        for (int l = 0; l < lanes; ++l) Term::join(column[l], term(wide[l], center));
      } else {
        for (int l = 0; l < lanes; ++l) Term::join(column[l], term(static_cast<L>(x[i + l]), center));
      }
    }
  } else {
    for (; i + lanes <= n; i += lanes)
      for (int l = 0; l < lanes; ++l) Term::join(column[l], term(static_cast<L>(x[(i + l) * stride]), center));
  }
  for (int l = 0; i < n; ++i, ++l) Term::join(column[l], term(static_cast<L>(x[i * stride]), center));
  return join_columns<Term>(column);
}

[[gnu::always_inline]] inline std::int64_t offset_of(const ReducePlan::Dim* dims, int count, std::int64_t k) {
  if (count <= 0) return 0;
  std::int64_t offset = 0;
  for (int d = count - 1; d > 0; --d) {
    offset += k % dims[d].size * dims[d].stride;
    k /= dims[d].size;
  }
  return offset + k * dims[0].stride;
}

/// Scratch for partial sums; the few that most reductions need cost no allocation.
template <class A>
class Partials {
 public:
  explicit Partials(std::int64_t n) : data_(n <= 512 ? inline_ : new A[static_cast<std::size_t>(n)]) {}
  ~Partials() {
    if (data_ != inline_) delete[] data_;
  }
  Partials(const Partials&) = delete;
  A* data() { return data_; }

 private:
  A inline_[512];
  A* data_;
};

template <class Term, class O, class Total>
[[gnu::always_inline]] inline void store(O* out, Total total, double scale) {
  const Total sum = Term::finish(total);
  if constexpr (std::is_same_v<Total, double>) {
    if constexpr (std::is_same_v<O, double>) *out = sum * scale;
    else *out = O(static_cast<float>(sum * scale));
  } else {
    *out = sum;
  }
}

/// The innermost dimension is reduced: each output adds runs.
template <class Term, class T, class O>
void sum_rows(const ReducePlan& plan, const T* x, const T* center, O* out, double scale) {
  using L = typename Carrier<T>::lane;
  using A = typename Carrier<T>::total;
  const ReducePlan::Dim run = plan.reduced_dims ? plan.reduced[plan.reduced_dims - 1] : ReducePlan::Dim{1, 1};
  const std::int64_t runs = plan.reduced_count / run.size, pieces_per_run = (run.size + piece - 1) / piece, pieces = runs * pieces_per_run;
  const std::int64_t piece_length = smaller(run.size, piece);
  const std::int64_t per_group = (group_elements + piece_length - 1) / piece_length, groups = (pieces + per_group - 1) / per_group;
  const auto sum_group = [&](std::int64_t k, std::int64_t group) {
    const T* from = x + offset_of(plan.kept, plan.kept_dims, k);
    const L middle = center ? static_cast<L>(center[k]) : L{};
    A sum = Term::start;
    const std::int64_t last = smaller(pieces, (group + 1) * per_group);
    for (std::int64_t p = group * per_group; p < last; ++p) {
      const std::int64_t r = pieces_per_run == 1 ? p : p / pieces_per_run, begin = (p - r * pieces_per_run) * piece;
      Term::join(sum, sum_piece<Term>(from + offset_of(plan.reduced, plan.reduced_dims - 1, r) + begin * run.stride, smaller(piece, run.size - begin),
                             run.stride, middle));
    }
    return sum;
  };
  if (groups == 1) {
    const std::int64_t grain = group_elements / (plan.reduced_count > 0 ? plan.reduced_count : 1);
    parallel_for(plan.kept_count, grain > 0 ? grain : 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t k = begin; k < end; ++k) store<Term>(out + k, sum_group(k, 0), scale);
    });
    return;
  }
  Partials<A> partial(plan.kept_count * groups);
  A* sums = partial.data();
  parallel_for(plan.kept_count * groups, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) sums[i] = sum_group(i / groups, i % groups);
  });
  for (std::int64_t k = 0; k < plan.kept_count; ++k) {
    A sum = Term::start;
    for (std::int64_t g = 0; g < groups; ++g) Term::join(sum, sums[k * groups + g]);
    store<Term>(out + k, sum, scale);
  }
}

/// The innermost dimension is kept: rows of outputs are added side by side.
template <class Term, class T, class O>
void sum_columns(const ReducePlan& plan, const T* x, const T* center, O* out, double scale) {
  using L = typename Carrier<T>::lane;
  using A = typename Carrier<T>::total;
  const std::int64_t columns = plan.kept[plan.kept_dims - 1].size, outer = plan.kept_count / columns, tiles = (columns + tile - 1) / tile;
  const std::int64_t rows = plan.reduced_count, rows_per_group = group_elements / smaller(columns, tile) + 1;
  const std::int64_t groups = (rows + rows_per_group - 1) / rows_per_group;
  const auto sum_tile = [&](std::int64_t o, std::int64_t t, std::int64_t group, A* total) {
    const std::int64_t first = t * tile, width = smaller(tile, columns - first);
    const T* from = x + offset_of(plan.kept, plan.kept_dims - 1, o) + first;
    L lane[tile], middle[tile];
    for (std::int64_t c = 0; c < width; ++c) {
      total[c] = Term::start;
      middle[c] = center ? static_cast<L>(center[o * columns + first + c]) : L{};
    }
    const Term term;
    const std::int64_t last = smaller(rows, (group + 1) * rows_per_group);
    for (std::int64_t r = group * rows_per_group; r < last;) {
      const std::int64_t stop = smaller(last, r + rows_per_flush);
      for (std::int64_t c = 0; c < width; ++c) lane[c] = Term::start;
      for (; r < stop; ++r) {
        const T* row = from + offset_of(plan.reduced, plan.reduced_dims, r);
        if constexpr (sizeof(T) == 2) {
          std::int64_t c = 0;
          for (; c + lanes <= width; c += lanes) {  // so few that they stay in registers
            float wide[lanes];
            widen(row + c, wide, lanes);
            for (int l = 0; l < lanes; ++l) Term::join(lane[c + l], term(wide[l], middle[c + l]));
          }
          for (; c < width; ++c) Term::join(lane[c], term(static_cast<L>(row[c]), middle[c]));
        } else {
          for (std::int64_t c = 0; c < width; ++c) Term::join(lane[c], term(static_cast<L>(row[c]), middle[c]));
        }
      }
      for (std::int64_t c = 0; c < width; ++c) Term::join(total[c], lane[c]);
    }
  };
  if (groups == 1) {
    const std::int64_t per_tile = rows * smaller(columns, tile), grain = group_elements / (per_tile > 0 ? per_tile : 1);
    parallel_for(outer * tiles, grain > 0 ? grain : 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        A total[tile];
        const std::int64_t o = i / tiles, t = i % tiles;
        sum_tile(o, t, 0, total);
        const std::int64_t width = smaller(tile, columns - t * tile);
        for (std::int64_t c = 0; c < width; ++c) store<Term>(out + o * columns + t * tile + c, total[c], scale);
      }
    });
    return;
  }
  Partials<A> partial(outer * tiles * groups * tile);
  A* sums = partial.data();
  parallel_for(outer * tiles * groups, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) sum_tile(i / groups / tiles, i / groups % tiles, i % groups, sums + i * tile);
  });
  for (std::int64_t i = 0; i < outer * tiles; ++i) {
    const std::int64_t o = i / tiles, t = i % tiles, width = smaller(tile, columns - t * tile);
    for (std::int64_t c = 0; c < width; ++c) {
      A sum = Term::start;
      for (std::int64_t g = 0; g < groups; ++g) Term::join(sum, sums[(i * groups + g) * tile + c]);
      store<Term>(out + o * columns + t * tile + c, sum, scale);
    }
  }
}

template <class Term, class T, class O>
void reduce(const ReducePlan& plan, const void* x, const void* center, void* out, double scale) {
  const auto* from = static_cast<const T*>(x);
  const auto* middle = static_cast<const T*>(center);
  auto* to = static_cast<O*>(out);
  if (plan.kept_count == 0) return;
  if (plan.reduced_count == 0) {
    for (std::int64_t k = 0; k < plan.kept_count; ++k) store<Term>(to + k, static_cast<typename Carrier<T>::total>(Term::start), scale);
    return;
  }
  const bool kept_inside = plan.kept_dims && plan.kept[plan.kept_dims - 1].stride == 1 && plan.kept[plan.kept_dims - 1].size >= 8;
  const bool reduced_inside = plan.reduced_dims && plan.reduced[plan.reduced_dims - 1].stride == 1;
  if (kept_inside && !reduced_inside && plan.reduced_dims) sum_columns<Term, T, O>(plan, from, middle, to, scale);
  else sum_rows<Term, T, O>(plan, from, middle, to, scale);
}

}  // namespace

void product_kernel(const ReducePlan& plan, DType dtype, const void* x, void* out) {
  switch (dtype) {
    case DType::f32: return reduce<Factor, float, float>(plan, x, nullptr, out, 1);
    case DType::f64: return reduce<Factor, double, double>(plan, x, nullptr, out, 1);
    case DType::bf16: return reduce<Factor, bfloat16, bfloat16>(plan, x, nullptr, out, 1);
    case DType::f16: return reduce<Factor, float16, float16>(plan, x, nullptr, out, 1);
    default: return reduce<Factor, std::int64_t, std::int64_t>(plan, x, nullptr, out, 1);
  }
}

void norm_kernel(const ReducePlan& plan, DType dtype, const void* x, void* out) {
  switch (dtype) {
    case DType::f32: return reduce<Euclidean, float, float>(plan, x, nullptr, out, 1);
    case DType::f64: return reduce<Euclidean, double, double>(plan, x, nullptr, out, 1);
    case DType::bf16: return reduce<Euclidean, bfloat16, bfloat16>(plan, x, nullptr, out, 1);
    default: return reduce<Euclidean, float16, float16>(plan, x, nullptr, out, 1);
  }
}

void nansum_kernel(const ReducePlan& plan, DType dtype, const void* x, void* out) {
  switch (dtype) {
    case DType::f32: return reduce<Present, float, float>(plan, x, nullptr, out, 1);
    case DType::f64: return reduce<Present, double, double>(plan, x, nullptr, out, 1);
    case DType::bf16: return reduce<Present, bfloat16, bfloat16>(plan, x, nullptr, out, 1);
    default: return reduce<Present, float16, float16>(plan, x, nullptr, out, 1);
  }
}

void sum_kernel(const ReducePlan& plan, DType dtype, const void* x, const void* center, void* out, double scale) {
  if (center) {
    switch (dtype) {
      case DType::f32: return reduce<SquaredDeviation, float, float>(plan, x, center, out, scale);
      case DType::f64: return reduce<SquaredDeviation, double, double>(plan, x, center, out, scale);
      case DType::bf16: return reduce<SquaredDeviation, bfloat16, bfloat16>(plan, x, center, out, scale);
      default: return reduce<SquaredDeviation, float16, float16>(plan, x, center, out, scale);
    }
  }
  switch (dtype) {
    case DType::f32: return reduce<Itself, float, float>(plan, x, nullptr, out, scale);
    case DType::f64: return reduce<Itself, double, double>(plan, x, nullptr, out, scale);
    case DType::bf16: return reduce<Itself, bfloat16, bfloat16>(plan, x, nullptr, out, scale);
    case DType::f16: return reduce<Itself, float16, float16>(plan, x, nullptr, out, scale);
    case DType::i64: return reduce<Itself, std::int64_t, std::int64_t>(plan, x, nullptr, out, scale);
    case DType::i32: return reduce<Itself, std::int32_t, std::int64_t>(plan, x, nullptr, out, scale);
    case DType::u8: return reduce<Itself, std::uint8_t, std::int64_t>(plan, x, nullptr, out, scale);
    case DType::boolean: return reduce<Itself, bool, std::int64_t>(plan, x, nullptr, out, scale);
  }
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
