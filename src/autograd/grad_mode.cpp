#include "tasuki/autograd/grad_mode.hpp"

#include "src/autograd/grad_mode_state.hpp"

namespace tasuki {
constinit thread_local bool grad_mode_enabled = true;
constinit thread_local const Node* differentiated_node = nullptr;
bool grad_enabled() { return grad_mode_enabled; }
void set_grad_enabled(bool on) { grad_mode_enabled = on; }
}  // namespace tasuki
