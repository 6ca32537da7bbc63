// One job of programs that are built with different versions of the library: every process is told, by the same text.
#include <tasuki/tasuki.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "src/dist/library_version.hpp"

namespace ts = tasuki;

int main(int argc, char** argv) {
  const int first_other = std::atoi(argv[1]);
  try {
    ts::dist::init(argc, argv, {.timeout_seconds = 20});
  } catch (const ts::dist::DistributedError& e) {
    const std::string text = e.what(), expected = "DistributedError: expected  the same version of Tasuki on all processes\n  actual    rank 0 has  " + std::string(argv[2]) + "\n            rank " + std::to_string(first_other) + " has  " + argv[3] + "\n  build";
    std::printf("%s was told\n%s\n", ts::dist::library_version(), text.c_str());
    return text.rfind(expected, 0) == 0 ? 0 : 1;
  }
  std::printf("nobody noticed\n");
  return 1;
}
