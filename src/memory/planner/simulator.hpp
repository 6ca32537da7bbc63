#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "src/memory/planner/links.hpp"
#include "src/memory/planner/step_model.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/memory/simulation.hpp"

namespace tasuki::memory::planner {

/// Plays steps through; one object may play many plans of one trace.
class Simulator {
 public:
  Simulator(const StepModel& model, const Machine& machine);

  enum class Depth : std::uint8_t {
    memory,   ///< the curve, not the time
    time,     ///< and the time
    details,  ///< and every copy and replay
  };
  /// Plays `decisions` as they stand. The result is valid until the next call.
  const Simulation& play(const std::vector<Decision>& decisions, Depth depth);

  /// As play with Depth::memory, but a storage that a replay reads while it is away comes back for it, and a dropped one that a
  /// replay passes stays, as far as there is room in `room` (by launch, which is used up): moves issue_at to earlier launches.
  const Simulation& adjust(std::vector<Decision>& decisions, std::vector<std::int64_t>* room);
  /// Launches that were played so far, replays included: a measure of work that is the same on every machine.
  std::uint64_t work() const { return work_; }
  /// A step that replays longer than this is given up, as not possible: for those who have a faster one.
  void set_limit(double seconds) { limit_ = seconds; }
  /// The drop because of which the last call was not possible, or nullptr.
  const Decision* failed_drop() const { return failed_drop_ < 0 ? nullptr : &(*decisions_)[static_cast<std::size_t>(failed_drop_)]; }

 private:
  enum class State : std::uint8_t { absent, resident, leaving, away, dropped };
  struct Stored {
    State state;
    Tier copy;         ///< Tier::device: none
    bool counted;      ///< the copy takes room in its tier
    bool let_go;       ///< by the program
    int held;          ///< by dropped storages that need it
    int decision;      ///< of the gap that it is in
    int writer;        ///< last so far in this step, or -1
    int leaving, coming, filed;  ///< copies under way, or -1
  };
  struct Held {
    int by, storage;
  };
  struct Temporary {
    int node;  ///< position in the chain
    std::size_t bytes;
    int last;  ///< position after which it goes
  };

  const Simulation& run();
  bool sort_decisions();
  void begin_pass(bool first);
  bool before(int k);
  bool launch(int k);
  bool after(int k);
  void end_pass();

  bool depart(int d, int k);
  void arrive(int d);
  bool drop(int d, int k);
  bool find_chain(int storage, int before, bool dropping);
  bool add_input(int storage, int reader, int before, bool dropping);
  bool replay(int d, int k);
  bool is_due(int d, int k) const;
  bool is_last(const Decision& d) const { return d.to == model_.launches; }
  int unrolled(const Decision& d, int k) const { return k > d.from ? k : k + model_.launches; }
  bool may_stay(int d, int k);
  bool may_write(int storage, int k);
  void let_sources_go(int storage);
  void release(int storage);
  void forget_copy(Stored& s, std::size_t bytes);
  void grow(std::size_t bytes);
  void shrink(std::size_t bytes) { now_bytes_ -= bytes; }
  /// Without one, the device's links lead to the file.
  bool has_host_tier() const { return machine_.host_bytes > 0; }
  void wait_for(int copy);
  void delay_by(std::size_t copied_bytes);
  template <class... Pieces>
  bool fail(int k, const Pieces&... pieces) {
    result_.blocked_launch = k;
    if (!adjusting_) result_.reason = tasuki::detail::concat({pieces...});
    return false;
  }
  std::string name(int k) const;
  Stored& of(int storage) { return stored_[static_cast<std::size_t>(storage)]; }
  Decision& decision(int d) { return (*decisions_)[static_cast<std::size_t>(d)]; }
  const Decision& decision(int d) const { return (*decisions_)[static_cast<std::size_t>(d)]; }

  const StepModel& model_;
  const Machine& machine_;
  Links links_;
  Simulation result_;
  std::vector<Decision>* decisions_ = nullptr;
  std::vector<Decision> copy_;
  std::vector<std::int64_t>* room_ = nullptr;
  bool adjusting_ = false, timed_ = false, detailed_ = false, counting_ = false;

  std::vector<Stored> stored_;
  std::vector<Held> held_;
  std::vector<std::vector<int>> free_, issue_, leave_;  // decisions, by launch
  std::vector<int> chain_, stack_, sources_;
  std::vector<int> seen_launch_, seen_source_;         // stamps
  bool too_slow() const { return result_.replay_seconds > limit_; }
  int stamp_ = 0, failed_drop_ = -1;
  std::uint64_t work_ = 0;
  std::vector<Temporary> temporaries_;
  std::size_t now_bytes_ = 0, most_bytes_ = 0, host_ = 0, file_ = 0;
  double clock_ = 0, pass_began_ = 0, limit_ = std::numeric_limits<double>::infinity();
  std::vector<std::pair<int, Simulation::Copy>> copies_;  // of the pass that counts, with their numbers
};

}  // namespace tasuki::memory::planner
