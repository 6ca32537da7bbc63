#pragma once
#include <map>
#include <string>
#include <vector>

#include "tasuki/tensor/tensor.hpp"

namespace tasuki::numerics {

/// How an op of generate.py is called: operands in its order, attributes as it writes them.
using Call = std::vector<Tensor> (*)(const std::vector<Tensor>& in, const std::vector<double>& attributes);

/// By the name of the file, without dtype.
const std::map<std::string, Call>& calls();

}  // namespace tasuki::numerics
