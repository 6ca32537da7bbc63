// The columns are paired as the players of a tournament are: in each round every column meets one other, so that the rotations of a
// round are independent and their angles are computed side by side.
#include "kernels/orthogonalize.hpp"

#include "kernels/lanes.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {

namespace {

using V = Lanes<double>;
constexpr std::int64_t lanes = width<double>;
constexpr std::int64_t most_pairs = 64;  // whose angles are computed at once

struct Products {
  double aa, bb, ab;
};
TASUKI_LANES Products products(const double* a, const double* b, std::int64_t rows) {
  V aa{}, bb{}, ab{};
  for (std::int64_t i = 0; i < rows; i += lanes) {
    const V x = load(a + i), y = load(b + i);
    aa += x * x;
    bb += y * y;
    ab += x * y;
  }
  return {sum_lanes<double>(aa), sum_lanes<double>(bb), sum_lanes<double>(ab)};
}

TASUKI_LANES void rotate(double* a, double* b, std::int64_t rows, double cosine, double sine) {
  for (std::int64_t i = 0; i < rows; i += lanes) {
    const V x = load(a + i), y = load(b + i);
    store(a + i, x * cosine - y * sine);
    store(b + i, x * sine + y * cosine);
  }
}

/// The pairs of a round that are tried together: their columns, and cosine and sine of the angle between them.
struct Pairs {
  std::int64_t count = 0;
  double *first[most_pairs], *second[most_pairs];
  double first_square[most_pairs], second_square[most_pairs], product[most_pairs];
  double cosine[most_pairs], sine[most_pairs], turned[most_pairs];

  /// The angles after which the columns are orthogonal; those of pairs that are so already are 0. Returns how many are not.
  std::int64_t find_angles(double tolerance) {
    double turns = 0;
    const double least = tolerance * tolerance;
    for (std::int64_t i = 0; i < count; ++i) {
      const double pp = first_square[i], qq = second_square[i], pq = product[i];
      const bool turn = pq * pq > least * (pp * qq);
      const double zeta = (qq - pp) / (2.0 * pq), size = functors::TASUKI_ISA::absolute(zeta);
      const double tangent = (zeta < 0.0 ? -1.0 : 1.0) / (size + functors::TASUKI_ISA::square_root(1.0 + zeta * zeta));
      const double c = 1.0 / functors::TASUKI_ISA::square_root(1.0 + tangent * tangent);
      cosine[i] = c;
      sine[i] = c * tangent;
      turned[i] = turn ? 1.0 : 0.0;
      turns += turned[i];
    }
    return static_cast<std::int64_t>(turns);
  }
};

}  // namespace

void orthogonalize_columns(double* columns, std::int64_t rows, std::int64_t stride, std::int64_t count, double tolerance) {
  constexpr int most_sweeps = 60;
  const std::int64_t players = count + count % 2;  // with an odd count, one column of each round meets none
  Pairs pairs;
  std::int64_t turns = 1;
  for (int sweep = 0; sweep < most_sweeps && turns > 0; ++sweep) {
    turns = 0;
    for (std::int64_t round = 0; round + 1 < players; ++round) {
      for (std::int64_t begin = 0; begin < players / 2; begin += most_pairs) {
        pairs.count = 0;
        for (std::int64_t i = begin; i < players / 2 && i < begin + most_pairs; ++i) {
          // the last column stays where it is; the others move on by one place in each round
          const std::int64_t circle = players - 1;
          const std::int64_t x = i == 0 ? circle : (round + i) % circle, y = (round + circle - i) % circle;
          const std::int64_t p = x < y ? x : y, q = x < y ? y : x;
          if (q >= count) continue;
          const std::int64_t at = pairs.count++;
          double *const first = columns + p * stride, *const second = columns + q * stride;
          pairs.first[at] = first;
          pairs.second[at] = second;
          const Products sums = products(first, second, rows);
          pairs.first_square[at] = sums.aa;
          pairs.second_square[at] = sums.bb;
          pairs.product[at] = sums.ab;
        }
        turns += pairs.find_angles(tolerance);
        for (std::int64_t i = 0; i < pairs.count; ++i)
          if (pairs.turned[i] > 0.0) rotate(pairs.first[i], pairs.second[i], stride, pairs.cosine[i], pairs.sine[i]);
      }
    }
  }
}

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
