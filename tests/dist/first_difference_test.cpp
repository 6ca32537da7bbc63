// What is said when processes do not have the same network.
#include "src/dist/first_difference.hpp"

#include "tests/catch.hpp"

using tasuki::dist::first_difference;

TEST_CASE("the first line that differs is named, with the first rank that has another one") {
  const std::string same = "Tasuki 1.2\na.weight: f32[2, 3] cpu\na.bias: f32[2] cpu\n";
  CHECK(first_difference({same}).empty());
  CHECK(first_difference({same, same, same}).empty());
  CHECK(first_difference({same, same, "Tasuki 1.3\na.weight: f32[2, 3] cpu\na.bias: f32[2] cpu\n"}) == "actual    rank 0 has  Tasuki 1.2\n          rank 2 has  Tasuki 1.3");
  CHECK(first_difference({same, "Tasuki 1.2\na.weight: f32[2, 3] sim:0\na.bias: f32[2] cpu\n"}) ==
        "actual    rank 0 has  a.weight: f32[2, 3] cpu\n          rank 1 has  a.weight: f32[2, 3] sim:0");
  CHECK(first_difference({same, "Tasuki 1.2\na.weight: f32[2, 3] cpu\n"}) == "actual    rank 0 has  a.bias: f32[2] cpu\n          rank 1 has  nothing more");
  CHECK(first_difference({"", "Tasuki 1.2\n"}) == "actual    rank 0 has  nothing more\n          rank 1 has  Tasuki 1.2");
}
