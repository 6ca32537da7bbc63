#include "tasuki/core/error.hpp"

#include <charconv>

#include "tasuki/core/context.hpp"

namespace tasuki {

namespace {
int error_rank = -1;

void append_indented(std::string& text, std::string_view lines) {
  while (!lines.empty()) {
    const auto end = lines.find('\n');
    text += "\n  ";
    text += lines.substr(0, end);
    if (end == std::string_view::npos) break;
    lines.remove_prefix(end + 1);
  }
}
}  // namespace

void set_error_rank(int rank) { error_rank = rank; }

Error::Error(const char* kind, std::string body) : kind_(kind), body_(std::move(body)) { compose(); }

void Error::add_op(std::string_view op, std::string_view module, std::string operands, SourceLocation at) {
  if (!op_.empty()) return;
  op_ = op;
  module_ = module;
  operands_ = std::move(operands);
  at_ = at;
  compose();
}

void Error::add_line(std::string line) {
  if (!more_.empty()) more_ += '\n';
  more_ += line;
  compose();
}

void Error::compose() {
  text_ = kind_;
  text_ += ":";
  if (op_.empty()) {
    // Without an op the first line of the body is the headline.
    const auto end = body_.find('\n');
    text_ += ' ';
    text_ += std::string_view(body_).substr(0, end);
    if (end != std::string::npos) append_indented(text_, std::string_view(body_).substr(end + 1));
  } else {
    text_ += ' ' + op_;
    if (!module_.empty()) text_ += " in " + module_;
    append_indented(text_, body_);
    append_indented(text_, operands_);
  }
  append_indented(text_, more_);
  if (at_.line() != 0) {
    std::string_view file = at_.file();
    if (const auto slash = file.find_last_of('/'); slash != std::string_view::npos) file.remove_prefix(slash + 1);
    text_ += "\n  called at " + std::string(file) + ":" + std::to_string(at_.line());
    if (error_rank >= 0) text_ += ", rank " + std::to_string(error_rank);
  } else if (error_rank >= 0) {
    text_ += "\n  on rank " + std::to_string(error_rank);
  }
}

namespace detail {

Text::Text(double v) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, v).ptr;
  s_.assign(buffer, end);
}

std::string concat(std::initializer_list<Text> pieces) {
  std::string text;
  for (const Text& piece : pieces) text += piece.str();
  return text;
}

std::string expected(const char* left, const char* op, const char* right, const Text& a, const Text& b,
                     std::initializer_list<Text> hint) {
  const std::string_view written = op;
  const char* opposite = written == "==" ? "!=" : written == "!=" ? "==" : written == "<" ? ">=" : written == "<=" ? ">" : written == ">" ? "<=" : "<";
  std::string text = concat({"expected  ", left, " ", op, " ", right, "\nactual    ", a, " ", opposite, " ", b});
  if (hint.size() != 0) text += '\n' + concat(hint);
  return text;
}

}  // namespace detail
}  // namespace tasuki
