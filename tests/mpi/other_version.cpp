// What the library says of its version in a program that is built with another one.
#include "src/dist/library_version.hpp"

namespace tasuki::dist {

const char* library_version() { return "0.0.1-other"; }

}  // namespace tasuki::dist
