#include "tests/support/expect_error.hpp"

#include <cstdlib>

#include "tests/catch.hpp"

namespace tasuki::testing {
namespace {

/// Replaces "<file>:<line>" by <here> where the file is `here`'s and the line is near.
std::string with_here(std::string text, SourceLocation here) {
  const std::string file = here.file();
  const std::string base = file.substr(file.find_last_of('/') + 1);
  const std::size_t found = text.rfind(base + ":");
  if (found == std::string::npos) return text;
  const std::size_t path_begin = text.rfind(' ', found) + 1;
  const std::size_t digits = found + base.size() + 1;
  const std::size_t digits_end = text.find_first_not_of("0123456789", digits);
  const long line = std::atol(text.c_str() + digits);
  if (std::labs(line - static_cast<long>(here.line())) > 10) return text;
  return text.replace(path_begin, (digits_end == std::string::npos ? text.size() : digits_end) - path_begin, "<here>");
}

}  // namespace

std::string error_text(function_ref<void()> misuse, SourceLocation here) {
  try {
    misuse();
  } catch (const Error& e) {
    return with_here(e.what(), here);
  }
  return {};
}

void expect_error(function_ref<void()> misuse, const std::string& text, SourceLocation here) {
  INFO("misuse at " << here.file() << ":" << here.line());
  CHECK(error_text(misuse, here) == text);
}

}  // namespace tasuki::testing
