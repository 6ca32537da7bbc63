#include "kernels/random.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <vector>

#include "kernels/parallel.hpp"
#include "kernels/visit.hpp"

namespace tasuki::kernels::cpu {

namespace {

constexpr std::int64_t tile_words = philox_tile_words;
constexpr std::int64_t grain_tiles = 64;  // 8,192 words: 10 to 30 us

/// Where element `index` (row-major) of a view lies, and where the following ones do.
class Cursor {
 public:
  Cursor(const View& view, std::int64_t index) : view_(view) {
    for (int d = view.ndim - 1; d >= 0; --d) {
      at_[d] = index % view.shape[d];
      index /= view.shape[d];
      offset_ += at_[d] * view.strides[d];
    }
  }
  std::int64_t offset() const { return offset_; }
  void advance() {
    for (int d = view_.ndim - 1; d >= 0; --d) {
      offset_ += view_.strides[d];
      if (++at_[d] < view_.shape[d]) return;
      offset_ -= at_[d] * view_.strides[d];
      at_[d] = 0;
    }
  }

 private:
  const View& view_;
  std::int64_t at_[8] = {};
  std::int64_t offset_ = 0;
};

/// Writes elements [first, first + count) of a view; value(i) gives the i-th of them. It should capture by value: through
/// references the compiler must expect the writes to change what it reads, and gives up on vectors.
template <class T, class Value>
void store(const View& out, std::int64_t first, std::int64_t count, Value value) {
  if (out.contiguous) {
    T* to = out.as<T>() + first;
    for (std::int64_t i = 0; i < count; ++i) to[i] = converted_to<T>(value(i));
    return;
  }
  Cursor cursor(out, first);
  for (std::int64_t i = 0; i < count; ++i, cursor.advance()) out.as<T>()[cursor.offset()] = converted_to<T>(value(i));
}

/// Splits `numel` elements of `words_each` words into tiles and calls body(first element, count, buffer) for each, where
/// fill(state, tile, 1, buffer) has made the tile's numbers.
template <class Number, class Body>
void for_tiles(std::int64_t numel, std::int64_t words_each, PhiloxState state,
               void (*fill)(PhiloxState, std::int64_t, std::int64_t, Number*), Body body) {
  const std::int64_t per_tile = tile_words / words_each;
  parallel_for((numel + per_tile - 1) / per_tile, grain_tiles, [&](std::int64_t begin, std::int64_t end) {
    alignas(64) Number buffer[tile_words];
    for (std::int64_t tile = begin; tile < end; ++tile) {
      fill(state, tile, 1, buffer);
      const std::int64_t first = tile * per_tile;
      body(first, std::min(per_tile, numel - first), buffer);
    }
  });
}

const RandomTiles& tiles() { return *TASUKI_ON_ISA(random_tiles); }

std::uint64_t two_words(const std::uint32_t* words, std::int64_t i) {
  return std::uint64_t{words[2 * i + 1]} << 32 | words[2 * i];
}

/// The least and greatest values of T in [low, high): rounding must not carry a number out of its interval.
template <class T>
struct Interval {
  double least, greatest;
  Interval(double low, double high) : least(static_cast<double>(widen(T(narrow(low))))), greatest(least) {
    const double nearest = static_cast<double>(widen(T(narrow(high))));
    if (least < low) least = step(least, +1);
    greatest = nearest >= high ? step(nearest, -1) : nearest;
    if (!(least <= greatest)) greatest = least;  // nothing lies between: the nearest value has to do
  }
  double clamp(double v) const { return v < least ? least : v > greatest ? greatest : v; }

