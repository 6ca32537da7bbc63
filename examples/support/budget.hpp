#pragma once
#include <tasuki/tasuki.hpp>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

/// --budget, --policy and --swap-file, for programs that train.
struct BudgetChoice {
  std::string bytes, policy = "automatic", file;

  void add_to(CLI::App& app) {
    app.add_option("--budget", bytes, "bytes that the device may hold, as in 64MiB: what does not fit is swapped or computed again");
    app.add_option("--policy", policy, "how: keep, swap, recompute or automatic")->capture_default_str()->check(CLI::IsMember({"keep", "swap", "recompute", "automatic"}));
    app.add_option("--swap-file", file, "file or folder for what leaves memory; by default a nameless file under /var/tmp");
  }

  /// Nothing without --budget.
  std::unique_ptr<tasuki::memory::Budget> make(tasuki::Device device) const {
    using tasuki::memory::Policy;
    if (bytes.empty()) return nullptr;
    tasuki::memory::BudgetOptions options;
    options.bytes = tasuki::memory::parse_bytes(bytes);
    options.file = file;
    for (const Policy p : {Policy::keep, Policy::swap, Policy::recompute})
      if (policy == tasuki::memory::name_of(p)) options.policy = p;
    return std::make_unique<tasuki::memory::Budget>(device, options);
  }
};
