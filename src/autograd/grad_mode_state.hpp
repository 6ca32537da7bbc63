#pragma once

namespace tasuki {
/// The flag behind grad_enabled(), readable without a call on every launch.
extern constinit thread_local bool grad_mode_enabled;
}  // namespace tasuki
