#include "tasuki/ops/random.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <vector>

#include "kernels/random.hpp"
#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/core/error.hpp"
#include "tests/catch.hpp"

namespace ts = tasuki;

namespace {

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

template <class T>
std::vector<double> numbers(const ts::Tensor& t) {
  std::vector<double> result;
  for (const T v : t.to_vector<T>()) {
    if constexpr (std::is_arithmetic_v<T>) result.push_back(static_cast<double>(v));
    else result.push_back(static_cast<double>(static_cast<float>(v)));
  }
  return result;
}

struct Moments {
  double mean = 0, variance = 0, skewness = 0, kurtosis = 0;
};
Moments moments_of(const std::vector<double>& x) {
  const auto n = static_cast<double>(x.size());
  Moments m;
  for (double v : x) m.mean += v / n;
  for (double v : x) m.variance += (v - m.mean) * (v - m.mean) / n;
  for (double v : x) {
    const double z = (v - m.mean) / std::sqrt(m.variance);
    m.skewness += z * z * z / n;
    m.kurtosis += z * z * z * z / n;
  }
  return m;
}

/// Kolmogorov-Smirnov: sqrt(n) times the largest distance of the empirical from the true distribution. Below 1.95 in 999 of 1,000
/// samples of the true one; with a fixed seed the value is fixed.
double kolmogorov_smirnov(std::vector<double> x, const std::function<double(double)>& cdf) {
  std::sort(x.begin(), x.end());
  double distance = 0;
  const auto n = static_cast<double>(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double f = cdf(x[i]);
    distance = std::max({distance, std::fabs(f - static_cast<double>(i) / n), std::fabs(f - static_cast<double>(i + 1) / n)});
  }
  return distance * std::sqrt(n);
}

/// Pearson's statistic for equally likely classes, as a number of standard deviations from its expectation.
double chi_square_deviation(const std::vector<std::int64_t>& counts) {
  const auto total = static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}));
  const double expected = total / static_cast<double>(counts.size());
  double statistic = 0;
  for (const std::int64_t c : counts) statistic += (static_cast<double>(c) - expected) * (static_cast<double>(c) - expected) / expected;
  const auto freedom = static_cast<double>(counts.size() - 1);
  return (statistic - freedom) / std::sqrt(2 * freedom);
}

constexpr std::int64_t many = 200'003;  // not a multiple of any tile

}  // namespace

TEST_CASE("rand is uniform on [0, 1)") {
  ts::Generator generator(11);
  const auto check = [](const std::vector<double>& x) {
    CHECK(*std::min_element(x.begin(), x.end()) >= 0);
    CHECK(*std::max_element(x.begin(), x.end()) < 1);
    const Moments m = moments_of(x);
    CHECK(m.mean == Approx(0.5).margin(0.003));
    CHECK(m.variance == Approx(1.0 / 12).margin(0.001));
    CHECK(kolmogorov_smirnov(x, [](double v) { return v; }) < 1.95);
  };
  SECTION("f32") { check(numbers<float>(ts::rand({many}, {}, &generator))); }
  SECTION("f64") { check(numbers<double>(ts::rand({many}, {.dtype = ts::f64}, &generator))); }
}

TEST_CASE("rand in f64 uses 53 random bits") {
  ts::Generator generator(3);
  unsigned low_bits = 0;
  for (const double v : ts::rand({1000}, {.dtype = ts::f64}, &generator).to_vector<double>()) {
    const auto bits = static_cast<std::uint64_t>(v * 0x1p53);
    CHECK(static_cast<double>(bits) * 0x1p-53 == v);
    low_bits |= static_cast<unsigned>(bits & 0xff);
  }
  CHECK(low_bits == 0xff);
}

TEST_CASE("uniform numbers stay below the upper bound when they are rounded to 16 bits") {
  ts::Generator generator(5);
  const auto in_range = [](const std::vector<double>& x, double low, double high) {
    CHECK(*std::min_element(x.begin(), x.end()) >= low);
    CHECK(*std::max_element(x.begin(), x.end()) < high);
  };
  in_range(numbers<ts::bfloat16>(ts::rand({many}, {.dtype = ts::bf16}, &generator)), 0, 1);
  in_range(numbers<ts::float16>(ts::rand({many}, {.dtype = ts::f16}, &generator)), 0, 1);
  in_range(numbers<ts::bfloat16>(ts::uniform({many}, -3, 0.1, {.dtype = ts::bf16}, &generator)), -3, 0.1);
  in_range(numbers<ts::float16>(ts::uniform({many}, 0.1, 0.2, {.dtype = ts::f16}, &generator)), 0.1, 0.2);
  in_range(numbers<ts::float16>(ts::uniform({many}, -0.2, -0.1, {.dtype = ts::f16}, &generator)), -0.2, -0.1);
  in_range(numbers<float>(ts::uniform({many}, 16777216.0, 16777218.0, {}, &generator)), 16777216.0, 16777218.0);
  in_range(numbers<float>(ts::uniform({many}, 0.1, 0.3, {}, &generator)), 0.1, 0.3);
  CHECK(numbers<float>(ts::uniform({3}, 2, 2, {}, &generator)) == std::vector<double>{2, 2, 2});
}

