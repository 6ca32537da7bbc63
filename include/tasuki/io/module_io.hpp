#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tasuki/io/safetensors.hpp"
#include "tasuki/tensor/named_tensor.hpp"

namespace tasuki {

struct LoadOptions {
  bool strict = true;  ///< every tensor of the module must be in the file, and every tensor of the file in the module
};

/// What a load that is not strict passed over.
struct LoadReport {
  std::vector<std::string> missing;     ///< in the module, not in the file: they keep their values
  std::vector<std::string> unexpected;  ///< in the file, not in the module
};

/// Copies the tensors of a safetensors file into those of `state`, by name. A tensor that `state` lists under several names is
/// found under any of them. Floating dtypes are converted to the module's; other dtypes and all shapes must be equal, strict or
/// not. Nothing is copied unless everything fits. Throws FileError that lists all missing, unexpected and mismatching names.
LoadReport load_state(const std::vector<NamedTensor>& state, std::string_view path, const LoadOptions& options = {});

}  // namespace tasuki
