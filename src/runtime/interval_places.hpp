#pragma once
#include <cstddef>
#include <vector>

namespace tasuki {

/// Bytes that are in use from one event of a step to another one. `end` beyond the step's length: it is given back in the next step,
/// at `end` - length, and the same happens in every step.
struct Interval {
  std::size_t bytes = 0;
  int begin = 0, end = 0;
};

/// What of them is in use from each event of a step to the next one.
std::vector<std::size_t> bytes_in_use(const std::vector<Interval>& intervals, int length);

struct IntervalPlaces {
  std::vector<std::size_t> offsets;
  std::size_t bytes = 0;  ///< of the range that holds all of them
};

/// Offsets at which intervals that are in use at one time do not overlap, in a range that is as short as a few hundred orders in which
/// they choose make it: mostly hardly longer than the sum of what is in use at one time. Depends on the intervals alone. None may be longer than
/// the step.
IntervalPlaces place_intervals(const std::vector<Interval>& intervals, int length);

}  // namespace tasuki
