#pragma once
#include <vector>

#include "src/memory/planner/step_model.hpp"

namespace tasuki::memory::planner {

/// The least that it costs to do without bytes at a launch by computing them again later, for the lower bound. A launch that must
/// run again counts once, shared among all that would need it: so the sum over any of them is no more than what their replay takes.
/// What a replay reads and the program has let go by then is made again as well, or held, whichever takes less.
class ReplayRates {
 public:
  ReplayRates(const StepModel& model, int k, const std::vector<Gap>& droppable);

  /// Bytes that can be made again in so many seconds, and all of them.
  double bytes_in(double seconds) const;
  double bytes() const { return bytes_; }

 private:
  bool gone(int storage) const;
  void reach(int launch);
  double seconds_of(int launch, double rate);
  double least_rate(int launch);

  const StepModel& model_;
  int k_;
  std::vector<double> demand_;   // by launch: bytes of all that need it to run again
  std::vector<int> readers_;     // by storage: launches that would read it again
  std::vector<char> reached_;
  struct Offer {
    double rate, bytes;              // seconds per byte
    double seconds_to, bytes_to;     // of all cheaper ones
  };
  std::vector<Offer> offers_;        // cheapest first
  double bytes_ = 0;
};

}  // namespace tasuki::memory::planner
