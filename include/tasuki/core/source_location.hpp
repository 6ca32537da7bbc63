#pragma once

namespace tasuki {

/// Where the user wrote a call. Every op takes one as its last, defaulted argument, so that errors and traces can name the
/// user's line. Own type because clang 14 has no std::source_location; the constructor is explicit so that `{0}` stays a dim list.
class SourceLocation {
 public:
  constexpr SourceLocation() = default;
  constexpr explicit SourceLocation(const char* file, unsigned line) : file_(file), line_(line) {}
  static constexpr SourceLocation current(const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) {
    return SourceLocation(file, line);
  }
  constexpr const char* file() const { return file_; }
  constexpr unsigned line() const { return line_; }

 private:
  const char* file_ = "";
  unsigned line_ = 0;
};

}  // namespace tasuki
