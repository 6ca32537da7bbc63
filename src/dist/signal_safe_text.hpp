#pragma once
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace tasuki::dist {

/// A line of text that a signal handler can put together: no allocation, no locale, no lock. What does not fit is cut.
class SignalSafeText {
 public:
  SignalSafeText& operator<<(const char* text) noexcept {
    const std::size_t n = std::strlen(text), room = sizeof text_ - size_, taken = n < room ? n : room;
    std::memcpy(text_ + size_, text, taken);
    size_ += taken;
    return *this;
  }
  SignalSafeText& operator<<(std::uint64_t number) noexcept {
    char digits[24];
    std::size_t at = sizeof digits - 1;
    digits[at] = '\0';
    do digits[--at] = static_cast<char>('0' + number % 10);
    while (number /= 10);
    return *this << digits + at;
  }
  /// Of a time: with six digits behind the point.
  SignalSafeText& seconds(double value) noexcept {
    const auto micros = static_cast<std::uint64_t>(value * 1e6 + 0.5), rest = micros % 1'000'000;
    *this << micros / 1'000'000 << ".";
    for (std::uint64_t unit = 100'000; unit > rest && unit > 1; unit /= 10) *this << "0";
    return *this << rest;
  }
  void write(int descriptor) const noexcept {
    for (std::size_t at = 0; at < size_;) {
      const ssize_t count = ::write(descriptor, text_ + at, size_ - at);
      if (count <= 0) return;
      at += static_cast<std::size_t>(count);
    }
  }

 private:
  char text_[1024];
  std::size_t size_ = 0;
};

}  // namespace tasuki::dist
