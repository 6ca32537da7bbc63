#pragma once
#include <cstddef>
#include <map>

#include "src/runtime/pages.hpp"

namespace tasuki {

/// Disjoint ranges of addresses. Not locked.
class AddressSet {
 public:
  bool empty() const { return ranges_.empty(); }
  /// None of it may be there yet.
  void add(char* begin, char* end) {
    if (begin != end) ranges_.emplace(begin, end);
  }
  /// How many bytes of [begin, end) are there.
  std::size_t bytes_within(const char* begin, const char* end) const;
  /// Takes [begin, end) out, and says how many of its bytes were there.
  std::size_t remove(char* begin, char* end);
  /// What of [begin, end) comes first; no bytes when there is nothing.
  PageRange first_within(char* begin, char* end) const;
  /// Takes any range out; one of no bytes when there is none.
  PageRange remove_any();

 private:
  std::map<char*, char*> ranges_;  // begin, end
};

}  // namespace tasuki
