// A process that was started as one of several, in a program that is linked without MPI, as this one is.
#include <cstdlib>

#include "tasuki/tasuki.hpp"
#include "tests/catch.hpp"
#include "tests/support/expect_error.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;

TEST_CASE("a launcher's process that cannot reach the others says what to do, instead of training alone") {
  for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    ::setenv(variable, "3", 1);
    int argc = 0;
    char** argv = nullptr;
    expect_error([&] { ts::dist::init(argc, argv); },
                 "DistributedError: this process was started as one of 3, and cannot reach the others: the program is built without MPI\n"
                 "  link the CMake target tasuki::mpi; where find_package(tasuki) has none, install libopenmpi-dev and build Tasuki again");
    ::unsetenv(variable);
  }
  ::setenv("TASUKI_DIST_TIMEOUT", "soon", 1);
  int argc = 0;
  char** argv = nullptr;
  expect_error([&] { ts::dist::init(argc, argv); }, "ValueError: expected  a timeout of some seconds\n  actual    0");
  ::unsetenv("TASUKI_DIST_TIMEOUT");
}
