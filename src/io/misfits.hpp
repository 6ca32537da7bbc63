#pragma once
#include <string>
#include <vector>

namespace tasuki {

/// Names that a file and what it is loaded into do not have in common.
struct Misfits {
  std::vector<std::string> missing, unexpected, mismatching;

  bool empty() const { return missing.empty() && unexpected.empty() && mismatching.empty(); }
  /// "\nmissing in the checkpoint (2):\n  ..." and so on; `where` is "checkpoint". Long lists are cut.
  std::string list(const char* where) const {
    return lines("missing in the " + std::string(where), missing) + lines("unexpected in the " + std::string(where), unexpected) + lines("of another shape or type", mismatching);
  }

 private:
  static std::string lines(const std::string& headline, const std::vector<std::string>& names) {
    constexpr std::size_t listed_at_most = 20;
    if (names.empty()) return {};
    std::string text = "\n" + headline + " (" + std::to_string(names.size()) + "):";
    for (std::size_t i = 0; i < names.size() && i < listed_at_most; ++i) text += "\n  " + names[i];
    if (names.size() > listed_at_most) text += "\n  and " + std::to_string(names.size() - listed_at_most) + " more";
    return text;
  }
};

}  // namespace tasuki
