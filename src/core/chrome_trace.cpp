#include "src/core/chrome_trace.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "tasuki/core/error.hpp"

namespace tasuki {

namespace {

std::string microseconds(double seconds) {
  char text[64];
  std::snprintf(text, sizeof text, "%.3f", seconds * 1e6);
  return text;
}

}  // namespace

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
      out += escaped;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

void ChromeTrace::close_event() {
  if (open_) events_ += has_arguments_ ? "}}" : "}";
  open_ = has_arguments_ = false;
}

void ChromeTrace::begin_event(std::string_view name, const char* phase) {
  close_event();
  events_ += events_.empty() ? "\n" : ",\n";
  events_ += "{\"name\": " + json_string(name) + ", \"ph\": \"" + phase + "\", \"pid\": 1";
}

void ChromeTrace::name_line(int line, std::string_view name) {
  begin_event("thread_name", "M");
  events_ += ", \"tid\": " + std::to_string(line) + ", \"args\": {\"name\": " + json_string(name) + "}}";
  begin_event("thread_sort_index", "M");
  events_ += ", \"tid\": " + std::to_string(line) + ", \"args\": {\"sort_index\": " + std::to_string(line) + "}}";
}

ChromeTrace& ChromeTrace::bar(std::string_view name, std::string_view category, int line, double begin, double end) {
  begin_event(name, "X");
  events_ += ", \"cat\": " + json_string(category) + ", \"tid\": " + std::to_string(line);
  events_ += ", \"ts\": " + microseconds(begin) + ", \"dur\": " + microseconds(end - begin);
  open_ = true;
  return *this;
}

ChromeTrace& ChromeTrace::argument(std::string_view key, std::string_view text) {
  events_ += (has_arguments_ ? ", " : ", \"args\": {") + json_string(key) + ": " + json_string(text);
  has_arguments_ = true;
  return *this;
}

ChromeTrace& ChromeTrace::argument(std::string_view key, std::uint64_t number) {
  events_ += (has_arguments_ ? ", " : ", \"args\": {") + json_string(key) + ": " + std::to_string(number);
  has_arguments_ = true;
  return *this;
}

ChromeTrace& ChromeTrace::argument(std::string_view key, double number) {
  char text[64];
  std::snprintf(text, sizeof text, "%.17g", number);
  events_ += (has_arguments_ ? ", " : ", \"args\": {") + json_string(key) + ": " + text;
  has_arguments_ = true;
  return *this;
}

void ChromeTrace::level(std::string_view curve, double at, std::string_view series, std::uint64_t value) {
  begin_event(curve, "C");
  events_ += ", \"ts\": " + microseconds(at) + ", \"args\": {" + json_string(series) + ": " + std::to_string(value) + "}}";
}

std::string ChromeTrace::text() const {
  return "{\"displayTimeUnit\": \"ns\", \"traceEvents\": [" + events_ + (open_ ? has_arguments_ ? "}}" : "}" : "") + "\n]}\n";
}

void ChromeTrace::save(std::string_view path) const {
  const std::string name(path), all = text();
  const auto fail = [&](const char* what) { TASUKI_THROW(FileError, "cannot ", what, " the trace ", name, ": ", std::strerror(errno)); };
  std::FILE* file = std::fopen(name.c_str(), "wb");
  if (!file) fail("create");
  const bool written = std::fwrite(all.data(), 1, all.size(), file) == all.size();
  if (std::fclose(file) != 0 || !written) fail("write");
}

}  // namespace tasuki
