#pragma once

namespace tasuki::debug {

struct AnomalyOptions {
  bool infinities = true;  ///< false: only NaN counts, for programs that mask with infinities
};

/// While it lives, every launch of the process is checked: the first floating output that holds a NaN or an infinity stops the
/// program there, with a NanError that names the op, the phase, the module, the element and the user's line, and says which
/// operands were bad already:
///
///     NanError: log in encoder.gate
///       expected  finite outputs
///       actual    nan at [2, 7] of output 0, f32[64, 128] (3 of 8192 elements), in forward
///       all operands were finite
///       x: f32[64, 128] cpu
///       called at train.cpp:41
///
/// Reads every output, so it costs about one more pass over memory per op.
class AnomalyMode {
 public:
  explicit AnomalyMode(const AnomalyOptions& options = {});
  ~AnomalyMode();
  AnomalyMode(const AnomalyMode&) = delete;
  AnomalyMode& operator=(const AnomalyMode&) = delete;

 private:
  class Listener;
  Listener* listener_;
};

}  // namespace tasuki::debug
