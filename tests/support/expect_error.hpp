#pragma once
#include <exception>
#include <string>

#include "tasuki/core/error.hpp"
#include "tasuki/core/function_ref.hpp"
#include "tasuki/core/source_location.hpp"

/// Error texts compared as a user reads them.
namespace tasuki::testing {

/// Runs `misuse` and compares the whole text of the tasuki::Error that it throws. In `text`, the place reads
/// "called at <here>": the file of the call of expect_error, and a line at most ten away from it.
///
///     expect_error([&] { ts::matmul(a, b); },
///                  "ShapeError: matmul\n"
///                  "  expected  a.size(-1) == b.size(-2)\n"
///                  "  actual    3 != 4\n"
///                  "  a: f32[2, 3] cpu   b: f32[4, 5] cpu\n"
///                  "  called at <here>");
void expect_error(function_ref<void()> misuse, const std::string& text, SourceLocation here = SourceLocation::current());

/// The text of the error that `misuse` throws, with this file's name and a near line written as <here>; "" when it throws nothing.
std::string error_text(function_ref<void()> misuse, SourceLocation here = SourceLocation::current());

}  // namespace tasuki::testing
