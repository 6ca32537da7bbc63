#pragma once

namespace tasuki {
class Node;
/// The flag behind grad_enabled(), readable without a call on every launch.
extern constinit thread_local bool grad_mode_enabled;
/// The node whose backward runs on this thread, or nullptr. The ops called meanwhile are part of the backward pass: they are
/// reported as such, and at the user's line, not at a line of the library.
extern constinit thread_local const Node* differentiated_node;
}  // namespace tasuki