 private:
  static auto narrow(double v) {
    if constexpr (std::is_same_v<T, double>) return v;
    else return static_cast<float>(v);
  }
  static auto widen(T v) {
    if constexpr (std::is_same_v<T, double>) return v;
    else return static_cast<float>(v);
  }
  /// The neighbour of a value of T, up or down.
  static double step(double value, int direction) {
    const double toward = direction * INFINITY;
    if constexpr (std::is_same_v<T, double>) {
      return std::nextafter(value, toward);
    } else if constexpr (std::is_same_v<T, float>) {
      return std::nextafter(static_cast<float>(value), static_cast<float>(toward));
    } else {
      // halves are ordered as their bits are, away from zero
      std::uint16_t bits = T(static_cast<float>(value)).bits;
      if ((bits & 0x7fffu) == 0) bits = direction > 0 ? 0x0001u : 0x8001u;
      else bits = static_cast<std::uint16_t>(((bits & 0x8000u) != 0) == (direction > 0) ? bits - 1 : bits + 1);
      return static_cast<double>(static_cast<float>(T::from_bits(bits)));
    }
  }
};

/// Quantile of the standard normal distribution for p in (0, 1): Wichura's AS 241 (PPND16), relative error below 1e-15.
double normal_quantile(double p) {
  const double q = p - 0.5;
  if (std::fabs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    return q *
           (((((((2509.0809287301226727 * r + 33430.575583588128105) * r + 67265.770927008700853) * r + 45921.953931549871457) * r +
               13731.693765509461125) * r + 1971.5909503065514427) * r + 133.14166789178437745) * r + 3.387132872796366608) /
           (((((((5226.495278852854561 * r + 28729.085735721942674) * r + 39307.89580009271061) * r + 21213.794301586595867) * r +
               5394.1960214247511077) * r + 687.1870074920579083) * r + 42.313330701600911252) * r + 1.0);
  }
  double r = std::sqrt(-std::log(q < 0 ? p : 1 - p));
  double x;
  if (r <= 5) {
    r -= 1.6;
    x = (((((((7.7454501427834140764e-4 * r + 0.0227238449892691845833) * r + 0.24178072517745061177) * r + 1.27045825245236838258) * r +
            3.64784832476320460504) * r + 5.7694972214606914055) * r + 4.6303378461565452959) * r + 1.42343711074968357734) /
        (((((((1.05075007164441684324e-9 * r + 5.475938084995344946e-4) * r + 0.0151986665636164571966) * r + 0.14810397642748007459) * r +
            0.68976733498510000455) * r + 1.6763848301838038494) * r + 2.05319162663775882187) * r + 1.0);
  } else {
    r -= 5;
    x = (((((((2.01033439929228813265e-7 * r + 2.71155556874348757815e-5) * r + 0.0012426609473880784386) * r + 0.026532189526576123093) * r +
            0.29656057182850489123) * r + 1.7848265399172913358) * r + 5.4637849111641143699) * r + 6.6579046435011037772) /
        (((((((2.04426310338993978564e-15 * r + 1.4215117583164458887e-7) * r + 1.8463183175100546818e-5) * r + 7.868691311456132591e-4) * r +
            0.0148753612908506148525) * r + 0.13692988092273580531) * r + 0.59983220655588793769) * r + 1.0);
  }
  return q < 0 ? -x : x;
}

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

}  // namespace

std::uint64_t uniform_words(DType dtype, std::int64_t numel) { return static_cast<std::uint64_t>(numel) * (dtype == DType::f64 ? 2 : 1); }
std::uint64_t normal_words(DType dtype, std::int64_t numel) { return uniform_words(dtype, numel + numel % 2); }
std::uint64_t random_integer_words(std::uint64_t range, std::int64_t numel) {
  return static_cast<std::uint64_t>(numel) * (range - 1 < std::uint64_t{1} << 32 ? 2 : 4);
}

void add_gumbel(const View& x, const View& out, PhiloxState state) {
  visit_floating(out.dtype, [&]<class T>(T) {
    for_tiles<float>(out.numel, 1, state, tiles().uniform, [&](std::int64_t first, std::int64_t count, const float* u) {
      Cursor from(x, first), to(out, first);
      for (std::int64_t i = 0; i < count; ++i, from.advance(), to.advance()) {
        constexpr double least = 1e-30;  // of an exponential draw: its logarithm is finite
        const double exponential = std::max(-std::log1p(-static_cast<double>(u[i])), least);
        const T v = x.as<const T>()[from.offset()];
        if constexpr (sizeof(T) == 2) out.as<T>()[to.offset()] = T(static_cast<float>(v) - static_cast<float>(std::log(exponential)));
        else out.as<T>()[to.offset()] = v - static_cast<T>(std::log(exponential));
      }
    });
  });
}

void uniform(const View& out, PhiloxState state, double low, double high) {
  const double width = high - low;
  if (out.dtype == DType::f64) {
    const Interval<double> interval(low, high);
    for_tiles<std::uint32_t>(out.numel, 2, state, tiles().words, [&](std::int64_t first, std::int64_t count, const std::uint32_t* words) {
      store<double>(out, first, count, [=](std::int64_t i) { return interval.clamp(low + width * uniform_double(words[2 * i], words[2 * i + 1])); });
    });
    return;
  }
  visit_floating(out.dtype, [&]<class T>(T) {
    const Interval<T> interval(low, high);
    const auto base = static_cast<float>(low), scale = static_cast<float>(width);
    const auto least = static_cast<float>(interval.least), greatest = static_cast<float>(interval.greatest);
    for_tiles<float>(out.numel, 1, state, tiles().uniform, [&](std::int64_t first, std::int64_t count, const float* numbers) {
      // the bounds are values of T, so rounding to T after clamping cannot pass them
      store<T>(out, first, count, [=](std::int64_t i) { return std::min(std::max(base + scale * numbers[i], least), greatest); });
    });
  });
}

void normal(const View& out, PhiloxState state, double mean, double std) {
  if (out.dtype == DType::f64) {
    for_tiles<std::uint32_t>(out.numel, 2, state, tiles().words, [&](std::int64_t first, std::int64_t count, std::uint32_t* words) {
      double numbers[tile_words / 2];
      for (std::int64_t i = 0; i < count; i += 2) {
        const double radius = std::sqrt(-2 * std::log(1 - uniform_double(words[2 * i], words[2 * i + 1])));
        const double angle = 2 * std::numbers::pi * uniform_double(words[2 * i + 2], words[2 * i + 3]);
        numbers[i] = radius * std::cos(angle);
        numbers[i + 1] = radius * std::sin(angle);
      }
      const double* made = numbers;
      store<double>(out, first, count, [=](std::int64_t i) { return mean + std * made[i]; });
    });
    return;
  }
  visit_floating(out.dtype, [&]<class T>(T) {
    const auto shift = static_cast<float>(mean), scale = static_cast<float>(std);
    for_tiles<float>(out.numel, 1, state, tiles().normal, [&](std::int64_t first, std::int64_t count, const float* numbers) {
      store<T>(out, first, count, [=](std::int64_t i) { return shift + scale * numbers[i]; });
    });
  });
}

void truncated_normal(const View& out, PhiloxState state, double mean, double std, double low, double high) {
  // Probabilities keep their precision in the lower tail only, so an interval in the upper half is mirrored.
  double a = (low - mean) / std, b = (high - mean) / std;
  const bool mirrored = a > 0;
  if (mirrored) {
    std::swap(a, b);
    a = -a, b = -b;
  }
  const double from = normal_cdf(a), width = normal_cdf(b) - from;
  visit_floating(out.dtype, [&]<class T>(T) {
    const Interval<T> interval(low, std::nextafter(high, INFINITY));
    for_tiles<std::uint32_t>(out.numel, 2, state, tiles().words, [&](std::int64_t first, std::int64_t count, const std::uint32_t* words) {
      store<T>(out, first, count, [=](std::int64_t i) {
        const double p = from + width * (uniform_double(words[2 * i], words[2 * i + 1]) + 0x1p-54);
        const double z = p <= 0 ? a : p >= 1 ? b : normal_quantile(p);
        return interval.clamp(mean + std * (mirrored ? -z : z));
      });
    });
  });
}

void bernoulli(const View& out, PhiloxState state, double p) {
  // 32 bits compare faster than 64, but only 64 can say "always"
  const std::uint64_t threshold = bernoulli_threshold(p);
  const bool always = threshold > UINT32_MAX;
  const auto limit = static_cast<std::uint32_t>(threshold);
  visit_all(out.dtype, [&]<class T>(T) {
    const T one = converted_to<T>(1.0f), zero = converted_to<T>(0.0f);
    for_tiles<std::uint32_t>(out.numel, 1, state, tiles().words, [&](std::int64_t first, std::int64_t count, const std::uint32_t* words) {
      store<T>(out, first, count, [=](std::int64_t i) { return ((words[i] < limit) | always) ? one : zero; });
    });
  });
}

bool bernoulli(const View& out, const View& probability, PhiloxState state) {
  bool valid = true;
  visit_floating(probability.dtype, [&]<class P>(P) {
    for_tiles<std::uint32_t>(out.numel, 1, state, tiles().words, [&](std::int64_t first, std::int64_t count, const std::uint32_t* words) {
      Cursor cursor(probability, first);
      store<P>(out, first, count, [&](std::int64_t i) {
        const double p = static_cast<std::conditional_t<std::is_same_v<P, double>, double, float>>(probability.as<P>()[cursor.offset()]);
        cursor.advance();
        if (!(p >= 0 && p <= 1)) __atomic_store_n(&valid, false, __ATOMIC_RELAXED);
        return p > 0 && words[i] < bernoulli_threshold(p) ? 1.0f : 0.0f;
      });
    });
  });
  return valid;
}

void random_integers(const View& out, PhiloxState state, std::int64_t low, std::uint64_t range) {
  const bool wide = random_integer_words(range, 1) == 4;
  const auto draw = [=](const std::uint32_t* words, std::int64_t i) {
    // the high half of (fraction of 2^64) * range; 128 random bits where 64 would show the unevenness
    __extension__ using u128 = unsigned __int128;
    if (!wide) return static_cast<std::uint64_t>(u128{two_words(words, i)} * range >> 64);
    const u128 carry = u128{two_words(words, 2 * i)} * range >> 64;
    return static_cast<std::uint64_t>((u128{two_words(words, 2 * i + 1)} * range + carry) >> 64);
  };
  visit_all(out.dtype, [&]<class T>(T) {
    for_tiles<std::uint32_t>(out.numel, wide ? 4 : 2, state, tiles().words, [&](std::int64_t first, std::int64_t count, const std::uint32_t* words) {
      store<T>(out, first, count, [=](std::int64_t i) { return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + draw(words, i)); });
    });
  });
}

