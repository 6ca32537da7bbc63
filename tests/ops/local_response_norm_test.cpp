#include "tasuki/ops/local_response_norm.hpp"

#include <cmath>

#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;

namespace {

OpCase norm_case(const std::string& variant, const Shape& shape, std::int64_t size, std::vector<std::vector<Shape>> more = {}) {
  return {.op = "local_response_norm",
          .variant = variant,
          .inputs = {real(shape)},
          .forward = [=](const Inputs& in) { return ts::local_response_norm(in[0], size, {.alpha = 0.5, .beta = 0.6, .k = 1.5}); },
          .reference = [=](const HostArrays& in) -> HostArrays {
            HostArray y = in[0];
            const Shape& s = y.shape;
            const std::int64_t channels = s[1], inner = s[0] && channels ? y.numel() / (s[0] * channels) : 1;
            for (std::int64_t i = 0; i < y.numel(); ++i) {
              const std::int64_t c = i / inner % channels;
              double squares = 0;
              for (std::int64_t d = c - size / 2; d <= c + (size - 1) / 2; ++d)
                if (d >= 0 && d < channels) squares += in[0][i + (d - c) * inner] * in[0][i + (d - c) * inner];
              y[i] = in[0][i] / std::pow(1.5 + 0.5 * squares / static_cast<double>(size), 0.6);
            }
            return y;
          },
          .more_shapes = std::move(more),
          .slack = 8};
}

}  // namespace

OP_CASES(local_response_norm) {
  return {
      norm_case("three neighbours", {2, 5, 2, 3}, 3, {{{3, 4}}, {{1, 1, 2}}, {{0, 3, 2}}, {{2, 33, 4}}}),
      norm_case("an even number of neighbours", {2, 5, 3}, 4),
      norm_case("more neighbours than channels", {1, 3, 2}, 9),
  };
}

TEST_CASE("Misuse of local_response_norm is explained") {
  const ts::Tensor x = to_tensor({2}, {1, 2});
  expect_error([&] { ts::local_response_norm(x, 3); }, "ShapeError: local_response_norm\n  expected  x.ndim() >= 2\n  actual    1 < 2\n  x: f32[2] cpu\n  called at <here>");
  expect_error([&] { ts::local_response_norm(to_tensor({1, 2}, {1, 2}), 0); },
               "ValueError: local_response_norm\n  expected  size >= 1\n  actual    0 < 1\n  x: f32[1, 2] cpu\n  called at <here>");
}
