#pragma once
#include "tasuki/dist/communicator.hpp"

/// Defined by the library behind the CMake target tasuki::mpi; null in programs that are linked without it. The caller owns what
/// it returns. `announced`: processes that the launcher says there are; `timeout_seconds`: that they wait for each other.
extern "C" [[gnu::weak]] tasuki::dist::Communicator* tasuki_mpi_communicator(int* argc, char*** argv, int announced, double timeout_seconds);
