// The runner of every test executable, compiled once: Catch2 v2 takes it from its header, v3 from its library.
#define CATCH_CONFIG_RUNNER
#include "tests/catch.hpp"

int main(int argc, char** argv) { return Catch::Session().run(argc, argv); }
