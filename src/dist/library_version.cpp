#include "src/dist/library_version.hpp"

namespace tasuki::dist {

const char* library_version() { return TASUKI_VERSION_TEXT; }

}  // namespace tasuki::dist
