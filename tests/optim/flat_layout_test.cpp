#include "tasuki/autograd/flat_layout.hpp"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tasuki/tensor/tensor_impl.hpp"
#include "tests/catch.hpp"

namespace ts = tasuki;
using ts::FlatLayout;
using ts::Tensor;

namespace {
std::uintptr_t address(const Tensor& t) { return reinterpret_cast<std::uintptr_t>(t.impl()->address()); }
const std::vector<float> values{1, 2, 3};
Tensor leaf() { return ts::from(values, {.requires_grad = true}); }
}  // namespace

TEST_CASE("packing keeps handles and values, and gives every tensor a storage of its own in one range") {
  const Tensor a = leaf(), b = leaf(), other_handle = b;
  const FlatLayout layout({a, b});
  REQUIRE(layout.groups().size() == 1);
  CHECK(a.to_vector<float>() == values);
  CHECK(other_handle.to_vector<float>() == values);
  CHECK(a.storage().arena() == b.storage().arena());
  CHECK_FALSE(a.shares_storage(b));
  CHECK(address(b) - address(a) == FlatLayout::alignment);
  CHECK(address(a) % FlatLayout::alignment == 0);
  CHECK(a.storage().owner() == ts::OwnerClass::parameter);
  CHECK(layout.entries()[1].gradient.storage().owner() == ts::OwnerClass::gradient);
  b.detach().fill_(9);
  CHECK(a.to_vector<float>() == values);
  CHECK(other_handle.to_vector<float>() == std::vector<float>(3, 9));
}

TEST_CASE("the padding between tensors is zero") {
  const FlatLayout layout({leaf(), ts::ones({5}, {.dtype = ts::bf16, .requires_grad = true}), leaf()});
  const std::vector<Tensor> state = layout.make_state();
  const auto check = [](const ts::Arena& arena, std::size_t from, std::size_t to) {
    const char* bytes = static_cast<const char*>(arena.data());
    CHECK(std::all_of(bytes + from, bytes + to, [](char c) { return c == 0; }));
  };
  for (const FlatLayout::Entry& e : layout.entries()) {
    const FlatLayout::Group& g = layout.groups()[e.group];
    const std::size_t end = e.offset + FlatLayout::alignment;
    check(*g.parameters, e.offset + e.bytes, end);
    check(*g.gradients, e.offset + e.bytes, end);
    const std::size_t wider = g.dtype == ts::bf16 ? 2 : 1;
    check(*state[e.group == 0 ? 0 : 1].storage().arena(), (e.offset + e.bytes) * wider, end * wider);
  }
}

TEST_CASE("parameters are grouped by dtype") {
  const Tensor a = leaf(), b = ts::ones({4}, {.dtype = ts::f64, .requires_grad = true}), c = leaf();
  const FlatLayout layout({a, b, c});
  REQUIRE(layout.groups().size() == 2);
  CHECK(layout.entries()[0].group == layout.entries()[2].group);
  CHECK(layout.entries()[2].offset == FlatLayout::alignment);
  CHECK(layout.groups()[0].bytes == 2 * FlatLayout::alignment);
  CHECK(layout.groups()[1].dtype == ts::f64);
}

TEST_CASE("a shared parameter has one entry") {
  const Tensor a = leaf();
  CHECK(FlatLayout({a, a}).entries().size() == 1);
}

TEST_CASE("backward writes the gradient into its slot") {
  const Tensor a = leaf();
  const FlatLayout layout({a});
  for (int pass = 0; pass < 2; ++pass) {
    a.zero_grad();
    CHECK_FALSE(a.grad().defined());
    ts::sum(a).backward();
    CHECK(a.grad().is_same(layout.entries()[0].gradient));
    CHECK(a.grad().to_vector<float>() == std::vector<float>(3, 1));
  }
  ts::sum(a).backward();
  CHECK(layout.entries()[0].gradient.to_vector<float>() == std::vector<float>(3, 2));
}

