#pragma once

namespace tasuki {

/// Where the user wrote a call. Every op takes one as its last, defaulted argument, so that errors and traces can name the
/// user's line. Own type because clang 14 has no std::source_location. Nothing converts to it, so that `sum(x, {0, -1})` can only
/// mean a list of dimensions.
class SourceLocation {
  struct Key {
    explicit constexpr Key() = default;
  };

 public:
  constexpr SourceLocation() = default;
  static constexpr SourceLocation current(const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) {
    return SourceLocation(file, line, Key());
  }
  constexpr const char* file() const { return file_; }
  constexpr unsigned line() const { return line_; }

 private:
  constexpr SourceLocation(const char* file, unsigned line, Key) : file_(file), line_(line) {}
  const char* file_ = "";
  unsigned line_ = 0;
};

}  // namespace tasuki
