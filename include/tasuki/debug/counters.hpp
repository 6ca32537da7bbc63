#pragma once
#include <cstdint>

namespace tasuki::debug {

/// Sums over launches.
struct Counts {
  std::uint64_t launches = 0;
  double flops = 0;               ///< as the ops state them; elementwise ops may state none
  std::uint64_t bytes_read = 0;   ///< bytes of operands
  std::uint64_t bytes_written = 0;
  std::uint64_t largest_workspace = 0;  ///< scratch bytes of the hungriest launch
};

/// Counts launches, floating point operations and bytes, of all threads, while it lives:
///
///     ts::debug::Counters counters;
///     net(x);
///     std::printf("%.1f MFLOP\n", counters.forward().flops / 1e6);
class Counters {
 public:
  Counters();
  ~Counters();
  Counters(const Counters&) = delete;
  Counters& operator=(const Counters&) = delete;

  Counts forward() const;
  Counts backward() const;
  Counts replay() const;
  Counts total() const;
  /// Starts again at zero.
  void reset();

 private:
  class Listener;
  Listener* listener_;
};

}  // namespace tasuki::debug
