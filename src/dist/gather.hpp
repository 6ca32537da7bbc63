#pragma once
#include <string>
#include <utility>
#include <vector>

#include "tasuki/dist/world.hpp"

namespace tasuki::dist {

/// What each process says, by rank; texts are without form feeds.
inline std::vector<std::string> gather_list(const World& world, const std::string& mine) {
  std::vector<std::string> list{""};
  for (const char c : world.gather_texts(mine, "\f"))
    if (c == '\f') list.emplace_back();
    else list.back() += c;
  return list;
}

/// Runs `f` on each process. What it throws on one of them, all of them throw, with its rank: none goes on alone.
template <class F>
void all_or_none(const World& world, const F& f) {
  std::string error;
  try {
    f();
  } catch (const Error& e) {
    error = e.body();
  } catch (const std::exception& e) {
    error = e.what();
  }
  const std::vector<std::string> errors = gather_list(world, error);
  for (std::size_t r = 0; r < errors.size(); ++r)
    if (!errors[r].empty()) throw FileError((errors.size() > 1 ? "rank " + std::to_string(r) + ": " : "") + errors[r]);
}

}  // namespace tasuki::dist
