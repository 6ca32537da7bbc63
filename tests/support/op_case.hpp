#pragma once
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "tasuki/autograd/function.hpp"
#include "tests/catch.hpp"
#include "tests/support/host_array.hpp"

/// One declaration of an op, from which all its standard tests are made. A room's test file says
///
///     OP_CASES(softmax) {
///       return {
///           {.op = "softmax",
///            .inputs = {real({3, 4})},
///            .forward = [](const Inputs& in) { return ts::softmax(in[0], 1); },
///            .reference = [](const HostArrays& in) { ... return HostArray; },
///            .more_shapes = {{{2, 0}}, {{1, 5}}}},
///       };
///     }
///
/// and each case is checked for: values against the reference in every dtype; contiguous, transposed, sliced, broadcast and
/// channels-last operands; more shapes (0-d and empty ones too); NaN and infinities; gradients of f32, bf16 and f16 against f64;
/// gradcheck and gradgradcheck on contiguous and strided operands; each gradient alone; gradients added to present ones; the same
/// bits when run again, with gradients off, and on replay.
namespace tasuki::testing {

constexpr double infinity = std::numeric_limits<double>::infinity(), not_a_number = std::numeric_limits<double>::quiet_NaN();

enum class Fill {
  uniform,   ///< random reals in [lo, hi]
  integers,  ///< random whole numbers in [lo, hi]
  distinct,  ///< evenly spaced reals in [lo, hi], shuffled: no ties, so that max and the like are differentiable
};

/// How the values of one operand are made.
struct Input {
  Shape shape{};
  double lo = -2, hi = 2;
  Fill fill = Fill::uniform;
  std::optional<DType> dtype{};  ///< unset: the dtype under test
  bool differentiable = true;    ///< its gradient is checked (floating dtypes only)
  std::vector<double> avoid{};   ///< kinks: values keep 0.05 away from these
};

/// A floating operand with values in [lo, hi].
Input real(const Shape& shape, double lo = -2, double hi = 2);
/// The same, at a distance from points where the op has no derivative.
Input real_avoiding(const Shape& shape, std::vector<double> kinks, double lo = -2, double hi = 2);
/// No two equal values.
Input distinct(const Shape& shape, double lo = -2, double hi = 2);
/// Labels or indices in [lo, hi].
Input indices(const Shape& shape, std::int64_t lo, std::int64_t hi, DType dtype = i64);
Input booleans(const Shape& shape);
/// A floating operand that the op takes no gradient of.
Input constant(const Shape& shape, double lo = -2, double hi = 2);

using Inputs = std::vector<Tensor>;

/// What forward returns: one tensor or several.
struct Outputs : std::vector<Tensor> {
  Outputs(Tensor one) : std::vector<Tensor>{std::move(one)} {}
  Outputs(std::vector<Tensor> list) : std::vector<Tensor>(std::move(list)) {}
  Outputs(const TensorList& list) : std::vector<Tensor>(list.begin(), list.end()) {}
};

/// What a reference takes and returns.
struct HostArrays : std::vector<HostArray> {
  HostArrays() = default;
  HostArrays(HostArray one) : std::vector<HostArray>{std::move(one)} {}
  HostArrays(std::vector<HostArray> list) : std::vector<HostArray>(std::move(list)) {}
};

enum CaseFlags : unsigned {
  case_plain = 0,
  elementwise = 1,          ///< also run 0-d and empty; NaN and infinities must come out where the reference has them
  no_double_backward = 2,   ///< second derivatives are not offered
  no_gradient = 4,          ///< not differentiable, or no floating output
  no_strided = 8,           ///< operands must be contiguous
  no_replay = 16,           ///< nothing is recorded (an in-place write on a plain buffer, a view of a constant)
  no_nan = 32,              ///< an output may hide the NaN of an all-NaN first operand
  special_values = 64,      ///< NaN and infinities come out where the reference has them
  nondeterministic = 128,   ///< the same operands may give other bits
  no_expand = 256,          ///< equal rows are outside the domain (ties)
};

struct OpCase {
  std::string op;                    ///< the op's name, as errors and the tape show it
  std::string variant{};             ///< tells cases of one op apart: "over two dims"
  std::vector<Input> inputs{};
  std::function<Outputs(const Inputs&)> forward{};
  /// In double, from the operands' values after rounding to their dtypes. Without one, forward in f64 is the reference of the
  /// narrower types (and of strided operands).
  std::function<HostArrays(const HostArrays&)> reference{};
  std::vector<DType> dtypes{f32, f64, bf16, f16};
  unsigned flags = case_plain;
  /// Further shapes, one list of operand shapes each: odd sizes, 0-d, empty. Values, gradcheck and replay run on them too.
  std::vector<std::vector<Shape>> more_shapes{};
  /// Factor on the tolerances of values and gradients: long sums, steep functions.
  double slack = 1;
  /// Called before every run: sets the seed of an op that draws random numbers.
  std::function<void()> before{};

  std::string title() const { return variant.empty() ? op : op + ", " + variant; }
};

/// Makes Catch2 sections of all checks of these cases. Called by OP_CASES.
void run_cases(const std::vector<OpCase>& cases);

using CaseList = std::vector<OpCase> (*)();
/// Announces the cases of a stem; the answer is always true.
bool register_cases(const char* stem, CaseList list);
/// The cases of every test file that is linked in.
std::vector<OpCase> all_cases();

/// For references of elementwise ops: f on every element, operands broadcast.
std::function<HostArrays(const HostArrays&)> pointwise(double (*f)(double));
std::function<HostArrays(const HostArrays&)> pointwise(double (*f)(double, double));

}  // namespace tasuki::testing

/// Opens a function that returns the cases of a stem, registers it and makes a test case of it.
#define OP_CASES(stem)                                                                                                    \
  static std::vector<::tasuki::testing::OpCase> stem##_cases();                                                           \
  [[maybe_unused]] static const bool stem##_cases_registered = ::tasuki::testing::register_cases(#stem, &stem##_cases);   \
  TEST_CASE(#stem ": its cases hold", "[opcase]") { ::tasuki::testing::run_cases(stem##_cases()); }                       \
  static std::vector<::tasuki::testing::OpCase> stem##_cases()
