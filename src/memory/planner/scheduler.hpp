#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "src/memory/planner/simulator.hpp"

namespace tasuki::memory::planner {

enum class Choice : std::uint8_t { keep, swap, drop };
/// By gap of the model.
using Choices = std::vector<Choice>;

/// What a set of choices leads to within a cap.
struct Outcome {
  bool feasible = false;
  double seconds = 0;
  std::size_t peak = 0;
  std::vector<Decision> decisions;

  bool better_than(const Outcome& other) const {
    if (feasible != other.feasible) return feasible;
    return seconds < other.seconds * (1 - 1e-9);
  }
  /// An order of all outcomes: the first that fits a smaller budget is never before the first that fits a larger one.
  bool before(const Outcome& other) const {
    if (feasible != other.feasible) return feasible;
    return seconds != other.seconds ? seconds < other.seconds : peak < other.peak;
  }
};

/// Turns choices (which gaps swap, which drop) into decisions with triggers (when bytes are free, when they come back).
class Scheduler {
 public:
  Scheduler(const StepModel& model, const Machine& machine);

  /// The least memory that these choices lead to, by launch: everything leaves at once and comes back at the last moment. Not
  /// `possible` when a replay cannot work.
  const Simulation& least_memory(const Choices& choices);
  /// The choices with triggers that use the room under the cap to hide the copies and to replay nothing twice.
  Outcome schedule(const Choices& choices, std::size_t cap);
  /// Whether the lower tiers have room for all of these.
  bool tiers_have_room(const Choices& choices) const;
  Simulator& simulator() { return simulator_; }

  /// A patient one has all that swaps stay until its copy could have ended, and come back as early as lets its copy end in time, if
  /// no other copies were in the way: takes more memory, and waits less.
  void set_patient(bool patient) { patient_ = patient; }
  /// When what a gap is about is away, in unrolled launches: from before the first to before the last.
  struct Absence {
    int first, last;
  };
  const Absence& dropped_absence(std::size_t gap) const { return whole_[gap]; }
  const Absence& swapped_absence(std::size_t gap) const { return (patient_ ? hidden_ : whole_)[gap]; }

 private:
  void decide(const Choices& choices);
  void assign_tiers();
  void place_departures();
  void place_arrivals();
  Absence patient_absence(const Gap& gap) const;
  bool leaves_for_free(const Decision& d) const;
  double begin_of(int unrolled) const;

  const StepModel& model_;
  const Machine& machine_;
  Simulator simulator_;
  std::vector<Decision> decisions_;
  std::vector<std::int64_t> room_;       // by launch, under the cap
  std::vector<std::int64_t> reserve_;    // by launch, what replays took beyond the least memory
  std::vector<double> begin_, end_;      // of the launches
  double seconds_ = 0;
  bool patient_ = false;
  std::vector<Absence> whole_, hidden_;  // by gap
};

}  // namespace tasuki::memory::planner