TEST_CASE("16-bit uniform numbers are the f32 numbers, rounded") {
  ts::Generator a(8), b(8);
  const auto wide = ts::rand({1000}, {}, &a).to_vector<float>();
  const auto narrow = ts::rand({1000}, {.dtype = ts::bf16}, &b).to_vector<ts::bfloat16>();
  for (std::size_t i = 0; i < wide.size(); ++i) {
    const float rounded = static_cast<float>(ts::bfloat16(wide[i]));
    REQUIRE(static_cast<float>(narrow[i]) == (rounded < 1 ? rounded : 0.99609375f));
  }
}

TEST_CASE("randn has the moments and the distribution of a standard normal") {
  ts::Generator generator(2);
  const auto check = [](const std::vector<double>& x) {
    const Moments m = moments_of(x);
    CHECK(m.mean == Approx(0).margin(0.007));
    CHECK(m.variance == Approx(1).margin(0.01));
    CHECK(m.skewness == Approx(0).margin(0.02));
    CHECK(m.kurtosis == Approx(3).margin(0.04));
    CHECK(kolmogorov_smirnov(x, normal_cdf) < 1.95);
    CHECK(*std::max_element(x.begin(), x.end()) > 4);
    CHECK(*std::min_element(x.begin(), x.end()) < -4);
  };
  SECTION("f32") { check(numbers<float>(ts::randn({many}, {}, &generator))); }
  SECTION("f64") { check(numbers<double>(ts::randn({many}, {.dtype = ts::f64}, &generator))); }
}

