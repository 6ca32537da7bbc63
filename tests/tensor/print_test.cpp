#include "tasuki/tensor/print.hpp"

#include <cstdint>
#include <limits>
#include <sstream>
#include <string>

#include "tasuki/tensor/creation.hpp"
#include "tests/catch.hpp"

namespace ts = tasuki;

// Every expected text is what NumPy 2.4 prints for the same array.

namespace {
const float inf = std::numeric_limits<float>::infinity(), not_a_number = std::numeric_limits<float>::quiet_NaN();
std::string text(const ts::Tensor& t) { return t.to_string(); }
}  // namespace

TEST_CASE("a vector's numbers share a width and lose their trailing zeros") {
  CHECK(text(ts::tensor({1.0f, 2.5f, -3.0f})) == "[ 1.   2.5 -3. ]");
  CHECK(text(ts::tensor({1.0f, 2.0f})) == "[1. 2.]");
  CHECK(text(ts::tensor({0.1, 0.25, 100.0})) == "[  0.1    0.25 100.  ]");
  CHECK(text(ts::tensor({0.1, 0.25, 99.0})) == "[ 0.1   0.25 99.  ]");
  CHECK(text(ts::tensor({-0.0f, 0.0f})) == "[-0.  0.]");
}

TEST_CASE("f32 shows the digits of f32, f64 those of f64, cut at eight behind the point") {
  CHECK(text(ts::tensor({0.1f, 0.2f, 0.3f})) == "[0.1 0.2 0.3]");
  CHECK(text(ts::tensor({1.0f / 3})) == "[0.33333334]");
  CHECK(text(ts::tensor({1.0 / 3})) == "[0.33333333]");
  CHECK(text(ts::tensor({3.14159265358979})) == "[3.14159265]");
  CHECK(text(ts::tensor({0.1f}, {.dtype = ts::f16})) == "[0.1]");
  CHECK(text(ts::tensor({1.0f, 0.3333f}, {.dtype = ts::f16})) == "[1.     0.3333]");
}

TEST_CASE("scientific notation where numbers are large, small or far apart") {
  CHECK(text(ts::tensor({1e-5f, 1.0f})) == "[1.e-05 1.e+00]");
  CHECK(text(ts::tensor({123456789.0, 1.5e-3})) == "[1.23456789e+08 1.50000000e-03]");
  CHECK(text(ts::tensor({1e10, 2.5e10})) == "[1.0e+10 2.5e+10]");
  CHECK(text(ts::tensor({1e100, -1e-100})) == "[ 1.e+100 -1.e-100]");
  CHECK(text(ts::tensor({1e5f, 0.0f})) == "[100000.      0.]");
}

TEST_CASE("infinities and NaN line up with the numbers") {
  CHECK(text(ts::tensor({not_a_number, inf, -inf, 1.5f})) == "[ nan  inf -inf  1.5]");
  CHECK(text(ts::tensor({not_a_number, 1.0f})) == "[nan  1.]");
  CHECK(text(ts::tensor({not_a_number, not_a_number})) == "[nan nan]");
  CHECK(text(ts::tensor({1e-10f, not_a_number, -inf})) == "[1.e-10    nan   -inf]");
}

TEST_CASE("integers and booleans are right-aligned") {
  CHECK(text(ts::tensor({{1, -20}, {300, 4}})) == "[[  1 -20]\n [300   4]]");
  CHECK(text(ts::tensor({INT64_MIN, INT64_MAX})) == "[-9223372036854775808  9223372036854775807]");
  CHECK(text(ts::tensor({7, 255}, {.dtype = ts::u8})) == "[  7 255]");
  CHECK(text(ts::tensor({{true, false}, {false, true}})) == "[[ True False]\n [False  True]]");
}

