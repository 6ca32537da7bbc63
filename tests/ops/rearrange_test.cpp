#include "tasuki/autograd/autograd.hpp"
#include "tasuki/autograd/listener.hpp"
#include "tasuki/ops/rearrange.hpp"

#include "tasuki/ops/pad.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Shape;

namespace {

using Position = std::vector<std::int64_t>;

Position index_of(const Shape& shape, std::int64_t position) {
  Position index(shape.size());
  for (int d = shape.ndim() - 1; d >= 0; position /= shape[d--]) index[static_cast<std::size_t>(d)] = position % shape[d];
  return index;
}

/// y[index] = x[source(index)], or 0 where that lies outside of x.
template <class F>
HostArray moved(const HostArray& x, const Shape& shape, F source) {
  HostArray y(shape);
  for (std::int64_t i = 0; i < y.numel(); ++i) {
    const Position from = source(index_of(shape, i));
    std::int64_t position = 0;
    bool inside = true;
    for (int d = 0; d < x.shape.ndim(); ++d) {
      const std::int64_t k = from[static_cast<std::size_t>(d)];
      inside = inside && k >= 0 && k < x.shape[d];
      position = position * x.shape[d] + k;
    }
    if (inside) y[i] = x[position];
  }
  return y;
}

std::int64_t modulo(std::int64_t a, std::int64_t b) { return ((a % b) + b) % b; }

OpCase pad_case(const std::string& variant, const Shape& shape, const ts::Dims& amounts, ts::PadMode mode, std::vector<std::vector<Shape>> more = {}) {
  return {.op = "pad",
          .variant = variant,
          .inputs = {real(shape)},
          .forward = [=](const Inputs& in) { return ts::pad(in[0], amounts, {.mode = mode}); },
          .reference = [=](const HostArrays& in) -> HostArrays {
            Shape to = in[0].shape;
            for (int k = 0; k < amounts.ndim(); ++k) to[to.ndim() - 1 - k / 2] += amounts[k];
            return moved(in[0], to, [&](Position i) {
              for (int k = 0; k < amounts.ndim() / 2; ++k) {
                const int d = to.ndim() - 1 - k;
                const std::int64_t n = in[0].shape[d];
                std::int64_t& at = i[static_cast<std::size_t>(d)];
                at -= amounts[2 * k];
                if (mode == ts::PadMode::reflect) at = at < 0 ? -at : at >= n ? 2 * n - 2 - at : at;
                if (mode == ts::PadMode::replicate) at = std::clamp<std::int64_t>(at, 0, n - 1);
                if (mode == ts::PadMode::circular) at = modulo(at, n);
              }
              return i;
            });
          },
          .more_shapes = std::move(more)};
}

OpCase triangle_case(bool upper, std::int64_t offset, const std::string& variant, const Shape& shape, std::vector<std::vector<Shape>> more = {}) {
  return {.op = upper ? "triu" : "tril",
          .variant = variant,
          .inputs = {real(shape)},
          .forward = [=](const Inputs& in) { return upper ? ts::triu(in[0], offset) : ts::tril(in[0], offset); },
          .reference = [=](const HostArrays& in) -> HostArrays {
            return moved(in[0], in[0].shape, [&](Position i) {
              const std::int64_t above = i[i.size() - 1] - i[i.size() - 2];
              if (upper ? above < offset : above > offset) i[0] = -1;
              return i;
            });
          },
          .flags = no_nan,
          .more_shapes = std::move(more)};
}

/// y has x's sizes times `repeats`.
auto repeated(const Position& repeats) {
  return [=](const HostArrays& in) -> HostArrays {
    Shape to;
    const std::size_t added = repeats.size() - in[0].shape.size();
    for (std::size_t d = 0; d < repeats.size(); ++d) to.push_back(repeats[d] * (d < added ? 1 : in[0].shape[static_cast<int>(d - added)]));
    return moved(in[0], to, [&](Position i) {
      Position from(i.begin() + static_cast<std::ptrdiff_t>(added), i.end());
      for (std::size_t d = 0; d < from.size(); ++d) from[d] %= in[0].shape[static_cast<int>(d)];
      return from;
    });
  };
}

/// Parts along the last of two dimensions.
auto columns_of(std::vector<std::int64_t> sizes) {
  return [=](const HostArrays& in) -> HostArrays {
    HostArrays parts;
    std::int64_t begin = 0;
    for (const std::int64_t size : sizes) {
      parts.push_back(moved(in[0], {in[0].shape[0], size}, [&](Position i) { return Position{i[0], i[1] + begin}; }));
      begin += size;
    }
    return parts;
  };
}

}  // namespace

