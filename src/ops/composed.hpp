#pragma once
#include <initializer_list>

#include "src/autograd/launcher.hpp"
#include "tasuki/autograd/function.hpp"
#include "tasuki/core/context.hpp"

namespace tasuki::ops {

/// Runs `make`, which makes an op of other ops, with the op's name, operands and place added to errors that none of those has claimed.
template <class Make>
auto composed(const OpInfo& info, std::initializer_list<const Tensor*> operands, SourceLocation at, Make&& make) {
  try {
    (*operands.begin())->shape();  // an undefined tensor throws here
    return make();
  } catch (Error& error) {
    annotate(error, info, current_module(), operands.begin(), operands.size(), at);
    throw;
  }
}

}  // namespace tasuki::ops
