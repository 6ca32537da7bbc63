#pragma once
#include <functional>
#include <memory>

#include "src/runtime/sim_runtime.hpp"
#include "tests/catch.hpp"

namespace tasuki::testing {

/// Simulated device 1 with these options, holding nothing, its clock at zero. Tensors of a test must be gone before the next test.
inline SimRuntime& fresh_device(SimOptions options = {}) {
  const Device device = Device::sim(1, options);
  SimRuntime& runtime = sim_runtime(device);
  REQUIRE(runtime.memory_stats().current_bytes == 0);
  runtime.set_byte_limit(0);
  runtime.reset_peak();
  sim::reset_clock(device);
  return runtime;
}

/// Work made of a lambda.
class Task final : public SimWork {
 public:
  explicit Task(std::function<void()> run) : run_(std::move(run)) {}
  void run() override { run_(); }

 private:
  std::function<void()> run_;
};

inline void submit(SimRuntime& runtime, StreamId stream, std::function<void()> run, double seconds = 0) {
  runtime.launch(std::make_unique<Task>(std::move(run)), seconds, stream);
}

inline void synchronize_all(DeviceRuntime& runtime) {
  for (StreamId s = 0; s < sim::stream_count; ++s) runtime.synchronize(s);
}

}  // namespace tasuki::testing