OP_CASES(rearrange) {
  using ts::PadMode;
  return {
      {.op = "flip",
       .variant = "the last dim",
       .inputs = {real({3, 5})},
       .forward = [](const Inputs& in) { return ts::flip(in[0], -1); },
       .reference = [](const HostArrays& in) -> HostArrays {
         return moved(in[0], in[0].shape, [&](Position i) { return i.back() = in[0].shape.back() - 1 - i.back(), i; });
       },
       .more_shapes = {{{70}}, {{0, 3}}, {{3, 0}}, {{2, 1}}}},
      {.op = "flip",
       .variant = "two dims",
       .inputs = {real({2, 3, 4})},
       .forward = [](const Inputs& in) { return ts::flip(in[0], {0, 2}); },
       .reference = [](const HostArrays& in) -> HostArrays { return moved(in[0], in[0].shape, [](const Position& i) { return Position{1 - i[0], i[1], 3 - i[2]}; }); }},
      {.op = "roll",
       .variant = "two dims",
       .inputs = {real({3, 5})},
       .forward = [](const Inputs& in) { return ts::roll(in[0], {2, -7}, {0, 1}); },
       .reference = [](const HostArrays& in) -> HostArrays {
         const Shape& s = in[0].shape;
         return moved(in[0], s, [&](const Position& i) { return Position{modulo(i[0] - 2, s[0]), modulo(i[1] + 7, s[1])}; });
       },
       .more_shapes = {{{2, 7}}, {{0, 3}}, {{3, 0}}, {{1, 1}}}},
      {.op = "roll",
       .variant = "in row-major order",
       .inputs = {real({3, 4})},
       .forward = [](const Inputs& in) { return ts::roll(in[0], 5); },
       .reference = [](const HostArrays& in) -> HostArrays {
         HostArray y = in[0];
         for (std::int64_t i = 0; i < y.numel(); ++i) y[(i + 5) % y.numel()] = in[0][i];
         return y;
       }},
      {.op = "repeat", .inputs = {real({2, 3})}, .forward = [](const Inputs& in) { return ts::repeat(in[0], {2, 3, 2}); }, .reference = repeated({2, 3, 2}), .more_shapes = {{{}}, {{3}}, {{0, 2}}}},
      {.op = "tile", .inputs = {real({2, 3})}, .forward = [](const Inputs& in) { return ts::tile(in[0], 4); }, .reference = repeated({1, 4})},
      triangle_case(false, 0, "the diagonal and below", {4, 5}, {{{5, 3}}, {{1, 1}}, {{0, 3}}, {{3, 0}}, {{2, 3, 3}}}),
      triangle_case(false, -2, "from the second below", {2, 5, 4}),
      triangle_case(true, 1, "above the diagonal", {4, 5}, {{{5, 3}}, {{2, 70}}, {{0, 3}}, {{2, 3, 3}}}),
      triangle_case(true, -9, "everything", {3, 4}),
      pad_case("of a constant", {2, 3}, {1, 2, 0, 1}, PadMode::constant, {{{0, 3}}, {{3, 0}}, {{1, 70}}, {{2, 2, 2, 2}}}),
      pad_case("that cuts off", {3, 5}, {-1, 2, 1, -2}, PadMode::constant),
      pad_case("with all dims", {2, 2, 3}, {1, 1, 2, 0, 0, 3}, PadMode::constant),
      pad_case("mirrored in one dim", {2, 4}, {3, 2}, PadMode::reflect, {{{70}}, {{0, 4}}}),
      pad_case("mirrored in two dims", {1, 2, 3, 4}, {1, 3, 2, 1}, PadMode::reflect),
      pad_case("of the border", {2, 3, 2}, {3, 2, 1, 4}, PadMode::replicate),
      pad_case("of the border in three dims", {1, 2, 2, 3}, {1, 2, 2, 1, 1, 0}, PadMode::replicate),
      pad_case("around", {2, 3, 4}, {4, 1, 2, 3}, PadMode::circular, {{{1, 3, 70}}, {{0, 3, 4}}}),
      {.op = "pixel_shuffle",
       .inputs = {real({2, 8, 3, 2})},
       .forward = [](const Inputs& in) { return ts::pixel_shuffle(in[0], 2); },
       .reference = [](const HostArrays& in) -> HostArrays {
         const Shape& s = in[0].shape;
         return moved(in[0], {s[0], s[1] / 4, s[2] * 2, s[3] * 2}, [](const Position& i) { return Position{i[0], i[1] * 4 + i[2] % 2 * 2 + i[3] % 2, i[2] / 2, i[3] / 2}; });
       },
       .more_shapes = {{{1, 4, 5, 3}}, {{0, 4, 2, 2}}}},
      {.op = "pixel_unshuffle",
       .inputs = {real({2, 2, 4, 6})},
       .forward = [](const Inputs& in) { return ts::pixel_unshuffle(in[0], 2); },
       .reference = [](const HostArrays& in) -> HostArrays {
         const Shape& s = in[0].shape;
         return moved(in[0], {s[0], s[1] * 4, s[2] / 2, s[3] / 2}, [](const Position& i) { return Position{i[0], i[1] / 4, i[2] * 2 + i[1] / 2 % 2, i[3] * 2 + i[1] % 2}; });
       }},
      {.op = "split", .variant = "by size", .inputs = {real({2, 5})}, .forward = [](const Inputs& in) { return ts::split(in[0], 2, 1); }, .reference = columns_of({2, 2, 1})},
      {.op = "split",
       .variant = "by sizes",
       .inputs = {real({2, 6})},
       .forward = [](const Inputs& in) { return ts::split(in[0], std::vector<std::int64_t>{1, 3, 2}, -1); },
       .reference = columns_of({1, 3, 2})},
      {.op = "chunk", .inputs = {real({3, 7})}, .forward = [](const Inputs& in) { return ts::chunk(in[0], 3, 1); }, .reference = columns_of({3, 3, 1})},
      {.op = "unbind",
       .inputs = {real({2, 3})},
       .forward = [](const Inputs& in) { return ts::unbind(in[0]); },
       .reference = [](const HostArrays& in) -> HostArrays {
         const std::vector<double>& v = in[0].values;
         return std::vector<HostArray>{HostArray({3}, std::vector<double>(v.begin(), v.begin() + 3)), HostArray({3}, std::vector<double>(v.begin() + 3, v.end()))};
       }},
      {.op = "meshgrid",
       .inputs = {real({2}), real({3})},
       .forward = [](const Inputs& in) { return ts::meshgrid({in[0], in[1]}); },
       .reference = [](const HostArrays& in) -> HostArrays {
         const auto grid = [&](std::size_t k) { return moved(in[k], {2, 3}, [=](const Position& i) { return Position{i[k]}; }); };
         return std::vector<HostArray>{grid(0), grid(1)};
       },
       .flags = no_nan},
  };
}

