#pragma once
#include <cstddef>
#include <cstdint>
#include <unordered_set>
#include <vector>

#include "src/memory/planner/bound.hpp"
#include "src/memory/planner/greedy.hpp"
#include "src/memory/planner/rotor.hpp"

namespace tasuki::memory::planner {

/// Choices for one cap, and what they lead to.
struct Candidate {
  Choices choices;
  Outcome outcome;
};

/// Looks for the fastest choices within a cap: greedy ones at several prices of the link, the dynamic programme's, both together
/// (replays start from its checkpoints), then variations of the best. All that once with patience (Scheduler), which waits less, and
/// once without, which fits into less. The result depends on the cap and the seed alone, not on what was looked for before.
class Search {
 public:
  Search(const StepModel& model, const Machine& machine, Policy policy, std::uint64_t seed);

  /// At most so much work (Simulator::work), and no more once a step of `good_enough` seconds is found.
  Candidate at(std::size_t cap, std::uint64_t work, double good_enough);
  /// The least peak that can be reached, nearly, or with so much work.
  Candidate smallest(std::uint64_t work);
  std::uint64_t work() const { return greedy_.work(); }
  /// That at() does when nothing limits it, nearly.
  std::uint64_t most_work() const;
  bool moves_anything() const { return !prices_.empty(); }

 private:
  void rank_prices();
  void reset(bool patient);
  bool start(bool quick);
  bool fresh(double price);
  void checkpoint(bool quick);
  void use_link();
  bool consider(Choices choices);
  void refine(double good_enough);
  bool tired() const { return work() >= end_ && best_.outcome.feasible; }
  bool free_some(Choices& choices);
  bool exchange_moves(Choices& choices);
  std::vector<std::size_t> moving() const;
  std::uint64_t random();
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(random() % n); }

  const StepModel& model_;
  Scheduler scheduler_;
  Greedy greedy_;
  Rotor rotor_;
  std::uint64_t seed_, random_;
  std::vector<double> prices_;
  std::size_t cap_ = 0;
  std::uint64_t end_ = 0;  // of the work
  int variations_;
  double price_ = 1;  // that the best so far was chosen at
  Candidate best_;
  std::vector<char> best_inputs_;  // of its replays
  std::unordered_set<std::uint64_t> tried_;
};

}  // namespace tasuki::memory::planner
