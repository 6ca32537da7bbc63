#pragma once
#include <algorithm>
#include <chrono>

namespace tasuki::dist {

/// How long others have been waited for, by whoever looks at it again and again. What counts is time in which this process could run: one
/// that was stopped (by a signal, by a batch system that lets another job go first, with the whole machine) finds the clock far ahead when
/// it goes on, and so do the others, who have had no time to come.
class Patience {
 public:
  using Clock = std::chrono::steady_clock;
  /// Between two looks no more counts than this; whoever sleeps meanwhile looks this often at least.
  static constexpr double longest_look = 1, look = 0.25;

  explicit Patience(Clock::time_point now = Clock::now()) : last_(now) {}
  double seconds(Clock::time_point now = Clock::now()) {
    seconds_ += std::min(std::chrono::duration<double>(now - last_).count(), longest_look);
    last_ = now;
    return seconds_;
  }

 private:
  Clock::time_point last_;
  double seconds_ = 0;
};

}  // namespace tasuki::dist
