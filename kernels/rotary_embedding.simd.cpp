#include "kernels/rotary_embedding.hpp"

#include "kernels/lanes.hpp"
#include "kernels/parallel.hpp"
#include "kernels/visit_floating.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {
namespace {

template <class T, bool accumulate>
void run(const View& x, const View& cos, const View& sin, const View& y, bool interleaved, bool inverse) {
  using A = compute_t<T>;
  const std::int64_t pairs = y.size(-1) / 2, rows = y.numel / y.size(-1);
  // Where the first and second elements of a pair lie, and how far the next pair is.
  const std::int64_t step = interleaved ? 2 : 1, second = interleaved ? 1 : pairs;
  const std::int64_t x_step = step * x.stride(-1), y_step = step * y.stride(-1), x_second = second * x.stride(-1), y_second = second * y.stride(-1);
  const Lanes<A> direction = splat(inverse ? A(-1) : A(1));
  parallel_for(rows, 1 + 32768 / (2 * pairs), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const T* from = x.as<const T>();
      T* to = y.as<T>();
      std::int64_t rest = r;
      for (int d = y.ndim - 2; d >= 0; --d) {
        from += rest % y.size(d) * x.stride(d);
        to += rest % y.size(d) * y.stride(d);
        rest /= y.size(d);
      }
      const A *c = cos.as<const A>() + r % y.size(-2) * pairs, *s = sin.as<const A>() + r % y.size(-2) * pairs;
      each_vector<A>(pairs, [&](std::int64_t i, auto part, int) __attribute__((always_inline)) {
        const Lanes<A> a = load_strided(from + i * x_step, x_step, part), b = load_strided(from + x_second + i * x_step, x_step, part);
        const Lanes<A> along = load(c + i, part), across = load(s + i, part) * direction;
        Lanes<A> first = a * along - b * across, last = b * along + a * across;
        if constexpr (accumulate) {
          first += load_strided<T>(to + i * y_step, y_step, part);
          last += load_strided<T>(to + y_second + i * y_step, y_step, part);
        }
        store_strided(to + i * y_step, y_step, first, part);
        store_strided(to + y_second + i * y_step, y_step, last, part);
      });
    }
  });
}

}  // namespace

void rotary_embedding(const View& x, const View& cos, const View& sin, const View& y, bool interleaved, bool inverse, bool accumulate) {
  visit_floating(y.dtype, [&](auto element) {
    using T = decltype(element);
    accumulate ? run<T, true>(x, cos, sin, y, interleaved, inverse) : run<T, false>(x, cos, sin, y, interleaved, inverse);
  });
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
