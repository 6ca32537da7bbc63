#include "tasuki/ops/softmax.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tasuki/runtime/threads.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;

namespace {


auto softmax_along(int dim, bool logarithm) {
  return [=](const HostArrays& in) -> HostArrays {
    const Shape& s = in[0].shape;
    const int d = dim < 0 ? dim + s.ndim() : dim;
    std::int64_t n = 1, inner = 1;
    if (s.ndim() > 0) n = s[d];
    for (int i = d + 1; i < s.ndim(); ++i) inner *= s[i];
    HostArray out(s);
    for (std::int64_t i = 0; i < out.numel(); ++i) {
      const std::int64_t first = i / (n * inner) * n * inner + i % inner;
      double peak = -infinity, sum = 0;
      for (std::int64_t k = 0; k < n; ++k) peak = std::max(peak, in[0][first + k * inner]);
      for (std::int64_t k = 0; k < n; ++k) sum += std::exp(in[0][first + k * inner] - peak);
      out[i] = logarithm ? in[0][i] - peak - std::log(sum) : std::exp(in[0][i] - peak) / sum;
    }
    return out;
  };
}

}  // namespace

OP_CASES(softmax) {
  return {
      {.op = "softmax",
       .variant = "last dim",
       .inputs = {real({3, 5}, -6, 6)},
       .forward = [](const Inputs& in) { return ts::softmax(in[0], -1); },
       .reference = softmax_along(-1, false),
       .flags = special_values,
       .more_shapes = {{{}}, {{2, 0}}, {{0, 3}}, {{1, 1}}, {{2, 16}}, {{2, 67}}, {{2, 3, 131}}}},
      {.op = "softmax",
       .variant = "channels",
       .inputs = {real({2, 5, 3, 4}, -6, 6)},
       .forward = [](const Inputs& in) { return ts::softmax(in[0], 1); },
       .reference = softmax_along(1, false),
       .flags = special_values,
       .more_shapes = {{{1, 3, 17}}, {{2, 1, 5}}, {{2, 19, 1, 1}}}},
      {.op = "log_softmax",
       .variant = "last dim",
       .inputs = {real({3, 5}, -6, 6)},
       .forward = [](const Inputs& in) { return ts::log_softmax(in[0], 1); },
       .reference = softmax_along(1, true),
       .flags = special_values,
       .more_shapes = {{{2, 0}}, {{0, 3}}, {{1, 1}}, {{2, 35}}}},
      {.op = "log_softmax",
       .variant = "first dim",
       .inputs = {real({7, 3}, -6, 6)},
       .forward = [](const Inputs& in) { return ts::log_softmax(in[0], 0); },
       .reference = softmax_along(0, true),
       .flags = special_values,
       .more_shapes = {{{2, 33}}, {{}}}},
  };
}

TEST_CASE("softmax neither overflows nor loses small classes") {
  const ts::Tensor x = to_tensor({2, 3}, {1000, 1001, -1000, -200, -201, -202});
  const HostArray p = to_host(ts::softmax(x, 1)), l = to_host(ts::log_softmax(x, 1));
  CHECK(p[1] == Approx(1 / (1 + std::exp(-1.0))));
  CHECK(p[2] == 0);
  CHECK(l[2] == Approx(-2001 - std::log(1 + std::exp(-1.0))));
  CHECK(p[3] == Approx(1 / (1 + std::exp(-1.0) + std::exp(-2.0))));
}

TEST_CASE("softmax of a slice of only -inf is NaN, of some -inf is 0 there, as in PyTorch") {
  const ts::Tensor x = to_tensor({3, 2}, {-infinity, -infinity, -infinity, 0, infinity, 0});
  for (const bool transposed : {false, true}) {
    const HostArray p = to_host(transposed ? ts::softmax(x.t().contiguous(), 0).t() : ts::softmax(x, 1));
    CHECK(std::isnan(p[0]));
    CHECK(std::isnan(p[1]));
    CHECK(p[2] == 0);
    CHECK(p[3] == 1);
    CHECK(std::isnan(p[4]));
  }
}

TEST_CASE("softmax sums to one and has the same bits for any number of threads") {
  HostArray values(Shape{300, 401});
  for (std::int64_t i = 0; i < values.numel(); ++i) values[i] = std::sin(static_cast<double>(i * 7919 % 1009)) * 9;
  const ts::Tensor x = to_tensor(values, ts::f32);
  const int threads = ts::num_threads();
  for (const int dim : {0, 1}) {
    ts::set_num_threads(1);
    const ts::Tensor one = ts::softmax(x, dim);
    ts::set_num_threads(3);
    CHECK(bytes_of(one) == bytes_of(ts::softmax(x, dim)));
    for (const float s : one.sum({dim}).to_vector<float>()) CHECK(s == Approx(1).epsilon(1e-5));
  }
  ts::set_num_threads(threads);
}