TEST_CASE("what hooks make of gradients gathers in the slot") {
  const Tensor a = leaf();
  const FlatLayout layout({a});
  a.register_hook([](const Tensor& g) { return g * 2; });
  for (int pass = 1; pass <= 2; ++pass) {
    (a * 3).sum().backward();
    CHECK(a.grad().is_same(layout.entries()[0].gradient));
    CHECK(a.grad().to_vector<float>() == std::vector<float>(3, 6.f * static_cast<float>(pass)));
  }
}

TEST_CASE("a gradient that is already there moves into the slot") {
  const Tensor a = leaf();
  a.set_grad(ts::from(std::vector<float>{4, 5, 6}));
  const FlatLayout layout({a});
  CHECK(a.grad().is_same(layout.entries()[0].gradient));
  CHECK(a.grad().to_vector<float>() == std::vector<float>{4, 5, 6});
}

TEST_CASE("a parameter that is part of a larger storage stays there") {
  const Tensor whole = ts::zeros({2, 3});
  const Tensor row = whole[0].detach();
  row.requires_grad_(true);
  const FlatLayout layout({row});
  CHECK_FALSE(layout.entries()[0].packed);
  row.detach().fill_(7);
  CHECK(whole.to_vector<float>() == std::vector<float>{7, 7, 7, 0, 0, 0});
}

TEST_CASE("a dense permuted parameter keeps its strides, and its gradient has the same") {
  const Tensor p = ts::permute(ts::from(std::vector<float>{1, 2, 3, 4, 5, 6}, {2, 3}), {1, 0}).detach();
  p.requires_grad_(true);
  const FlatLayout layout({p});
  CHECK(layout.entries()[0].packed);
  CHECK(p.strides() == ts::Strides{1, 3});
  CHECK(layout.entries()[0].gradient.strides() == ts::Strides{1, 3});
  CHECK(p.to_vector<float>() == std::vector<float>{1, 4, 2, 5, 3, 6});
}

TEST_CASE("refresh packs again after a cast inside the same handle") {
  const Tensor a = leaf();
  FlatLayout layout({a});
  CHECK_FALSE(layout.refresh());
  const Tensor cast = a.detach().to(ts::f64);
  cast.storage().retain();
  cast.storage().retain_bytes();
  a.impl()->reseat(&cast.storage(), 0, ts::f64, cast.shape(), cast.strides());
  CHECK(layout.refresh());
  CHECK(a.to_vector<double>() == std::vector<double>{1, 2, 3});
  CHECK(layout.entries()[0].gradient.dtype() == ts::f64);
  CHECK(layout.groups()[0].dtype == ts::f64);
}

TEST_CASE("state has the parameters' shapes, starts at zero, and is f32 for 16-bit parameters") {
  const Tensor half = ts::ones({5}, {.dtype = ts::bf16, .requires_grad = true}), wide = ts::ones({2, 2}, {.dtype = ts::f64, .requires_grad = true});
  const FlatLayout layout({half, wide});
  const std::vector<Tensor> state = layout.make_state();
  REQUIRE(state.size() == 2);
  CHECK(state[0].dtype() == ts::f32);
  CHECK(state[0].to_vector<float>() == std::vector<float>(5, 0));
  CHECK(state[1].dtype() == ts::f64);
  CHECK(state[1].shape() == ts::Shape{2, 2});
  CHECK(address(state[0]) % FlatLayout::alignment == 0);
  CHECK(state[0].storage().owner() == ts::OwnerClass::optimizer);
}

TEST_CASE("tensors outlive the layout they were packed by") {
  const Tensor a = leaf();
  Tensor gradient;
  {
    const FlatLayout layout({a});
    ts::sum(a).backward();
    gradient = a.grad();
  }
  CHECK(a.to_vector<float>() == values);
  CHECK(gradient.to_vector<float>() == std::vector<float>(3, 1));
  a.zero_grad();
  ts::sum(a).backward();
  CHECK_FALSE(a.grad().is_same(gradient));
}
