#pragma once
#include <cstddef>
#include <string>

namespace tasuki::memory {

struct HostLimit {
  std::size_t bytes;
  std::string source;  ///< "MemAvailable 22.81 GiB, control group limit 8.00 GiB with 7.12 GiB left; one eighth is left for others"
};

/// What host slabs may take by default: the smaller of MemAvailable and what the process's memory control groups (version 1 and 2,
/// each level) leave, page cache that can be dropped included, less one eighth for everything else.
/// Reads /proc and /sys below `root`.
HostLimit default_host_limit(const std::string& root = "");

}  // namespace tasuki::memory
