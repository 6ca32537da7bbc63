#include <atomic>
#include <thread>

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/runtime/runtime.hpp"
#include "tests/catch.hpp"
#include "tests/support/host_array.hpp"

namespace ts = tasuki;
using ts::Tensor;
using tasuki::testing::to_tensor;

/// Sum over steps of the gradient of a little network; the same whatever else runs.
static float train(const Tensor& shared_input, int steps) {
  const Tensor w = to_tensor({4, 4}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}).requires_grad_();
  float total = 0;
  for (int step = 0; step < steps; ++step) {
    w.zero_grad();
    const Tensor h = shared_input * w + w;
    (h * h / 100).sum().backward();
    total += w.grad().sum().item<float>();
    ts::NoGrad off;
    w.sub_(w.grad() * 0.01);
  }
  return total;
}

TEST_CASE("distinct graphs run on distinct threads, over shared constants") {
  const Tensor input = to_tensor({4}, {0.5, -1, 2, 0.25});
  const float alone = train(input, 200);
  std::vector<float> results(4);
  std::vector<std::thread> threads;
  for (float& r : results) threads.emplace_back([&input, &r] { r = train(input, 200); });
  for (auto& t : threads) t.join();
  for (float r : results) CHECK(r == alone);
}

TEST_CASE("a graph made on one thread may be used and dropped by another") {
  const std::size_t before = ts::memory::stats(ts::Device::cpu()).current_bytes;
  for (int round = 0; round < 50; ++round) {
    Tensor x = to_tensor({8}, {1, 2, 3, 4, 5, 6, 7, 8}).requires_grad_();
    Tensor y = x;
    std::thread([&] {
      for (int i = 0; i < 100; ++i) y = y * 1.01 + x;
      y = y.sum();
    }).join();
    y.backward();
    CHECK(x.grad().defined());
    std::thread([x = std::move(x), y = std::move(y)]() mutable { y = Tensor(); }).join();
  }
  CHECK(ts::memory::stats(ts::Device::cpu()).current_bytes == before);
}

TEST_CASE("handles are copied and dropped by many threads at once") {
  const Tensor x = to_tensor({2}, {1, 2}).requires_grad_();
  const Tensor y = x * 2;
  std::atomic<int> sum{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        const Tensor copy = y;
        const Tensor view = copy.detach();
        sum += static_cast<int>(view.numel());
      }
    });
  for (auto& t : threads) t.join();
  CHECK(sum == 4 * 2000 * 2);
  y.sum().backward();
  CHECK(x.grad().to_vector<float>() == std::vector<float>{2, 2});
}