void permutation(std::int64_t* out, std::int64_t n, PhiloxState state) {
  struct Keyed {
    std::uint64_t key;
    std::int64_t index;
  };
  const auto size = static_cast<std::size_t>(n);
  std::vector<std::uint64_t> keys(size);
  for_tiles<std::uint32_t>(n, 2, state, tiles().words, [&](std::int64_t first, std::int64_t count, const std::uint32_t* words) {
    for (std::int64_t i = 0; i < count; ++i) keys[static_cast<std::size_t>(first + i)] = two_words(words, i);
  });
  // Keys are spread evenly, so their high bits deal them into buckets of about 16, each of which is then sorted by itself.
  const int bits = std::max(1, static_cast<int>(std::bit_width(size)) - 4);
  const auto bucket_of = [=](std::uint64_t key) { return static_cast<std::size_t>(key >> (64 - bits)); };
  std::vector<std::size_t> end((std::size_t{1} << bits) + 1);
  for (const std::uint64_t key : keys) ++end[bucket_of(key) + 1];
  for (std::size_t b = 1; b < end.size(); ++b) end[b] += end[b - 1];
  std::vector<Keyed> order(size);
  for (std::size_t i = 0; i < size; ++i) order[end[bucket_of(keys[i])]++] = {keys[i], static_cast<std::int64_t>(i)};
  // By now end[b] is where bucket b ends, and the one before it is where it starts.
  parallel_for(std::int64_t{1} << bits, 512, [&](std::int64_t first, std::int64_t last) {
    for (auto b = static_cast<std::size_t>(first); b < static_cast<std::size_t>(last); ++b) {
      const std::size_t start = b ? end[b - 1] : 0;
      std::sort(order.data() + start, order.data() + end[b], [](const Keyed& x, const Keyed& y) { return x.key != y.key ? x.key < y.key : x.index < y.index; });
      for (std::size_t i = start; i < end[b]; ++i) out[i] = order[i].index;
    }
  });
}

}  // namespace tasuki::kernels::cpu
