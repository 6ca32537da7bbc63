// What moving bytes to the file tier and back costs: MB/s of storages that leave, that come back, and of both at once, and the
// latency of small ones, with and without O_DIRECT and with one thread and two; beside them what plain programs reach on the same
// disk (one thread in a loop over write or read, as dd does) and in memory (memcpy).
//
// Usage: bench_tiers [--json FILE] [--file PATH] [--mib SIZE_OF_A_STORAGE] [--count STORAGES] [--rounds N]
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "benchmarks/support/report.hpp"
#include "src/memory/link_measurement.hpp"
#include "src/memory/transfer.hpp"
#include "tasuki/runtime/runtime.hpp"

namespace ts = tasuki;
using namespace tasuki::benchmark;
using ts::memory::Home;
using ts::memory::Tier;
using ts::memory::Transfer;
using ts::memory::TransferEngine;

namespace {

struct Load {
  std::string file;
  std::size_t bytes, count;
  int rounds;
};

/// Page-aligned memory that is there, filled with something that no disk compresses.
class Memory {
 public:
  explicit Memory(std::size_t bytes) : bytes_(bytes), data_(static_cast<char*>(std::aligned_alloc(4096, bytes))) {
    std::uint64_t z = 1;
    for (std::size_t i = 0; i < bytes; i += sizeof z) {
      z ^= z << 13, z ^= z >> 7, z ^= z << 17;
      std::memcpy(data_ + i, &z, sizeof z);
    }
  }
  ~Memory() { std::free(data_); }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  char* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }

 private:
  std::size_t bytes_;
  char* data_;
};

struct Rates {
  Sample out, in, both;  // seconds for all storages
  Sample small_out, small_in;
  bool worked = true;
};

Rates measure_tier(const Load& load, bool direct, int threads, const Memory& from, const Memory& to, std::string& report) {
  TransferEngine tiers(ts::runtime_of(ts::Device::cpu()), {.file = load.file, .direct = direct, .threads = threads});
  Rates rates;
  const auto wait = [&](const std::vector<Transfer>& transfers) {
    for (const Transfer& t : transfers)
      if (const auto error = tiers.wait(t)) {
        std::fprintf(stderr, "%s\n", error.text.c_str());
        rates.worked = false;
      }
  };
  std::vector<Home*> homes, others;
  for (std::size_t i = 0; i < load.count; ++i) {
    homes.push_back(tiers.reserve(load.bytes, Tier::file));
    others.push_back(tiers.reserve(load.bytes, Tier::file));
    if (homes.back() && others.back()) continue;
    std::fprintf(stderr, "%s\n", tiers.refusal().c_str());
    rates.worked = false;
    return rates;
  }
  std::vector<double> out, in, both;
  std::vector<Transfer> transfers;
  for (int round = -1; round < load.rounds; ++round) {  // the first writes to blocks that the file never had
    double begin = now();
    transfers.clear();
    for (Home* home : homes) transfers.push_back(tiers.start_out(*home, from.data()));
    wait(transfers);
    if (round >= 0) out.push_back(now() - begin);
    begin = now();
    transfers.clear();
    for (Home* home : homes) transfers.push_back(tiers.start_in(*home, to.data()));
    wait(transfers);
    if (round >= 0) in.push_back(now() - begin);
    begin = now();
    transfers.clear();
    for (std::size_t i = 0; i < load.count; ++i) {
      transfers.push_back(tiers.start_out(*others[i], from.data()));
      transfers.push_back(tiers.start_in(*homes[i], to.data()));
    }
    wait(transfers);
    if (round >= 0) both.push_back(now() - begin);
  }
  rates.out = summarize(out);
  rates.in = summarize(in);
  rates.both = summarize(both);
  Home* small = tiers.reserve(16 << 10, Tier::file);
  rates.small_out = time_per_call([&] { wait({tiers.start_out(*small, from.data())}); }, 1, 0.1);
  rates.small_in = time_per_call([&] { wait({tiers.start_in(*small, to.data())}); }, 1, 0.1);
  report = tiers.report();
  return rates;
}

