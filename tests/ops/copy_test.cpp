#include "tasuki/ops/copy.hpp"

#include <cmath>
#include <limits>

#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/view.hpp"
#include "tests/support/op_case.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::MemoryFormat;
using ts::Shape;
using ts::Tensor;

namespace {

const std::vector<ts::DType> every_dtype{ts::f32, ts::f64, ts::bf16, ts::f16, ts::i64, ts::i32, ts::u8, ts::bool_};
double itself(double x) { return x; }

Tensor counting(const Shape& shape, ts::DType dtype = ts::f32) {
  HostArray values(shape);
  for (std::int64_t i = 0; i < values.numel(); ++i) values[i] = static_cast<double>(i % 251);
  return to_tensor(values, dtype);
}

}  // namespace

OP_CASES(copy) {
  return {
      {.op = "clone", .inputs = {real({3, 4})}, .forward = [](const Inputs& in) { return in[0].clone(); }, .reference = pointwise(itself), .flags = elementwise},
      {.op = "contiguous", .inputs = {real({3, 4})}, .forward = [](const Inputs& in) { return in[0].t().contiguous().t(); }, .reference = pointwise(itself)},
      {.op = "to", .variant = "f64 and back", .inputs = {real({3, 4})}, .forward = [](const Inputs& in) { return in[0].to(in[0].dtype() == ts::f64 ? ts::f32 : ts::f64).to(in[0].dtype()); }, .reference = pointwise(itself), .dtypes = {ts::f32, ts::bf16, ts::f16}, .flags = elementwise},
  };
}

TEST_CASE("Every dtype casts to every other") {
  for (const ts::DType from : every_dtype)
    for (const ts::DType to : every_dtype) {
      INFO(ts::name_of(from) << " to " << ts::name_of(to));
      const Tensor x = to_tensor({5}, {0, 1, 0, 1, 1}, from);
      const Tensor y = x.to(to);
      CHECK(y.dtype() == to);
      CHECK(to_host(y).values == std::vector<double>{0, 1, 0, 1, 1});
      CHECK(to_host(x.slice(0, 0, 5, 2).to(to)).values == std::vector<double>{0, 0, 1});
    }
  const Tensor x = to_tensor({1}, {1});
  CHECK(x.to(ts::f32).is_same(x));
  CHECK(x.to(ts::Device::cpu()).is_same(x));
}

TEST_CASE("Casts round halves to nearest even and cut integers toward zero") {
  CHECK(to_host(to_tensor({4}, {1.9, -1.9, 0.5, -0.5}).to(ts::i32)).values == std::vector<double>{1, -1, 0, 0});
  CHECK(to_host(to_tensor({3}, {0.25, -3, 0}).to(ts::bool_)).values == std::vector<double>{1, 1, 0});
  // 2049 and 2051 lie between f16 neighbours 2 apart; 65520 is the first number that rounds to infinity
  CHECK(to_host(to_tensor({4}, {2049, 2051, 65519, 65520}).to(ts::f16)).values == std::vector<double>{2048, 2052, 65504, infinity});
  CHECK(to_host(to_tensor({2}, {257, 259}).to(ts::bf16)).values == std::vector<double>{256, 260});
}

TEST_CASE("All 65,536 halves survive the way through f32, in vectors and in tails") {
  HostArray patterns(Shape{65536});
  for (std::int64_t i = 0; i < 65536; ++i) {
    const ts::float16 h = ts::float16::from_bits(static_cast<std::uint16_t>(i));
    patterns[i] = static_cast<double>(static_cast<float>(h));
  }
  const Tensor halves = to_tensor(patterns, ts::f16);
  const Tensor wide = halves.to(ts::f32), back = wide.to(ts::f16);
  CHECK(difference(to_host(wide), patterns, {}, ts::f16).empty());
  CHECK(difference(to_host(back), patterns, {}, ts::f16).empty());
  const Tensor tail = wide.slice(0, 1001, 1008);
  CHECK(bytes_of(tail.to(ts::f16)) == bytes_of(halves.slice(0, 1001, 1008)));
}

TEST_CASE("Copies between layouts keep every element") {
  for (const Shape& shape : {Shape{2, 3, 5, 7}, Shape{1, 64, 9, 33}, Shape{3, 17, 16, 16}, Shape{2, 1, 4, 4}, Shape{0, 3, 2, 2}})
    for (const ts::DType dtype : {ts::f32, ts::f64, ts::bf16, ts::u8}) {
      INFO(shape.to_string() << " " << ts::name_of(dtype));
      const Tensor x = counting(shape, dtype), last = x.contiguous(MemoryFormat::channels_last);
      CHECK(last.is_contiguous(MemoryFormat::channels_last));
      CHECK(to_host(last).values == to_host(x).values);
      const Tensor first = last.contiguous();
      CHECK(first.is_contiguous());
      CHECK(to_host(first).values == to_host(x).values);
    }
  const Tensor m = counting({65, 131});
  CHECK(to_host(m.t().contiguous()).values == to_host(m.t()).values);
  CHECK(to_host(m.slice(1, 3, 100, 2).clone()).values == to_host(m.slice(1, 3, 100, 2)).values);
}

TEST_CASE("clone keeps a dense layout and drops gaps and repetitions") {
  const Tensor last = counting({2, 3, 4, 5}).contiguous(MemoryFormat::channels_last);
  CHECK(last.clone().is_contiguous(MemoryFormat::channels_last));
  CHECK(counting({4, 6}).slice(1, 0, 3).clone().is_contiguous());
  const Tensor row = counting({3}).expand({2, 3});
  CHECK(row.clone().is_contiguous());
  CHECK_FALSE(row.clone().shares_storage(row));
}

TEST_CASE("copy_ broadcasts, converts, and writes through any strides") {
  const Tensor target = to_tensor(HostArray(Shape{2, 3}), ts::f32);
  target.t().copy_(to_tensor({2}, {7, 8}, ts::i64));
  CHECK(to_host(target).values == std::vector<double>{7, 7, 7, 8, 8, 8});
  target.slice(1, 1, 3).fill_(0.5);
  CHECK(to_host(target).values == std::vector<double>{7, 0.5, 0.5, 8, 0.5, 0.5});
  target.zero_();
  CHECK(to_host(target).values == std::vector<double>(6, 0));
}

TEST_CASE("copy_ from another view of the same elements uses their old values") {
  const Tensor x = to_tensor({5}, {1, 2, 3, 4, 5});
  x.slice(0, 1, 5).copy_(x.slice(0, 0, 4));
  CHECK(to_host(x).values == std::vector<double>{1, 1, 2, 3, 4});
}

TEST_CASE("copy_ hands the gradient to its source") {
  const Tensor source = to_tensor({2}, {1, 2}, ts::f64).requires_grad_(), before = to_tensor({2, 2}, {1, 2, 3, 4}, ts::f64).requires_grad_();
  const Tensor target = before.clone();
  target.copy_(source);
  target.sum().backward();
  CHECK(to_host(source.grad()).values == std::vector<double>{2, 2});
  CHECK((!before.grad().defined() || to_host(before.grad()).values == std::vector<double>(4, 0)));
}
