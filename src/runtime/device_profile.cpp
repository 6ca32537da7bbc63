#include "tasuki/runtime/device_profile.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

#include "tasuki/core/error.hpp"

namespace tasuki {

namespace {

// Peaks of the vendor's data sheets; links as a copy between pinned memory and the device reaches them. 2 us is what a short kernel
// takes from the start of one to the start of the next on all of these; 10 us is an asynchronous copy's fixed cost.
constexpr double launch = 2e-6, copy_latency = 10e-6;

const std::vector<DeviceProfile>& data_sheets() {
  static const auto& profiles = *new std::vector<DeviceProfile>{
      // NVIDIA Tesla V100 SXM2 data sheet (2020): 7.8 / 15.7 / 125 TFLOP/s, 900 GB/s. Three NVLink 2.0 bricks of 25 GB/s to a POWER9 (IBM
      // AC922, the machine of TFLMS).
      {"v100-nvlink", 7.8e12, 15.7e12, 125e12, 900e9, launch, {copy_latency, 75e9}, {copy_latency, 75e9}},
      // NVIDIA A100 80 GB PCIe data sheet (2021): 19.5 TFLOP/s f64 (tensor cores), 19.5 f32, 312 bf16, 1,935 GB/s. PCIe 4.0 x16 carries
      // 31.5 GB/s, of which bandwidthTest reaches 26.
      {"a100-pcie4", 19.5e12, 19.5e12, 312e12, 1935e9, launch, {copy_latency, 26e9}, {copy_latency, 26e9}},
      // NVIDIA H100 SXM data sheet (2023): 67 TFLOP/s f64 (tensor cores), 67 f32, 989 bf16 without sparsity, 3.35 TB/s. PCIe 5.0 x16 carries
      // 63 GB/s, of which 55 are reached.
      {"h100-pcie5", 67e12, 67e12, 989e12, 3350e9, launch, {copy_latency, 55e9}, {copy_latency, 55e9}},
  };
  return profiles;
}

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

/// Best of a few copies between buffers that no cache holds.
double measured_copy_rate() {
  constexpr std::size_t bytes = std::size_t{32} << 20;
  void* const memory = mmap(nullptr, 2 * bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 5e9;
  char* const from = static_cast<char*>(memory);
  std::memset(memory, 1, 2 * bytes);
  double best = 0;
  for (int i = 0; i < 3; ++i) {
    const auto begin = Clock::now();
    std::memcpy(from + bytes, from, bytes);
    best = std::max(best, static_cast<double>(bytes) / seconds_since(begin));
  }
  munmap(memory, 2 * bytes);
  return best;
}

template <class T>
using Lanes __attribute__((vector_size(64))) = T;

/// Independent chains of multiply-adds: what one core does at best with the widest instructions that `target` allows.
template <class T>
__attribute__((always_inline)) inline double multiply_adds(int rounds) {
  constexpr int chains = 12, lanes = 64 / sizeof(T);
  Lanes<T> sums[chains], factor = Lanes<T>{} + T(0.999), term = Lanes<T>{} + T(1e-3);
  for (auto& s : sums) s = Lanes<T>{} + T(1);
  const auto begin = Clock::now();
  for (int r = 0; r < rounds; ++r)
    for (int c = 0; c < chains; ++c) sums[c] = sums[c] * factor + term;
  const double seconds = seconds_since(begin);
  for (int c = 1; c < chains; ++c) sums[0] += sums[c];
  volatile T keep = sums[0][0];
  (void)keep;
  return 2.0 * chains * lanes * rounds / seconds;
}

#if defined(__x86_64__)
template <class T>
__attribute__((target("avx2,fma"))) double with_avx2(int rounds) { return multiply_adds<T>(rounds); }
template <class T>
__attribute__((target("avx512f"))) double with_avx512(int rounds) { return multiply_adds<T>(rounds); }
#endif

template <class T>
double measured_flops() {
  double (*measure)(int) = [](int rounds) { return multiply_adds<T>(rounds); };
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) measure = &with_avx512<T>;
  else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) measure = &with_avx2<T>;
#endif
  double best = 0;
  for (int i = 0; i < 3; ++i) best = std::max(best, measure(50'000));
  return best * std::max(1u, std::thread::hardware_concurrency());
}

DeviceProfile this_machine() {
  const double copy = measured_copy_rate(), f32 = measured_flops<float>();
  // A copy reads and writes: the traffic is twice the rate. Halves are computed in f32.
  return {"this machine", measured_flops<double>(), f32, f32, 2 * copy, launch, {copy_latency, copy}, {copy_latency, copy}};
}

}  // namespace

double DeviceProfile::seconds(double flops, DType dtype, std::size_t bytes) const {
  const double rate = dtype == DType::f64 ? flops_f64 : dtype == DType::bf16 || dtype == DType::f16 ? flops_half : flops_f32;
  return launch_s + std::max(flops / rate, static_cast<double>(bytes) / bytes_per_s);
}

const DeviceProfile& device_profile(std::string_view name) {
  for (const DeviceProfile& p : data_sheets())
    if (p.name == name) return p;
  if (name == "this machine") {
    static const DeviceProfile measured = this_machine();
    return measured;
  }
  std::string known;
  for (const std::string& n : device_profile_names()) known += (known.empty() ? "\"" : ", \"") + n + "\"";
  TASUKI_THROW(ValueError, "no device profile \"", name, "\": there are ", known);
}

std::vector<std::string> device_profile_names() {
  std::vector<std::string> names;
  for (const DeviceProfile& p : data_sheets()) names.push_back(p.name);
  names.push_back("this machine");
  return names;
}

}  // namespace tasuki
