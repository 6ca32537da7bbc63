#include <algorithm>
#include <vector>

#include "tasuki/ops/random.hpp"
#include "tests/catch.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/host_array.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;

TEST_CASE("multinomial draws indices as often as their weights say, and none of weight 0") {
  const ts::Tensor weights = to_tensor({2, 4}, {1, 0, 2, 5, 3, 3, 0, 0}, ts::f64);
  constexpr std::int64_t draws = 40000;
  ts::Generator generator(9);
  const HostArray drawn = to_host(ts::multinomial(weights, draws, {.replacement = true}, &generator));
  REQUIRE(drawn.shape == ts::Shape{2, draws});
  double counts[2][4] = {};
  for (std::int64_t i = 0; i < drawn.numel(); ++i) ++counts[i / draws][static_cast<int>(drawn[i])];
  for (int r = 0; r < 2; ++r)
    for (int k = 0; k < 4; ++k) {
      const double p = to_host(weights)[r * 4 + k] / (r == 0 ? 8 : 6);
      if (p == 0) CHECK(counts[r][k] == 0);
      else CHECK(counts[r][k] / draws == Approx(p).margin(0.01));
    }
}

TEST_CASE("multinomial without replacement draws each index once, likely ones first") {
  ts::Generator generator(4);
  const ts::Tensor weights = to_tensor({3}, {1, 2, 7});
  int first[3] = {};
  constexpr int draws = 4000;
  for (int i = 0; i < draws; ++i) {
    std::vector<std::int64_t> drawn = ts::multinomial(weights, 3, {}, &generator).to_vector<std::int64_t>();
    ++first[drawn[0]];
    std::sort(drawn.begin(), drawn.end());
    REQUIRE(drawn == std::vector<std::int64_t>{0, 1, 2});
  }
  for (int k = 0; k < 3; ++k) CHECK(first[k] / static_cast<double>(draws) == Approx(k == 0 ? 0.1 : k == 1 ? 0.2 : 0.7).margin(0.03));
}

TEST_CASE("misuse of multinomial is explained") {
  const ts::Tensor p = to_tensor({2}, {1, 0});
  const std::string tail = "\n  probabilities: f32[2] cpu\n  called at <here>";
  expect_error([&] { ts::multinomial(p, 2); }, "ValueError: multinomial\n  expected  at least 2 probabilities above 0 to draw from\n  actual    fewer" + tail);
  expect_error([&] { ts::multinomial(-p, 1); }, "ValueError: multinomial\n  expected  probabilities that are finite and not negative\n  actual    others" + tail);
  expect_error([&] { ts::multinomial(p, 0); }, "ValueError: multinomial\n  expected  samples >= 1\n  actual    0 < 1" + tail);
}
