#pragma once
// What the programs that train have in common: where their data lies, options that all of them have, and what becomes of an error.
#include <tasuki/tasuki.hpp>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <type_traits>

namespace support {

/// data/NAME under the current folder, else in the source tree that this program was built from.
inline std::string default_data(const std::string& name) {
  const std::string here = "data/" + name;
  return std::filesystem::exists(here) ? here : std::string(TASUKI_SOURCE_DIR) + "/" + here;
}

/// What a program trains on, within which memory, and from which random numbers.
struct Setting {
  std::string device = "cpu";
  std::string budget, policy = "automatic", swap_file;
  int threads = 0;
  std::uint64_t seed = 1;

  void add_to(CLI::App& app) {
    app.add_option("--device", device, "cpu, or an emulated accelerator with so much memory: sim:4GiB")->capture_default_str();
    app.add_option("--budget", budget, "bytes that the device may hold, as in 64MiB: what does not fit is swapped or computed again");
    app.add_option("--policy", policy, "how: keep, swap, recompute or automatic")->capture_default_str()->check(CLI::IsMember({"keep", "swap", "recompute", "automatic"}));
    app.add_option("--swap-file", swap_file, "file or folder for what leaves memory; by default a nameless file under /var/tmp");
    app.add_option("--seed", seed, "of first weights, and of all else that is random")->capture_default_str();
    app.add_option("--threads", threads, "threads for computing; 0 takes all")->capture_default_str()->check(CLI::NonNegativeNumber);
  }

  tasuki::Device begin() const {
    if (threads > 0) tasuki::set_num_threads(threads);
    tasuki::manual_seed(seed);
    return tasuki::Device::parse(device);
  }

  /// Nothing without --budget.
  std::unique_ptr<tasuki::memory::Budget> make_budget(tasuki::Device on) const {
    using tasuki::memory::Policy;
    if (budget.empty()) return nullptr;
    tasuki::memory::BudgetOptions options;
    options.bytes = tasuki::memory::parse_bytes(budget);
    options.file = swap_file;
    for (const Policy p : {Policy::keep, Policy::swap, Policy::recompute})
      if (policy == tasuki::memory::name_of(p)) options.policy = p;
    return std::make_unique<tasuki::memory::Budget>(on, options);
  }

  /// What training took, and what the budget did about it.
  void print_memory(tasuki::Device on, const tasuki::memory::Budget* within) const {
    if (within) std::printf("%s", within->report().to_string().c_str());
    else std::printf("peak of memory %.1f MiB; --budget trains within less\n", static_cast<double>(tasuki::memory::stats(on).peak_bytes) / (1 << 20));
  }
};

/// Reads the command line. With --help, or a mistake in it, the program says so and ends.
inline void parse(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    std::exit(app.exit(e));
  }
}

/// What main returns: what the program does, if anything; an exception becomes its message, and 1.
template <class Program>
int run(const Program& program) {
  try {
    if constexpr (std::is_same_v<decltype(program()), int>) {
      return program();
    } else {
      program();
      return 0;
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}

}  // namespace support
