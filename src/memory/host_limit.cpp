#include "src/memory/host_limit.hpp"

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <optional>
#include <sstream>
#include <vector>

#include "src/memory/byte_text.hpp"
#include "tasuki/core/error.hpp"

namespace tasuki::memory {

namespace {

/// Nothing that a machine has: version 1 writes a number near 2^63 for "no limit".
constexpr std::size_t no_limit = std::size_t{1} << 60;

std::optional<std::size_t> read_number(const std::string& path) {
  std::ifstream file(path);
  std::uint64_t value;
  if (file >> value) return static_cast<std::size_t>(value);
  return std::nullopt;  // absent, or "max"
}

/// The number after `key` in lines of "key number" or "key:  number kB".
std::optional<std::size_t> read_entry(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  std::string word;
  std::uint64_t value;
  for (std::string line; std::getline(file, line);) {
    std::istringstream fields(line);
    if (fields >> word >> value && word == key) return static_cast<std::size_t>(value);
  }
  return std::nullopt;
}

struct Hierarchy {
  bool version2;
  std::string mount, group;  ///< where it is mounted, and this process's group below that
};

bool lists(const std::string& names, const std::string& wanted) {
  std::istringstream fields(names);
  for (std::string name; std::getline(fields, name, ',');)
    if (name == wanted) return true;
  return false;
}

/// The process's group in each hierarchy that can limit memory. A container often sees its own group as the root of the mount.
std::vector<Hierarchy> hierarchies(const std::string& root) {
  std::string group1, group2;
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // "4:memory:/path" or "0::/path"
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), path = line.substr(second + 1);
    if (controllers.empty()) group2 = path;
    else if (lists(controllers, "memory")) group1 = path;
  }
  std::vector<Hierarchy> found;
  std::ifstream mounts(root + "/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {  // id parent major:minor root mount options ... - type source options
    std::istringstream fields(line);
    std::string skip, mounted_root, mount, type, options;
    fields >> skip >> skip >> skip >> mounted_root >> mount;
    while (fields >> skip && skip != "-") {}
    fields >> type >> skip >> options;
    const bool version2 = type == "cgroup2";
    std::string group = version2 ? group2 : group1;
    if (group.empty() || (!version2 && !(type == "cgroup" && lists(options, "memory")))) continue;
    if (mounted_root != "/") group = group.compare(0, mounted_root.size(), mounted_root) == 0 ? group.substr(mounted_root.size()) : "";
    while (!group.empty() && group.back() == '/') group.pop_back();
    if (!group.empty() && group.front() != '/') group.clear();
    found.push_back({version2, root + mount, group});
  }
  return found;
}

struct Room {
  std::size_t limit, left;
};

std::optional<Room> room_in(const std::string& folder, bool version2) {
  std::optional<std::size_t> limit = read_number(folder + (version2 ? "/memory.max" : "/memory.limit_in_bytes"));
  if (version2) {
    const auto high = read_number(folder + "/memory.high");  // beyond it the group is slowed down until it is useless
    if (high) limit = std::min(limit.value_or(*high), *high);
  }
  if (!limit || *limit >= no_limit) return std::nullopt;
  const std::size_t used = read_number(folder + (version2 ? "/memory.current" : "/memory.usage_in_bytes")).value_or(0);
  const std::size_t cached = read_entry(folder + "/memory.stat", version2 ? "inactive_file" : "total_inactive_file").value_or(0);
  const std::size_t kept = used - std::min(used, cached);
  return Room{*limit, *limit - std::min(*limit, kept)};
}

}  // namespace

HostLimit default_host_limit(const std::string& root) {
  std::size_t left = no_limit;
  std::string source;
  if (const auto kilobytes = read_entry(root + "/proc/meminfo", "MemAvailable:")) {
    left = *kilobytes * 1024;
    source = "MemAvailable " + byte_text(left);
  } else {
    source = "no MemAvailable";
  }
  std::optional<Room> tightest;
  for (const Hierarchy& hierarchy : hierarchies(root)) {
    std::string group = hierarchy.group;
    for (;;) {  // each level up to the root may have a limit of its own
      const auto room = room_in(hierarchy.mount + group, hierarchy.version2);
      if (room && (!tightest || room->left < tightest->left)) tightest = room;
      if (group.empty()) break;
      group.erase(group.rfind('/'));
    }
  }
  if (tightest) {
    source += ", control group limit " + byte_text(tightest->limit) + " with " + byte_text(tightest->left) + " left";
    left = std::min(left, tightest->left);
  } else {
    source += ", no control group limit";
  }
  if (left == no_limit) return {0, source + "; nothing is known to be free"};
  return {left - left / 8, source + "; one eighth is left for others"};
}

}  // namespace tasuki::memory
