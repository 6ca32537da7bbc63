#include "kernels/loop.hpp"

#include "tests/catch.hpp"

using namespace tasuki;

TEST_CASE("a row loop over one element that is not marked as contiguous runs once") {
  double from = 3, to = 0;
  const std::int64_t shape[] = {1, 1}, strides[] = {7, 5};
  const View out{&to, shape, strides, 1, f64, 2, true, false}, in{&from, shape, strides, 1, f64, 2, true, false};
  const View* operands[] = {&out, &in};
  int rows = 0;
  int* const counter = &rows;
  kernels::cpu::for_each_row(
      [](std::int64_t n, char* const* at, const std::int64_t*, const void* parameters) {
        REQUIRE(n == 1);
        *reinterpret_cast<double*>(at[0]) = *reinterpret_cast<const double*>(at[1]) * 2;
        ++**static_cast<int* const*>(parameters);
      },
      operands, 2, &counter);
  CHECK(rows == 1);
  CHECK(to == 6);
}
