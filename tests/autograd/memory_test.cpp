// What the tape keeps alive, counted in bytes by the runtime.
#include "tasuki/autograd/autograd.hpp"
#include "tasuki/runtime/runtime.hpp"
#include "tests/autograd/functions.hpp"
#include "tests/catch.hpp"
#include "tests/support/host_array.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using namespace ts::literals;
using ts::Tensor;

static std::size_t bytes_in_use() { return ts::memory::stats(device_under_test()).current_bytes; }
static Tensor large(double value = 1) { return to_tensor(HostArray({1024, 256}, value), ts::f32); }  // 1 MiB

TEST_CASE("a graph of a million nodes is released without recursion, to the last byte") {
  const std::size_t before = bytes_in_use();
  {
    const Tensor x = to_tensor({1}, {1}).requires_grad_();
    Tensor y = x;
    for (int i = 0; i < 1'000'000; ++i) y = y + 1;
    CHECK(y.item<float>() == 1'000'001);
    y = x;
  }
  CHECK(bytes_in_use() == before);
}

TEST_CASE("backward through a hundred thousand nodes needs no stack") {
  const Tensor x = to_tensor({1}, {1}).requires_grad_();
  Tensor y = x;
  for (int i = 0; i < 100'000; ++i) y = y + x;
  y.sum().backward();
  CHECK(x.grad().item<float>() == 100'001);
}

TEST_CASE("an activation that nobody saved goes with its last handle, though the tape knows it") {
  const Tensor x = large().requires_grad_();
  const std::size_t before = bytes_in_use();
  Tensor y = x + 1;  // add saves nothing
  y = y + 1;
  y = y + 1;
  CHECK(bytes_in_use() - before < 1_MiB + 64_KiB);
  y.backward(large());
  CHECK(x.grad().defined());
}

TEST_CASE("a saved tensor keeps its bytes until backward has used them") {
  const Tensor x = large().requires_grad_(), w = large(3);
  const std::size_t before = bytes_in_use();
  Tensor loss;
  {
    const Tensor hidden = x * 2;
    loss = (hidden * hidden).sum();
  }
  CHECK(bytes_in_use() - before >= 1_MiB);
  CHECK(bytes_in_use() - before < 1_MiB + 64_KiB);
  loss.backward();
  CHECK(bytes_in_use() - before < 1_MiB + 64_KiB);  // the gradient; the saved tensor is gone although `loss` lives
  x.zero_grad();
  CHECK(bytes_in_use() - before < 64_KiB);
}

TEST_CASE("backward releases what was saved as it goes") {
  const Tensor x = large().requires_grad_();
  Tensor y = x;
  for (int i = 0; i < 16; ++i) y = y * y;  // each saves its input
  y = y.sum();
  const std::size_t held = bytes_in_use();
  ts::memory::reset_peak(device_under_test());
  y.backward();
  CHECK(ts::memory::stats(device_under_test()).peak_bytes - held <= 3_MiB);
  CHECK(held - bytes_in_use() >= 14_MiB);
}

TEST_CASE("a tape that is dropped without backward gives everything back") {
  const std::size_t before = bytes_in_use();
  {
    const Tensor x = large().requires_grad_();
    const Tensor loss = ((x * x) * (x + 2)).sum();
  }
  CHECK(bytes_in_use() == before);
}

TEST_CASE("a full forward and backward leaves nothing but gradients") {
  const std::size_t before = bytes_in_use();
  {
    const Tensor x = large().requires_grad_(), w = large().requires_grad_();
    ((x * w + x) * w).sum().backward({.create_graph = true});
    (x.grad() * w.grad()).sum().backward();
    x.zero_grad();  // gradients made with create_graph refer to the tape, which refers to the leaves
    w.zero_grad();
  }
  CHECK(bytes_in_use() == before);
}

TEST_CASE("an exception in forward leaves no bytes and no tape behind", "[cpu]") {
  const Tensor x = large().requires_grad_();
  const std::size_t before = bytes_in_use();
  CHECK_THROWS_AS(ts::apply(Faulty{true}, {&x}), ts::ValueError);
  CHECK(bytes_in_use() == before);
  (x * 2).sum().backward();
  CHECK(x.grad().defined());
}

TEST_CASE("an exception in backward leaves the tape as it was", "[cpu]") {
  const Tensor x = large().requires_grad_(), other = large().requires_grad_();
  const std::size_t before = bytes_in_use();
  {
    const Tensor good = other * 2;
    const Tensor bad = ts::apply(Faulty{false}, {&x});
    for (int attempt = 0; attempt < 2; ++attempt) {
      CHECK_THROWS_WITH((good * bad).sum().backward(), Catch::Contains("backward fails") && Catch::Contains("faulty"));
      other.zero_grad();
    }
    good.sum().backward();
    CHECK(other.grad().to_vector<float>()[0] == 2);
  }
  other.zero_grad();
  CHECK(bytes_in_use() == before);
}

TEST_CASE("an allocation past the byte limit throws and leaves the tape usable") {
  const Tensor x = large().requires_grad_();
  const Tensor y = x * x;
  ts::memory::release_cached(device_under_test());
  ts::memory::set_byte_limit(device_under_test(), ts::memory::stats(device_under_test()).reserved_bytes + 64_KiB);
  CHECK_THROWS_AS(y * 2, ts::OutOfMemory);
  CHECK_THROWS_AS(y.backward(y), ts::OutOfMemory);
  ts::memory::set_byte_limit(device_under_test(), 0);
  CHECK_FALSE(x.grad().defined());
  y.backward(large());
  CHECK(x.grad().to_vector<float>()[0] == 2);
}

TEST_CASE("a gradient that is itself on the tape goes with its leaf") {
  // With create_graph the leaf's gradient holds nodes, and their edges hold the leaf: a circle unless the last handle opens it.
  const std::size_t before = bytes_in_use();
  {
    const Tensor x = large(2).requires_grad_();
    (x * x * x).sum().backward({.create_graph = true});
    CHECK(x.grad().requires_grad());
  }
  CHECK(bytes_in_use() == before);
}

TEST_CASE("a backward pass after the last handle on a leaf keeps no gradient for it") {
  const std::size_t before = bytes_in_use();
  {
    Tensor x = large(2).requires_grad_();
    const Tensor y = (x * x).sum();
    x = Tensor();
    y.backward({.create_graph = true});
  }
  CHECK(bytes_in_use() == before);
}
