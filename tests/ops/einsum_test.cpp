#include "tasuki/ops/einsum.hpp"

#include <map>

#include "tasuki/ops/view.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;

namespace {

/// Sums over all values of all names, as the notation says; without "...".
auto summed(const std::string& result, const std::vector<std::string>& parts) {
  return [=](const HostArrays& in) -> HostArrays {
    std::map<char, std::int64_t> size, at;
    for (std::size_t k = 0; k < parts.size(); ++k)
      for (std::size_t d = 0; d < parts[k].size(); ++d) size[parts[k][d]] = in[k].shape[static_cast<int>(d)];
    std::int64_t all = 1;
    for (const auto& [name, n] : size) all *= n;
    Shape shape;
    for (const char c : result) shape.push_back(size[c]);
    HostArray y(shape);
    const auto position = [&](const std::string& names) {
      std::int64_t p = 0;
      for (const char c : names) p = p * size[c] + at[c];
      return p;
    };
    for (std::int64_t i = 0; i < all; ++i) {
      std::int64_t rest = i;
      for (const auto& [name, n] : size) {
        at[name] = rest % n;
        rest /= n;
      }
      double product = 1;
      for (std::size_t k = 0; k < parts.size(); ++k) product *= in[k][position(parts[k])];
      y[position(result)] += product;
    }
    return y;
  };
}

OpCase einsum_case(const std::string& result, const std::vector<std::string>& parts, const std::vector<Shape>& shapes, std::vector<std::vector<Shape>> more = {}) {
  std::string equation;
  std::vector<Input> inputs;
  for (std::size_t k = 0; k < parts.size(); ++k) {
    equation += (k ? ", " : "") + parts[k];
    inputs.push_back(real(shapes[k]));
  }
  equation += " -> " + result;
  return {.op = "einsum",
          .variant = equation,
          .inputs = inputs,
          .forward = [=](const Inputs& in) { return ts::einsum(equation, in); },
          .reference = summed(result, parts),
          .more_shapes = std::move(more),
          .slack = 8};
}

}  // namespace

OP_CASES(einsum) {
  return {
      einsum_case("ik", {"ij", "jk"}, {{2, 3}, {3, 4}}, {{{0, 3}, {3, 2}}, {{2, 0}, {0, 2}}}),
      einsum_case("ki", {"ji", "jk"}, {{3, 2}, {3, 4}}),
      einsum_case("bij", {"bik", "bjk"}, {{2, 2, 3}, {2, 4, 3}}),
      einsum_case("i", {"ii"}, {{3, 3}}),
      einsum_case("", {"ii"}, {{3, 3}}),
      einsum_case("j", {"ij"}, {{3, 4}}),
      einsum_case("ij", {"i", "j"}, {{3}, {4}}),
      einsum_case("", {"i", "i"}, {{5}, {5}}),
      einsum_case("ij", {"ij", "j"}, {{3, 4}, {4}}),
      einsum_case("ad", {"ab", "bc", "cd"}, {{2, 3}, {3, 2}, {2, 4}}),
      einsum_case("bn", {"bi", "nij", "bj"}, {{2, 3}, {2, 3, 4}, {2, 4}}),
      {.op = "bmm",
       .inputs = {real({2, 3, 4}), real({2, 4, 2})},
       .forward = [](const Inputs& in) { return ts::bmm(in[0], in[1]); },
       .reference = summed("bij", {"bik", "bkj"}),
       .more_shapes = {{{0, 3, 4}, {0, 4, 2}}, {{2, 3, 0}, {2, 0, 2}}},
       .slack = 4},
      {.op = "outer",
       .inputs = {real({3}), real({4})},
       .forward = [](const Inputs& in) { return ts::outer(in[0], in[1]); },
       .reference = summed("ij", {"i", "j"}),
       .more_shapes = {{{0}, {4}}, {{70}, {1}}}},
      {.op = "kron",
       .inputs = {real({2, 3}), real({2, 2})},
       .forward = [](const Inputs& in) { return ts::kron(in[0], in[1]); },
       .reference = [](const HostArrays& in) -> HostArrays {
         HostArray y(Shape{4, 6});
         for (std::int64_t i = 0; i < 4; ++i)
           for (std::int64_t j = 0; j < 6; ++j) y.at({i, j}) = in[0].at({i / 2, j / 2}) * in[1].at({i % 2, j % 2});
         return y;
       }},
  };
}

TEST_CASE("einsum without a result sums what occurs twice, and orders the rest") {
  const ts::Tensor a = to_tensor({2, 2}, {1, 2, 3, 4}), b = to_tensor({2, 2}, {5, 6, 7, 8});
  CHECK(to_host(ts::einsum("ij,jk", {a, b})).values == std::vector<double>{19, 22, 43, 50});
  CHECK(to_host(ts::einsum("ba", {a})).values == std::vector<double>{1, 3, 2, 4});
}

TEST_CASE("... stands for dimensions that broadcast") {
  const ts::Tensor x = to_tensor({2, 1, 2}, {1, 2, 3, 4}), w = to_tensor({3, 1, 2}, {1, 1, 1, 0, 0, 1});
  const ts::Tensor y = ts::einsum("...ij,...j->...i", {x.unsqueeze(1), w.squeeze(1)});
  CHECK(y.shape() == Shape{2, 3, 1});
  CHECK(to_host(y).values == std::vector<double>{3, 1, 2, 7, 3, 4});
  CHECK(ts::einsum("...", {x}).shape() == x.shape());
  CHECK(ts::einsum("i...->...", {x}).shape() == Shape{1, 2});
}

TEST_CASE("kron puts ones in front of the operand with fewer dimensions") {
  CHECK(to_host(ts::kron(to_tensor({2}, {1, 2}), to_tensor({1, 2}, {3, 4}))).values == std::vector<double>{3, 4, 6, 8});
}

TEST_CASE("Misuse of einsum is explained") {
  const ts::Tensor x = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  const std::string tail = "\n  operands: f32[2, 3] cpu\n  called at <here>";
  expect_error([&] { ts::einsum("ij,jk->ik", {x}); }, "ValueError: einsum\n  expected  an equation for 1 operands\n  actual    ij,jk->ik" + tail);
  expect_error([&] { ts::einsum("ijk->i", {x}); }, "ShapeError: einsum\n  expected  3 dimensions for ijk\n  actual    [2, 3]" + tail);
  expect_error([&] { ts::einsum("i?->i", {x}); }, "ValueError: einsum\n  expected  letters, ... and commas in the equation\n  actual    i?" + tail);
  expect_error([&] { ts::einsum("ij->k", {x}); }, "ValueError: einsum\n  expected  a result that names each dimension once, and only those of operands\n  actual    ij->k" + tail);
  expect_error([&] { ts::einsum("ii->i", {x}); }, "ShapeError: einsum\n  expected  equal sizes of dimension i\n  actual    [2, 3]" + tail);
  expect_error([&] { ts::einsum("ij,jk->ik", {x, x}); }, "ShapeError: einsum\n  expected  equal sizes of dimension j\n  actual    3 and 2" + tail);
  expect_error([&] { ts::bmm(x.unsqueeze(0), x.unsqueeze(0)); },
               "ShapeError: bmm\n  expected  a.size(2) == b.size(1)\n  actual    3 != 2\n  a: f32[1, 2, 3] cpu   b: f32[1, 2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::outer(x, x); }, "ShapeError: outer\n  expected  a.ndim() == 1\n  actual    2 != 1\n  a: f32[2, 3] cpu   b: f32[2, 3] cpu\n  called at <here>");
}
