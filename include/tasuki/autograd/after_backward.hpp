#pragma once
#include "tasuki/core/function_ref.hpp"

namespace tasuki {

/// For hooks: `what` runs once when the backward pass under way has delivered all gradients, before backward() returns; what it
/// throws, backward() throws. Throws AutogradError outside a pass.
void after_backward(Callback<void()> what);

}  // namespace tasuki