TEST_CASE("Rearrangements take every dtype, and pad any value") {
  for (const ts::DType dtype : {ts::i64, ts::i32, ts::u8, ts::bool_}) {
    const ts::Tensor x = to_tensor({3}, {1, 0, 1}, dtype);
    CHECK(to_host(ts::flip(x.slice(0, 0, 2), 0)).values == std::vector<double>{0, 1});
    CHECK(to_host(ts::roll(x, 1)).values == std::vector<double>{1, 1, 0});
    CHECK(to_host(ts::pad(x, {1, 0}, {.value = 1})).values == std::vector<double>{1, 1, 0, 1});
    CHECK(to_host(ts::pad(x, {0, 2}, {.mode = ts::PadMode::circular})).values == std::vector<double>{1, 0, 1, 1, 0});
    CHECK(to_host(ts::triu(ts::repeat(x, {2, 1}), 1)).values == std::vector<double>{0, 0, 1, 0, 0, 1});
  }
}

TEST_CASE("pixel_unshuffle undoes pixel_shuffle") {
  const ts::Tensor x = to_tensor({4, 1, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(to_host(ts::pixel_shuffle(x, 2)).values == std::vector<double>{1, 3, 2, 4, 5, 7, 6, 8});
  CHECK(to_host(ts::pixel_unshuffle(ts::pixel_shuffle(x, 2), 2)).values == to_host(x).values);
}

TEST_CASE("More parts than elements are as many as there are") {
  CHECK(ts::chunk(to_tensor({2}, {1, 2}), 5).size() == 2);
  CHECK(ts::split(to_tensor({0}, {}), 3).size() == 1);
}

TEST_CASE("Misuse of rearrangements is explained") {
  const ts::Tensor x = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  const std::string tail = "\n  x: f32[2, 3] cpu\n  called at <here>";
  expect_error([&] { ts::flip(x, 2); }, "IndexError: flip\n  expected  -2 <= dim < 2 for a tensor of 2 dimensions\n  actual    dim = 2" + tail);
  expect_error([&] { ts::roll(x, {1, 2}, 0); }, "ShapeError: roll\n  expected  shifts.ndim() == dims.ndim()\n  actual    2 != 1\n  each dimension takes one shift" + tail);
  expect_error([&] { ts::repeat(x, 2); }, "ShapeError: repeat\n  expected  repeats.ndim() >= x.ndim()\n  actual    1 < 2\n  a number for each dimension; ts::tile takes fewer" + tail);
  expect_error([&] { ts::repeat(x, {2, -1}); }, "ValueError: repeat\n  expected  repeats of at least 0\n  actual    -1" + tail);
  expect_error([&] { ts::tril(x.select(0, 0)); }, "ShapeError: tril\n  expected  x.ndim() >= 2\n  actual    1 < 2\n  x: f32[3] cpu\n  called at <here>");
  expect_error([&] { ts::pad(x, {1, 2, 3}); }, "ShapeError: pad\n  expected  two amounts for each of at most 2 dimensions\n  actual    amounts = [1, 2, 3]" + tail);
  expect_error([&] { ts::pad(x, {-2, -2}); }, "ShapeError: pad\n  expected  at most 3 elements cut off dimension 1\n  actual    4" + tail);
  expect_error([&] { ts::pad(x, {3, 0}, {.mode = ts::PadMode::reflect}); },
               "ShapeError: pad\n  expected  at most 2 elements beyond a border of dimension 1 of size 3\n  actual    3" + tail);
  expect_error([&] { ts::pad(x, {0, 4}, {.mode = ts::PadMode::circular}); },
               "ShapeError: pad\n  expected  at most 3 elements beyond a border of dimension 1 of size 3\n  actual    4" + tail);
  expect_error([&] { ts::pixel_shuffle(x.unsqueeze(0), 2); },
               "ShapeError: pixel_shuffle\n  expected  x.size(-3) % (r * r) == 0\n  actual    1 != 0\n  the channels hold r x r pixels each\n  x: f32[1, 2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::pixel_unshuffle(x.unsqueeze(0), 2); },
               "ShapeError: pixel_unshuffle\n  expected  x.size(-1) % r == 0\n  actual    1 != 0\n  blocks of r x r pixels\n  x: f32[1, 2, 3] cpu\n  called at <here>");
  expect_error([&] { ts::split(x, 0); }, "ValueError: split\n  expected  parts of at least one element\n  actual    size = 0" + tail);
  expect_error([&] { ts::split(x, std::vector<std::int64_t>{1, 3}); }, "ShapeError: split\n  expected  sizes that add up to x.size(0) = 2\n  actual    4" + tail);
  expect_error([&] { ts::chunk(x, 0); }, "ValueError: chunk\n  expected  count >= 1\n  actual    0 < 1" + tail);
  expect_error([&] { ts::meshgrid({x}); }, "ShapeError: meshgrid\n  expected  vectors\n  actual    shape [2, 3]\n  axes: f32[2, 3] cpu\n  called at <here>");
}

namespace {

/// Counts kernel launches and the bytes they write.
class Written : public ts::LaunchListener {
 public:
  Written() { ts::add_listener(*this); }
  ~Written() override { ts::remove_listener(*this); }
  void before_launch(const ts::LaunchRecord& record) override {
    ++launches;
    for (std::size_t j = 0; j < record.output_count; ++j) elements += record.outputs[j].view.numel;
  }
  std::int64_t launches = 0, elements = 0;
};

}  // namespace

TEST_CASE("Backward through all parts writes each gradient once, however many there are") {
  for (const std::int64_t n : {3, 32, 33, 1025, 2000}) {
    ts::Tensor x = ts::arange(0.0, static_cast<double>(2 * n), 1.0, {.dtype = ts::f32}).reshape({n, 2}).requires_grad_();
    std::vector<ts::Tensor> seeds;
    const auto rows = ts::unbind(x);
    for (std::int64_t i = 0; i < n; ++i) seeds.push_back(ts::full({2}, static_cast<double>(i)));
    Written written;
    ts::backward(rows, seeds);
    CHECK(written.elements <= 3 * x.numel() + x.numel());  // a level of parts a pass, and what the leaf keeps
    const std::vector<float> grad = x.grad().to_vector<float>();
    for (std::int64_t i = 0; i < n; ++i) CHECK(grad[static_cast<std::size_t>(2 * i + 1)] == static_cast<float>(i));
  }
}

TEST_CASE("Parts that nothing depends on have zero gradients, also where parts are parts of parts") {
  ts::Tensor x = ts::ones({100, 3}).requires_grad_();
  const auto rows = ts::split(x, 2);  // 50 parts
  ts::backward(std::vector<ts::Tensor>{rows[1], rows[49]}, {ts::full({2, 3}, 5.0), ts::full({2, 3}, 7.0)});
  const std::vector<float> grad = x.grad().to_vector<float>();
  double sum = 0;
  for (const float g : grad) sum += g;
  CHECK(sum == 6 * 5 + 6 * 7);
  CHECK(grad[6] == 5);
  CHECK(grad[299] == 7);
}

TEST_CASE("A part cannot be written in place while the tape follows it") {
  ts::Tensor x = ts::ones({4, 2}).requires_grad_();
  const auto parts = ts::chunk(x * 2, 2);
  CHECK_THROWS_WITH(parts[0].add_(1), Catch::Contains("differentiable view"));
}
