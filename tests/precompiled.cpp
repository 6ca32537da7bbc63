// CMake builds a precompiled header only for a target with a source that uses it; every test executable shares this one's.
#include "tests/catch.hpp"
