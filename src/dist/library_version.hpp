#pragma once

namespace tasuki::dist {

/// "1.2.3". In a file of its own, so that a test can be of another version.
const char* library_version();

}  // namespace tasuki::dist
