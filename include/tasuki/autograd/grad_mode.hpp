#pragma once

namespace tasuki {

/// True (the default) when ops on this thread are recorded.
bool grad_enabled();
void set_grad_enabled(bool on);

/// Sets the grad mode of this thread for a scope.
class GradMode {
 public:
  explicit GradMode(bool on) : outer_(grad_enabled()) { set_grad_enabled(on); }
  ~GradMode() { set_grad_enabled(outer_); }
  GradMode(const GradMode&) = delete;
  GradMode& operator=(const GradMode&) = delete;

 private:
  bool outer_;
};

/// Nothing is recorded in its scope: `ts::NoGrad off;`
class NoGrad : public GradMode {
 public:
  NoGrad() : GradMode(false) {}
};

}  // namespace tasuki
