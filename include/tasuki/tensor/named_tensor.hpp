#pragma once
#include <string>

#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

/// A tensor and the name under which it is saved: `for (auto& [name, parameter] : net.named_parameters())`.
struct NamedTensor {
  std::string name;
  Tensor tensor;
};

}  // namespace tasuki