/// Seconds of one thread for all storages in a plain file; nothing where the file system has no O_DIRECT.
bool measure_plain(const Load& load, bool direct, const Memory& from, const Memory& to, Rates& rates) {
  std::string name = (load.file.empty() ? "/var/tmp" : load.file) + "/bench-tiers-XXXXXX";
  const int file = ::mkostemp(name.data(), direct ? O_DIRECT : 0);
  if (file < 0) return false;
  ::unlink(name.c_str());
  constexpr std::size_t call = std::size_t{16} << 20;
  const auto pass = [&](bool out) {
    const double begin = now();
    for (std::size_t at = 0; at < load.bytes * load.count; at += call) {
      const std::size_t place = at % load.bytes, bytes = std::min(call, load.bytes - place);
      const ssize_t count = out ? ::pwrite(file, from.data() + place, bytes, static_cast<off_t>(at)) : ::pread(file, to.data() + place, bytes, static_cast<off_t>(at));
      if (count != static_cast<ssize_t>(bytes)) rates.worked = false;
    }
    return now() - begin;
  };
  std::vector<double> out, in;
  pass(true);
  for (int round = 0; round < load.rounds; ++round) {
    out.push_back(pass(true));
    in.push_back(pass(false));
  }
  ::close(file);
  rates.out = summarize(out);
  rates.in = summarize(in);
  return rates.worked;
}

double rate(const Load& load, double seconds, int directions = 1) { return seconds > 0 ? static_cast<double>(load.bytes * load.count) * directions / seconds / 1e6 : 0; }

}  // namespace

int main(int argc, char** argv) {
  Load load{option(argc, argv, "file", ""), static_cast<std::size_t>(std::atol(option(argc, argv, "mib", "32").c_str())) << 20,
            static_cast<std::size_t>(std::atol(option(argc, argv, "count", "2").c_str())), std::atoi(option(argc, argv, "rounds", "3").c_str())};
  const Memory from(load.bytes), to(load.bytes);
  Report report("tiers");
  std::printf("%zu storages of %zu MiB, medians of %d rounds\n\n%-34s %9s %9s %9s %14s %13s\n", load.count, load.bytes >> 20, load.rounds, "MB/s", "out", "in", "both", "16 KiB out, us", "16 KiB in, us");
  const auto row = [&](const std::string& name, const Rates& r, bool tier) {
    std::printf("%-34s %9.0f %9.0f", name.c_str(), rate(load, r.out.median), rate(load, r.in.median));
    if (tier) std::printf(" %9.0f %14.0f %13.0f", rate(load, r.both.median, 2), r.small_out.median * 1e6, r.small_in.median * 1e6);
    std::printf("\n");
    report.begin_row();
    report.add("way", name);
    report.add("out_mb_per_s", rate(load, r.out.median));
    report.add("in_mb_per_s", rate(load, r.in.median));
    if (!tier) return;
    report.add("both_mb_per_s", rate(load, r.both.median, 2));
    report.add("small_out_us", r.small_out.median * 1e6);
    report.add("small_in_us", r.small_in.median * 1e6);
  };

  bool worked = true;
  std::string tiers;
  for (const bool direct : {true, false})
    for (const int threads : {1, 2}) {
      const Rates r = measure_tier(load, direct, threads, from, to, tiers);
      worked = worked && r.worked;
      row(std::string("file tier, ") + (direct ? "O_DIRECT, " : "page cache, ") + std::to_string(threads) + (threads == 1 ? " thread" : " threads"), r, true);
    }
  for (const bool direct : {true, false}) {
    Rates r;
    if (measure_plain(load, direct, from, to, r)) row(std::string("plain file, ") + (direct ? "O_DIRECT" : "page cache"), r, false);
  }
  Rates memory;
  memory.out = memory.in = time_per_call([&] { for (std::size_t i = 0; i < load.count; ++i) std::memcpy(to.data(), from.data(), load.bytes); }, 1, 0.2);
  row("memcpy", memory, false);

  TransferEngine engine(ts::runtime_of(ts::Device::cpu()), {.file = load.file});
  const double begin = now();
  const ts::memory::Machine machine = ts::memory::measure_machine(ts::runtime_of(ts::Device::cpu()), engine);
  std::printf("\nwhat a budget measures at its start, in %.2f s: out %.0f us + %.0f MB/s, in %.0f us + %.0f MB/s, %.2f of each while both are busy\n%s\n", now() - begin,
              machine.out.latency_s * 1e6, machine.out.bytes_per_s / 1e6, machine.in.latency_s * 1e6, machine.in.bytes_per_s / 1e6, machine.duplex, engine.report().c_str());
  const std::string json = option(argc, argv, "json", "");
  return worked && (json.empty() || report.save(json)) ? 0 : 1;
}
