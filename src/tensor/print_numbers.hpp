#pragma once
#include <string>
#include <vector>

#include "tasuki/core/dtype.hpp"

namespace tasuki::detail {

/// Writes the floating numbers of one tensor in one style, as NumPy's FloatingFormat does: decided by all of them, then used for
/// each. The numbers are given as double, which holds the values of every floating dtype.
class FloatStyle {
 public:
  FloatStyle(const std::vector<double>& values, DType dtype, int precision, bool suppress_small);
  std::string operator()(double value) const;

 private:
  DType dtype_;
  int precision_;
  bool scientific_ = false;
  int width_before_ = 0, width_after_ = 0;  // of the point
  int exponent_digits_ = 2;
};

/// One number alone, as NumPy writes a scalar: "1.0", "0.1", "1e+16".
std::string scalar_text(double value, DType dtype);

}  // namespace tasuki::detail
