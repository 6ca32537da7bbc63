#pragma once
// Pictures as PNG files: rectangles, single pixels, and captions in small letters.
#include <png.h>
#include <tasuki/tasuki.hpp>

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace support {

struct Color {
  float red, green, blue;  // 0 to 255
};

inline Color mixed(Color a, Color b, float share_of_b) {
  const auto mix = [&](float x, float y) { return x + share_of_b * (y - x); };
  return {mix(a.red, b.red), mix(a.green, b.green), mix(a.blue, b.blue)};
}

class Picture {
 public:
  Picture(std::int64_t width, std::int64_t height, Color background) : width_(width), height_(height), pixels_(static_cast<std::size_t>(3 * width * height)) {
    rectangle(0, 0, width, height, background);
  }

  void set(std::int64_t x, std::int64_t y, Color color) {
    png_byte* const to = &pixels_[static_cast<std::size_t>(3 * (y * width_ + x))];
    to[0] = static_cast<png_byte>(color.red), to[1] = static_cast<png_byte>(color.green), to[2] = static_cast<png_byte>(color.blue);
  }
  void rectangle(std::int64_t left, std::int64_t top, std::int64_t width, std::int64_t height, Color color) {
    for (std::int64_t y = top; y < top + height; ++y)
      for (std::int64_t x = left; x < left + width; ++x) set(x, y, color);
  }
  /// Letters of 5 x 7 points, each `point` pixels wide.
  void text(std::int64_t left, std::int64_t top, const std::string& words, Color color, std::int64_t point = 2) {
    for (const char letter : words) {
      const auto found = letters().find(letter);
      for (std::int64_t column = 0; found != letters().end() && column < 5; ++column)
        for (std::int64_t row = 0; row < 8; ++row)
          if (found->second[static_cast<std::size_t>(column)] >> row & 1) rectangle(left + column * point, top + row * point, point, point, color);
      left += 6 * point;
    }
  }

  void write(const std::string& path) const {
    png_image image{};
    image.version = PNG_IMAGE_VERSION;
    image.width = static_cast<png_uint_32>(width_), image.height = static_cast<png_uint_32>(height_);
    image.format = PNG_FORMAT_RGB;
    if (!png_image_write_to_file(&image, path.c_str(), 0, pixels_.data(), 0, nullptr)) throw tasuki::FileError(path + ": " + image.message);
  }

 private:
  /// Columns from left to right; the lowest bit is on top.
  static const std::map<char, std::array<std::uint8_t, 5>>& letters() {
    static const std::map<char, std::array<std::uint8_t, 5>> all{
        {'.', {0x00, 0x60, 0x60, 0x00, 0x00}}, {',', {0x00, 0x80, 0x60, 0x00, 0x00}}, {':', {0x00, 0x36, 0x36, 0x00, 0x00}},
        {'0', {0x3E, 0x51, 0x49, 0x45, 0x3E}}, {'1', {0x00, 0x42, 0x7F, 0x40, 0x00}}, {'2', {0x42, 0x61, 0x51, 0x49, 0x46}},
        {'3', {0x21, 0x41, 0x45, 0x4B, 0x31}}, {'4', {0x18, 0x14, 0x12, 0x7F, 0x10}}, {'5', {0x27, 0x45, 0x45, 0x45, 0x39}},
        {'6', {0x3C, 0x4A, 0x49, 0x49, 0x30}}, {'7', {0x01, 0x71, 0x09, 0x05, 0x03}}, {'8', {0x36, 0x49, 0x49, 0x49, 0x36}},
        {'9', {0x06, 0x49, 0x49, 0x29, 0x1E}}, {'D', {0x7F, 0x41, 0x41, 0x41, 0x3E}}, {'I', {0x00, 0x41, 0x7F, 0x41, 0x00}},
        {'M', {0x7F, 0x02, 0x1C, 0x02, 0x7F}}, {'R', {0x7F, 0x09, 0x19, 0x29, 0x46}}, {'a', {0x20, 0x54, 0x54, 0x78, 0x40}},
        {'b', {0x7F, 0x28, 0x44, 0x44, 0x38}}, {'c', {0x38, 0x44, 0x44, 0x44, 0x28}}, {'d', {0x38, 0x44, 0x44, 0x28, 0x7F}},
        {'e', {0x38, 0x54, 0x54, 0x54, 0x18}}, {'f', {0x00, 0x08, 0x7E, 0x09, 0x02}}, {'g', {0x18, 0xA4, 0xA4, 0x9C, 0x78}},
        {'h', {0x7F, 0x08, 0x04, 0x04, 0x78}}, {'i', {0x00, 0x44, 0x7D, 0x40, 0x00}}, {'j', {0x20, 0x40, 0x40, 0x3D, 0x00}},
        {'k', {0x7F, 0x10, 0x28, 0x44, 0x00}}, {'l', {0x00, 0x41, 0x7F, 0x40, 0x00}}, {'m', {0x7C, 0x04, 0x78, 0x04, 0x78}},
        {'n', {0x7C, 0x08, 0x04, 0x04, 0x78}}, {'o', {0x38, 0x44, 0x44, 0x44, 0x38}}, {'p', {0xFC, 0x18, 0x24, 0x24, 0x18}},
        {'q', {0x18, 0x24, 0x24, 0x18, 0xFC}}, {'r', {0x7C, 0x08, 0x04, 0x04, 0x08}}, {'s', {0x48, 0x54, 0x54, 0x54, 0x24}},
        {'t', {0x04, 0x04, 0x3F, 0x44, 0x24}}, {'u', {0x3C, 0x40, 0x40, 0x20, 0x7C}}, {'v', {0x1C, 0x20, 0x40, 0x20, 0x1C}},
        {'w', {0x3C, 0x40, 0x30, 0x40, 0x3C}}, {'x', {0x44, 0x28, 0x10, 0x28, 0x44}}, {'y', {0x4C, 0x90, 0x90, 0x90, 0x7C}},
        {'z', {0x44, 0x64, 0x54, 0x4C, 0x44}}};
    return all;
  }

  std::int64_t width_, height_;
  std::vector<png_byte> pixels_;
};

}  // namespace support
