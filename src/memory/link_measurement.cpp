#include "src/memory/link_measurement.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include "src/runtime/pages.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/runtime/sim.hpp"

namespace tasuki::memory {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t small = std::size_t{64} << 10, smallest_large = std::size_t{4} << 20, largest = std::size_t{32} << 20;
constexpr int small_transfers = 7;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

/// Memory of the measured device, outside of what its runtime counts where that is host memory.
class Scratch {
 public:
  Scratch(DeviceRuntime& runtime, std::size_t bytes) : runtime_(runtime), bytes_(bytes) {
    if (runtime.is_asynchronous()) {
      data_ = runtime.allocate(bytes);
      return;
    }
    data_ = map_pages(bytes);  // huge ones as in blocks: a disk gets small ones at half the speed
    if (!data_) TASUKI_THROW(OutOfMemory, "expected  room for ", bytes, " bytes to measure the links with");
    for (std::size_t at = 0; at < bytes; at += 4096) static_cast<char*>(data_)[at] = static_cast<char>(at >> 12);
  }
  ~Scratch() {
    if (runtime_.is_asynchronous()) runtime_.deallocate(data_, bytes_);
    else unmap_pages({static_cast<char*>(data_), bytes_});
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  void* data() const { return data_; }

 private:
  DeviceRuntime& runtime_;
  std::size_t bytes_;
  void* data_;
};

struct Measured {
  Link out{0, 1}, in{0, 1};
  double duplex = 1, compute_per_byte = 0;
  bool worked = false;
};

/// Moves bytes between scratch memory and homes of one tier.
class Measurement {
 public:
  Measurement(DeviceRuntime& runtime, TransferEngine& tiers, Tier tier, double seconds)
      : tiers_(tiers), tier_(tier), end_(Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds))), first_(runtime, largest), second_(runtime, largest) {}

  Measured run() {
    std::vector<double> outs, ins;
    for (int i = 0; i < small_transfers && well_; ++i) {
      const Pair t = alone(small);
      outs.push_back(t.out);
      ins.push_back(t.in);
    }
    std::size_t bytes = smallest_large;
    Pair t = well_ ? alone(bytes) : Pair{};
    // Larger ones tell more, as long as three more rounds of them fit into the time: two alone, since the first writes to blocks that
    // the file never had, and one of both directions at once.
    while (well_ && bytes < largest && 3 * 2 * (t.out + t.in) < seconds_left()) t = alone(bytes *= 2);
    if (well_) {
      const Pair again = alone(bytes);
      t = {std::min(t.out, again.out), std::min(t.in, again.in)};
    }
    Measured result;
    if (well_) {
      result.duplex = share_of_each(t, both(bytes));
      result.out = link(median(outs), t.out, bytes);
      result.in = link(median(ins), t.in, bytes);
      result.compute_per_byte = compute_per_byte({}, tiers_.stats());
    }
    result.worked = well_;
    return result;
  }

 private:
  struct Pair {
    double out = 0, in = 0;
  };
  double seconds_left() const { return std::chrono::duration<double>(end_ - Clock::now()).count(); }
  Home* reserve(std::size_t bytes) {
    Home* home = tiers_.reserve(bytes, tier_);
    well_ = well_ && home && home->tier() == tier_;
    return home;
  }
  double timed(const Transfer& transfer, Clock::time_point begin) {
    well_ = !tiers_.wait(transfer) && well_;
    return seconds_since(begin);
  }

  Pair alone(std::size_t bytes) {
    Home* home = reserve(bytes);
    Pair t;
    if (well_) {
      const auto begin = Clock::now();
      t.out = timed(tiers_.start_out(*home, first_.data()), begin);
    }
    if (well_) {
      const auto begin = Clock::now();
      t.in = timed(tiers_.start_in(*home, second_.data()), begin);
    }
    tiers_.free(home);
    return t;
  }

  /// Seconds until both a departure and an arrival of that size, started together, are over.
  double both(std::size_t bytes) {
    Home *source = reserve(bytes), *target = reserve(bytes);
    double seconds = 0;
    if (well_) timed(tiers_.start_out(*source, first_.data()), Clock::now());
    if (well_) {
      const auto begin = Clock::now();
      const Transfer out = tiers_.start_out(*target, first_.data()), in = tiers_.start_in(*source, second_.data());
      timed(out, begin);
      seconds = timed(in, begin);
    }
    tiers_.free(source);
    tiers_.free(target);
    return seconds;
  }

  /// The faster one runs at this share of its speed all the time; the slower one until then, and alone for the rest.
  static double share_of_each(Pair t, double together) {
    const double faster = std::min(t.out, t.in), slower = std::max(t.out, t.in);
    return std::clamp(faster / std::max(together - slower + faster, 1e-9), 0.1, 1.0);
  }
  static double median(std::vector<double> values) {
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
    return values[values.size() / 2];
  }
  static Link link(double small_seconds, double seconds, std::size_t bytes) {
    small_seconds = std::min(small_seconds, seconds / 2);  // a disk that was busy for a moment is not one without limits
    const double rate = static_cast<double>(bytes - small) / std::max(seconds - small_seconds, 1e-9);
    return {std::max(small_seconds - static_cast<double>(small) / rate, 1e-6), rate};
  }

  TransferEngine& tiers_;
  Tier tier_;
  Clock::time_point end_;
  Scratch first_, second_;
  bool well_ = true;
};

}  // namespace

double compute_per_byte(const TierStats& before, const TierStats& now) {
  const std::uint64_t bytes = now.file_out_bytes - before.file_out_bytes + now.file_in_bytes - before.file_in_bytes;
  return bytes ? (now.file_compute_seconds - before.file_compute_seconds) / static_cast<double>(bytes) : 0;
}

Machine measure_machine(DeviceRuntime& runtime, TransferEngine& tiers, double seconds) {
  Machine machine;
  machine.name = "this machine";
  const bool host_tier = runtime.is_asynchronous(), modelled = runtime.device().kind() == DeviceKind::sim;
  Measured file;
  if (modelled) {
    const DeviceProfile& profile = sim::profile(runtime.device());
    machine.name = profile.name;
    machine.out = profile.out;
    machine.in = profile.in;
  } else if (host_tier) {
    const Measured host = Measurement(runtime, tiers, Tier::host, seconds / 2).run();
    machine.out = host.out;
    machine.in = host.in;
    machine.duplex = host.duplex;
  }
  if (tiers.prepare(Tier::file, 2 * largest)) {
    DeviceRuntime& cpu = runtime_of(Device::cpu());
    if (host_tier) {
      // Seen from the device, a departure is over when the host has it: the file is measured from host memory.
      TransferEngine from_host(cpu, tiers.options());
      file = Measurement(cpu, from_host, Tier::file, modelled ? seconds : seconds / 2).run();
    } else {
      file = Measurement(cpu, tiers, Tier::file, seconds).run();
    }
  }
  if (file.worked) {
    machine.file_out = file.out;
    machine.file_in = file.in;
    if (!host_tier) {
      machine.out = file.out;
      machine.in = file.in;
      machine.duplex = file.duplex;
      machine.delay_per_byte = file.compute_per_byte;
    }
  }
  const TierStats stats = tiers.stats();
  machine.host_bytes = stats.host_limit;
  machine.file_bytes = file.worked ? stats.file_limit : 0;
  return machine;
}

}  // namespace tasuki::memory
