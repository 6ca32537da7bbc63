#include "src/tensor/print_numbers.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "tasuki/core/half.hpp"

namespace tasuki::detail {

namespace {

/// A finite number as decimal digits d.ddd x 10^exponent.
struct Decimal {
  bool negative = false;
  std::string digits;  ///< at least one; no zeros at the end but for zero itself
  int exponent = 0;
};

/// From "d.ddde+xx".
Decimal parse_scientific(const char* begin, const char* end) {
  Decimal d;
  for (; begin != end && *begin != 'e'; ++begin) {
    if (*begin == '-') d.negative = true;
    else if (*begin != '.') d.digits += *begin;
  }
  d.exponent = std::atoi(std::string(begin + 1, end).c_str());
  while (d.digits.size() > 1 && d.digits.back() == '0') d.digits.pop_back();
  return d;
}

Decimal rounded(double value, int digits_behind_first) {
  char text[400];
  const int length = std::snprintf(text, sizeof text, "%.*e", std::max(digits_behind_first, 0), value);
  return parse_scientific(text, text + length);
}

/// The fewest digits that tell the value from its neighbours in its dtype.
Decimal shortest(double value, DType dtype) {
  char text[64];
  switch (dtype) {
    case DType::f64: return parse_scientific(text, std::to_chars(text, text + sizeof text, value, std::chars_format::scientific).ptr);
    case DType::f32:
      return parse_scientific(text, std::to_chars(text, text + sizeof text, static_cast<float>(value), std::chars_format::scientific).ptr);
    default:
      for (int digits = 0;; ++digits) {
        std::snprintf(text, sizeof text, "%.*e", digits, value);
        const auto again = static_cast<float>(std::atof(text));
        const float back = dtype == DType::f16 ? static_cast<float>(float16(again)) : static_cast<float>(bfloat16(again));
        if (back == static_cast<float>(value) || digits == 9) return rounded(value, digits);
      }
  }
}

struct Parts {
  std::string before, after;  // of the point
};

/// ddd.ddd with at most `precision` digits behind the point; none stay where they are zeros.
Parts positional(double value, DType dtype, int precision) {
  Decimal d = shortest(value, dtype);
  if (static_cast<int>(d.digits.size()) - 1 - d.exponent > precision) {
    // the exact value decides how the last digit is rounded
    char text[400];
    std::snprintf(text, sizeof text, "%.*f", precision, value);
    std::string all = text;
    Parts parts{all.substr(0, all.find('.')), precision > 0 ? all.substr(all.find('.') + 1) : ""};
    while (!parts.after.empty() && parts.after.back() == '0') parts.after.pop_back();
    return parts;
  }
  Parts parts;
  if (d.negative) parts.before = "-";
  if (d.exponent < 0) {
    parts.before += '0';
    if (d.digits != "0") parts.after = std::string(static_cast<std::size_t>(-d.exponent - 1), '0') + d.digits;
  } else {
    const auto whole = static_cast<std::size_t>(d.exponent + 1);
    d.digits.resize(std::max(d.digits.size(), whole), '0');
    parts.before += d.digits.substr(0, whole);
    parts.after = d.digits.substr(whole);
  }
  return parts;
}

Decimal scientific(double value, DType dtype, int precision) {
  const Decimal d = shortest(value, dtype);
  return static_cast<int>(d.digits.size()) - 1 > precision ? rounded(value, precision) : d;
}

std::string exponent_text(int exponent, int digits) {
  const std::string magnitude = std::to_string(std::abs(exponent));
  return (exponent < 0 ? "e-" : "e+") + std::string(static_cast<std::size_t>(std::max(0, digits - static_cast<int>(magnitude.size()))), '0') + magnitude;
}

std::string padded_left(std::string text, int width) {
  return text.insert(0, static_cast<std::size_t>(std::max(0, width - static_cast<int>(text.size()))), ' ');
}

std::string nonfinite_text(double value) { return std::isnan(value) ? "nan" : value < 0 ? "-inf" : "inf"; }

}  // namespace

FloatStyle::FloatStyle(const std::vector<double>& values, DType dtype, int precision, bool suppress_small)
    : dtype_(dtype), precision_(precision) {
  double largest = 0, smallest = INFINITY;
  bool any_finite = false;
  for (const double v : values) {
    if (!std::isfinite(v)) continue;
    any_finite = true;
    if (v == 0) continue;
    largest = std::max(largest, std::fabs(v));
    smallest = std::min(smallest, std::fabs(v));
  }
  const double cutoff = dtype == DType::f64 ? 1e8 : dtype == DType::f32 ? 1e6 : 1e3;
  scientific_ = largest > 0 && (largest >= cutoff || (!suppress_small && (smallest < 1e-4 || largest / smallest > 1000)));

  int exponent_width = 0;
  for (const double v : values) {
    if (!std::isfinite(v)) continue;
    if (scientific_) {
      const Decimal d = scientific(v, dtype, precision);
      width_before_ = std::max(width_before_, d.negative ? 2 : 1);
      width_after_ = std::max(width_after_, static_cast<int>(d.digits.size()) - 1);
      exponent_width = std::max(exponent_width, static_cast<int>(exponent_text(d.exponent, 2).size()) - 2);
    } else {
      const Parts parts = positional(v, dtype, precision);
      width_before_ = std::max(width_before_, static_cast<int>(parts.before.size()));
      width_after_ = std::max(width_after_, static_cast<int>(parts.after.size()));
    }
  }
  if (scientific_) {
    exponent_digits_ = exponent_width;
    precision_ = width_after_;
    width_after_ += exponent_width + 2;
  }
  for (const double v : values)
    if (!std::isfinite(v)) width_before_ = std::max(width_before_, static_cast<int>(nonfinite_text(v).size()) - (width_after_ + 1));
  if (!any_finite) width_after_ = 0;
}

std::string FloatStyle::operator()(double value) const {
  if (!std::isfinite(value)) return padded_left(nonfinite_text(value), width_before_ + width_after_ + 1);
  if (scientific_) {
    Decimal d = rounded(value, precision_);  // beyond its shortest form a number shows the digits that it really has
    d.digits.resize(static_cast<std::size_t>(precision_) + 1, '0');
    return padded_left((d.negative ? "-" : "") + d.digits.substr(0, 1), width_before_) + "." + d.digits.substr(1) + exponent_text(d.exponent, exponent_digits_);
  }
  Parts parts = positional(value, dtype_, precision_);
  parts.after.resize(static_cast<std::size_t>(width_after_), ' ');
  return padded_left(parts.before, width_before_) + "." + parts.after;
}

std::string scalar_text(double value, DType dtype) {
  if (!std::isfinite(value)) return nonfinite_text(value);
  if (value == 0 || (std::fabs(value) < 1e16 && std::fabs(value) >= 1e-4)) {
    const Parts parts = positional(value, dtype, 400);
    return parts.before + "." + (parts.after.empty() ? "0" : parts.after);
  }
  const Decimal d = shortest(value, dtype);
  return (d.negative ? "-" : "") + d.digits.substr(0, 1) + (d.digits.size() > 1 ? "." + d.digits.substr(1) : "") + exponent_text(d.exponent, 2);
}

}  // namespace tasuki::detail