TEST_CASE("neighbours in randn, which share a draw, are not correlated") {
  ts::Generator generator(6);
  const auto x = numbers<float>(ts::randn({100'000}, {}, &generator));
  for (const std::size_t lag : {1u, 2u, 4u, 128u}) {
    double sum = 0;
    for (std::size_t i = lag; i < x.size(); ++i) sum += x[i] * x[i - lag];
    CHECK(sum / static_cast<double>(x.size()) == Approx(0).margin(0.012));
  }
}

TEST_CASE("normal scales and shifts") {
  ts::Generator generator(4);
  const Moments m = moments_of(numbers<float>(ts::normal({many}, 3, 0.5, {}, &generator)));
  CHECK(m.mean == Approx(3).margin(0.004));
  CHECK(m.variance == Approx(0.25).margin(0.003));
  CHECK(numbers<float>(ts::normal({2}, 7, 0, {}, &generator)) == std::vector<double>{7, 7});
}

TEST_CASE("truncated_normal is the normal distribution inside its bounds, tails included") {
  ts::Generator generator(9);
  struct Bounds {
    double low, high;
  };
  for (const Bounds b : {Bounds{-2, 2}, Bounds{-0.5, 3}, Bounds{4, 5}, Bounds{-9, -8}, Bounds{-30, 30}}) {
    CAPTURE(b.low, b.high);
    const auto x = numbers<double>(ts::truncated_normal({50'000}, 0, 1, b.low, b.high, {.dtype = ts::f64}, &generator));
    CHECK(*std::min_element(x.begin(), x.end()) >= b.low);
    CHECK(*std::max_element(x.begin(), x.end()) <= b.high);
    // of the lower tail, where differences of probabilities keep their digits
    const auto lower = [&](double v) { return b.low > 0 ? normal_cdf(-v) : normal_cdf(v); };
    const double at_low = lower(b.low), width = lower(b.high) - at_low;
    CHECK(kolmogorov_smirnov(x, [&](double v) { return (lower(v) - at_low) / width; }) < 1.95);
  }
  const auto scaled = numbers<float>(ts::truncated_normal({50'000}, 1, 0.02, 0.96, 1.04, {}, &generator));
  CHECK(*std::min_element(scaled.begin(), scaled.end()) >= 0.96);
  CHECK(*std::max_element(scaled.begin(), scaled.end()) <= 1.04);
}

TEST_CASE("bernoulli gives ones with its probability in every dtype") {
  ts::Generator generator(12);
  for (const double p : {0.0, 0.1, 0.5, 0.9, 1.0}) {
    const auto x = ts::bernoulli({many}, p, {.dtype = ts::u8}, &generator).to_vector<std::uint8_t>();
    const double ones = std::accumulate(x.begin(), x.end(), 0.0);
    CHECK(ones / static_cast<double>(many) == Approx(p).margin(0.004));
    if (p == 0.0 || p == 1.0) CHECK(ones == p * static_cast<double>(many));
  }
  const ts::PhiloxState start = generator.state();
  const auto draw = [&](ts::DType dtype) {
    generator.set_state(start);
    return ts::bernoulli({300}, 0.3, {.dtype = dtype}, &generator);
  };
  const auto as_float = numbers<float>(draw(ts::f32));
  CHECK(numbers<double>(draw(ts::f64)) == as_float);
  CHECK(numbers<bool>(draw(ts::bool_)) == as_float);
  CHECK(numbers<std::int64_t>(draw(ts::i64)) == as_float);
  CHECK(numbers<ts::float16>(draw(ts::f16)) == as_float);
}

TEST_CASE("bernoulli takes a probability per element") {
  ts::Generator generator(13);
  std::vector<float> p(9000);
  for (std::size_t i = 0; i < p.size(); ++i) p[i] = i % 3 == 0 ? 0.0f : i % 3 == 1 ? 1.0f : 0.25f;
  const auto x = ts::bernoulli(ts::from(p, {9000}), &generator).to_vector<float>();
  double ones = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (i % 3 == 0) REQUIRE(x[i] == 0);
    else if (i % 3 == 1) REQUIRE(x[i] == 1);
    else ones += static_cast<double>(x[i]);
  }
  CHECK(ones / 3000 == Approx(0.25).margin(0.03));
}

TEST_CASE("randint reaches all its values equally often") {
  ts::Generator generator(14);
  SECTION("a small range, negative start") {
    std::vector<std::int64_t> counts(17);
    for (const std::int64_t v : ts::randint(-5, 12, {many}, {}, &generator).to_vector<std::int64_t>()) {
      REQUIRE((v >= -5 && v < 12));
      ++counts[static_cast<std::size_t>(v + 5)];
    }
    CHECK(std::fabs(chi_square_deviation(counts)) < 4);
  }
  SECTION("more than 32 bits") {
    std::vector<std::int64_t> counts(64);
    const std::int64_t high = std::int64_t{3} << 61;
    for (const std::int64_t v : ts::randint(-high, high, {many}, {}, &generator).to_vector<std::int64_t>()) {
      REQUIRE((v >= -high && v < high));
      ++counts[(static_cast<std::uint64_t>(v) + static_cast<std::uint64_t>(high)) / static_cast<std::uint64_t>(high / 32)];
    }
    CHECK(std::fabs(chi_square_deviation(counts)) < 4);
  }
  SECTION("the whole of i64 but its last value") {
    const auto v = ts::randint(INT64_MIN, INT64_MAX, {1000}, {}, &generator).to_vector<std::int64_t>();
    CHECK(*std::min_element(v.begin(), v.end()) < INT64_MIN / 2);
    CHECK(*std::max_element(v.begin(), v.end()) > INT64_MAX / 2);
  }
  SECTION("other dtypes") {
    CHECK(ts::randint(0, 10, {2}, {.dtype = ts::i32}, &generator).dtype() == ts::i32);
    for (const double v : numbers<float>(ts::randint(0, 3, {100}, {.dtype = ts::f32}, &generator))) REQUIRE((v == 0 || v == 1 || v == 2));
    CHECK(numbers<std::uint8_t>(ts::randint(255, 256, {3}, {.dtype = ts::u8}, &generator)) == std::vector<double>{255, 255, 255});
  }
}

TEST_CASE("numbers like a tensor have its shape, dtype and layout") {
  const ts::Tensor like = ts::zeros({3, 4}, {.dtype = ts::f64}).transpose(0, 1);
  ts::Generator a(5), b(5);
  const ts::Tensor x = ts::randn_like(like, {.requires_grad = true}, &a);
  CHECK(x.dtype() == ts::f64);
  CHECK(x.shape() == like.shape());
  CHECK(x.strides() == like.strides());
  CHECK(x.requires_grad());
  CHECK(x.to_vector<double>() == ts::randn({4, 3}, {.dtype = ts::f64}, &b).to_vector<double>());
  CHECK(ts::rand_like(like, {.dtype = ts::f32}, &a).to_vector<float>() == ts::rand({4, 3}, {}, &b).to_vector<float>());
  const ts::Tensor labels = ts::zeros({7}, {.dtype = ts::i64});
  CHECK(ts::randint_like(labels, 3, 9, {}, &a).to_vector<std::int64_t>() == ts::randint(3, 9, {7}, {}, &b).to_vector<std::int64_t>());
}

TEST_CASE("randperm is a permutation, and every position gets every index equally often") {
  ts::Generator generator(15);
  std::vector<std::int64_t> at_place(36);
  for (int trial = 0; trial < 6000; ++trial) {
    const auto order = ts::randperm(6, {}, &generator).to_vector<std::int64_t>();
    for (std::size_t place = 0; place < 6; ++place) ++at_place[place * 6 + static_cast<std::size_t>(order[place])];
  }
  CHECK(std::fabs(chi_square_deviation(at_place)) < 4);
  auto order = ts::permutation(10'007, {}, &generator).to_vector<std::int64_t>();
  CHECK_FALSE(std::is_sorted(order.begin(), order.end()));
  std::sort(order.begin(), order.end());
  for (std::size_t i = 0; i < order.size(); ++i) REQUIRE(order[i] == static_cast<std::int64_t>(i));
  CHECK(ts::randperm(0, {}, &generator).numel() == 0);
  CHECK(ts::randperm(1, {}, &generator).to_vector<std::int64_t>() == std::vector<std::int64_t>{0});
}

TEST_CASE("an element is a function of seed, offset and index: not of the size or the strides") {
  const auto draw = [](const ts::Shape& shape) {
    ts::Generator generator(21);
    generator.set_state({21, 1000});
    return ts::randn(shape, {}, &generator);
  };
  const auto whole = draw({300'000}).to_vector<float>();
  const auto part = draw({129, 7}).to_vector<float>();
  CHECK(std::equal(part.begin(), part.end(), whole.begin()));

  ts::Generator generator(21);
  generator.set_state({21, 1000});
  const ts::Tensor transposed = ts::empty({7, 129}).transpose(0, 1);
  ts::normal_(transposed, 0, 1, &generator);
  CHECK(transposed.to_vector<float>() == part);
}

TEST_CASE("a draw moves the generator past the words it used, and no further") {
  ts::Generator generator(1);
  ts::rand({10}, {}, &generator);
  CHECK(generator.state().offset == 3);
  ts::rand({10}, {.dtype = ts::f64}, &generator);
  CHECK(generator.state().offset == 8);
  ts::randn({3}, {}, &generator);
  CHECK(generator.state().offset == 9);
  ts::rand({0, 4}, {}, &generator);
  CHECK(generator.state().offset == 9);
  const ts::PhiloxState before = generator.state();
  CHECK_THROWS_AS(ts::rand({-1}, {}, &generator), ts::ShapeError);
  CHECK(generator.state() == before);
}

TEST_CASE("the default stream repeats after manual_seed") {
  ts::manual_seed(99);
  const auto first = ts::randn({50}).to_vector<float>();
  const auto second = ts::randn({50}).to_vector<float>();
  CHECK(first != second);
  ts::manual_seed(99);
  CHECK(ts::randn({50}).to_vector<float>() == first);
  ts::manual_seed(100);
  CHECK(ts::randn({50}).to_vector<float>() != first);
}

TEST_CASE("in-place forms count as writes and may not overwrite a leaf that the tape watches") {
  const ts::Tensor x = ts::empty({4});
  const std::uint32_t before = x.version();
  CHECK(&ts::uniform_(x, 2, 3) == &x);
  CHECK(x.version() == before + 1);
  for (const float v : x.to_vector<float>()) CHECK((v >= 2 && v < 3));
  const ts::Tensor leaf = ts::empty({4}).requires_grad_();
  CHECK_THROWS_AS(ts::normal_(leaf), ts::AutogradError);
  ts::NoGrad off;
  ts::truncated_normal_(leaf, 0, 0.1, -0.2, 0.2);
  for (const float v : leaf.to_vector<float>()) CHECK(std::fabs(v) <= 0.2f);
}

TEST_CASE("what random numbers overwrite has no gradient any more, the rest keeps its own") {
  const ts::Tensor leaf = ts::ones({3}, {.requires_grad = true});
  const ts::Tensor noise = leaf * 2.0f;
  ts::normal_(noise);
  (noise + leaf * 5.0f).sum().backward();
  CHECK(leaf.grad().to_vector<float>() == std::vector<float>{5, 5, 5});
}

TEST_CASE("all instruction sets draw the same uniform bits, and normals equal to rounding") {
  namespace cpu = ts::kernels::cpu;
  constexpr std::int64_t tiles = 5, n = tiles * ts::philox_tile_words;
  const auto run = [&](const cpu::RandomTiles& t) {
    std::vector<float> values(2 * n);
    t.uniform({77, 5}, 2, tiles, values.data());
    t.normal({77, 5}, 2, tiles, values.data() + n);
    return values;
  };
  const auto expected = run(cpu::baseline::random_tiles);
  const auto chosen = run(*[] {
    using namespace cpu;
    return TASUKI_ON_ISA(random_tiles);
  }());
  CHECK(std::equal(chosen.begin(), chosen.begin() + n, expected.begin()));
  for (std::size_t i = n; i < 2 * n; ++i) REQUIRE(chosen[i] == Approx(expected[i]).margin(1e-6));
}
