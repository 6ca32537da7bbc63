#pragma once
#include <string>
#include <vector>

namespace tasuki::dist {

/// Of texts of several lines, one for each rank: the first line in which one differs from rank 0's, in the form of an error's "actual"
/// lines; empty when all are the same.
std::string first_difference(const std::vector<std::string>& texts);

}  // namespace tasuki::dist
