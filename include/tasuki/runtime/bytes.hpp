#pragma once
#include <cstddef>
#include <string_view>

namespace tasuki::memory {

/// Bytes from text, as programs take them from a command line: "4GiB", "1.5GB", "1048576". Throws ValueError for anything else.
std::size_t parse_bytes(std::string_view text);

}  // namespace tasuki::memory
