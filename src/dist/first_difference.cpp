#include "src/dist/first_difference.hpp"

#include "tasuki/core/error.hpp"

namespace tasuki::dist {

namespace {

/// The line that contains, or would contain, the character number `at`.
std::string line_at(const std::string& text, std::size_t at) {
  const std::size_t newline = at == 0 ? std::string::npos : text.rfind('\n', at - 1), begin = newline == std::string::npos ? 0 : newline + 1;
  const std::string found = text.substr(begin, text.find('\n', begin) - begin);
  return found.empty() ? "nothing more" : found;
}

}  // namespace

std::string first_difference(const std::vector<std::string>& texts) {
  for (std::size_t r = 1; r < texts.size(); ++r) {
    if (texts[r] == texts[0]) continue;
    std::size_t at = 0;
    while (at < texts[0].size() && at < texts[r].size() && texts[0][at] == texts[r][at]) ++at;
    return detail::concat({"actual    rank 0 has  ", line_at(texts[0], at), "\n          rank ", r, " has  ", line_at(texts[r], at)});
  }
  return {};
}

}  // namespace tasuki::dist