TEST_CASE("dimensions are nested, with empty lines between matrices") {
  CHECK(text(ts::arange(8).reshape({2, 2, 2})) == "[[[0 1]\n  [2 3]]\n\n [[4 5]\n  [6 7]]]");
  CHECK(text(ts::arange(6).reshape({2, 3}).transpose(0, 1)) == "[[0 3]\n [1 4]\n [2 5]]");
}

TEST_CASE("scalars and empty tensors") {
  CHECK(text(ts::tensor(1.0f)) == "1.0");
  CHECK(text(ts::tensor(0.1f)) == "0.1");
  CHECK(text(ts::tensor(1e16)) == "1e+16");
  CHECK(text(ts::tensor(-2.5e-7)) == "-2.5e-07");
  CHECK(text(ts::tensor(not_a_number)) == "nan");
  CHECK(text(ts::tensor(-3)) == "-3");
  CHECK(text(ts::tensor(true)) == "True");
  CHECK(text(ts::zeros({0})) == "[]");
  CHECK(text(ts::zeros({0, 3})) == "[]");
  CHECK(text(ts::Tensor()) == "undefined");
}

TEST_CASE("rows that do not fit the line are wrapped") {
  CHECK(text(ts::arange(30)) == "[ 0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16 17 18 19 20 21 22 23\n 24 25 26 27 28 29]");
  CHECK(text(ts::arange(30.0, {.dtype = ts::f64}).reshape({2, 15}).slice(0, 1, 2)) ==
        "[[15. 16. 17. 18. 19. 20. 21. 22. 23. 24. 25. 26. 27. 28. 29.]]");
}

TEST_CASE("more than 1,000 elements are summarized") {
  CHECK(text(ts::arange(1000)).find("...") == std::string::npos);
  CHECK(text(ts::arange(1001)) == "[   0    1    2 ...  998  999 1000]");
  CHECK(text(ts::arange(10000.0).reshape({100, 100})) ==
        "[[0.000e+00 1.000e+00 2.000e+00 ... 9.700e+01 9.800e+01 9.900e+01]\n"
        " [1.000e+02 1.010e+02 1.020e+02 ... 1.970e+02 1.980e+02 1.990e+02]\n"
        " [2.000e+02 2.010e+02 2.020e+02 ... 2.970e+02 2.980e+02 2.990e+02]\n"
        " ...\n"
        " [9.700e+03 9.701e+03 9.702e+03 ... 9.797e+03 9.798e+03 9.799e+03]\n"
        " [9.800e+03 9.801e+03 9.802e+03 ... 9.897e+03 9.898e+03 9.899e+03]\n"
        " [9.900e+03 9.901e+03 9.902e+03 ... 9.997e+03 9.998e+03 9.999e+03]]");
  CHECK(text(ts::zeros({2, 600})) == "[[0. 0. 0. ... 0. 0. 0.]\n [0. 0. 0. ... 0. 0. 0.]]");
}

TEST_CASE("options change digits, width and summary") {
  const ts::Tensor x = ts::tensor({1.0 / 3, 2.0 / 3});
  CHECK(ts::to_string(x, {.precision = 3}) == "[0.333 0.667]");
  CHECK(ts::to_string(ts::arange(10), {.threshold = 5, .edge_items = 2}) == "[0 1 ... 8 9]");
  CHECK(ts::to_string(ts::arange(6), {.line_width = 8}) == "[0 1 2\n 3 4 5]");
  CHECK(ts::to_string(ts::tensor({1e-6, 1.0}), {.suppress_small = true}) == "[0.000001 1.      ]");
}

TEST_CASE("tensors go to any stream") {
  std::ostringstream stream;
  stream << "x = " << ts::tensor({1, 2}) << ", done";
  CHECK(stream.str() == "x = [1 2], done");
}

TEST_CASE("shapes, dtypes and devices go to any stream") {
  std::ostringstream stream;
  const ts::Tensor x = ts::zeros({2, 3}, {.dtype = ts::f64});
  stream << x.shape() << ' ' << x.dtype() << ' ' << x.device();
  CHECK(stream.str() == "[2, 3] f64 cpu");
}
