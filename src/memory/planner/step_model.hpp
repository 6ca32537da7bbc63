#pragma once
#include <cstddef>
#include <vector>

#include "tasuki/memory/trace.hpp"

namespace tasuki::memory::planner {

/// Lists of numbers, all in one array.
class Lists {
 public:
  struct Range {
    const int *first, *last;
    const int* begin() const { return first; }
    const int* end() const { return last; }
    bool empty() const { return first == last; }
    int front() const { return *first; }
    int back() const { return last[-1]; }
  };
  Lists() = default;
  explicit Lists(const std::vector<std::vector<int>>& lists) {
    starts_.push_back(0);
    for (const auto& list : lists) {
      items_.insert(items_.end(), list.begin(), list.end());
      starts_.push_back(items_.size());
    }
  }
  Range operator[](int i) const {
    const auto k = static_cast<std::size_t>(i);
    return {items_.data() + starts_[k], items_.data() + starts_[k + 1]};
  }

 private:
  std::vector<std::size_t> starts_;
  std::vector<int> items_;
};

/// A place where a storage can leave: between two consecutive uses, with launches in between, or after the last one.
struct Gap {
  int storage, from, to;  ///< as in Decision
  int until;              ///< the launch before which it ends: `to`, or sooner where the program lets go of what it uses no more
  bool wraps;
  bool droppable;         ///< its last writer can be run again, as far as one can tell without the other decisions
  std::size_t bytes;
  bool is_last;           ///< no launch uses it again

  bool holds(int k) const { return wraps ? k > from || k < until : k > from && k < until; }
};

/// What follows from a trace and does not depend on any plan. Throws ValueError for a trace that contradicts itself.
struct StepModel {
  explicit StepModel(const Trace& trace);

  const Trace& trace;
  int launches, storages;
  Lists uses, writers;     ///< launches, by storage
  Lists operands;          ///< storages that a launch reads or writes
  Lists inputs, outputs;   ///< without those that it changes in place: what a replay reads, and what it makes
  Lists born, released;    ///< storages that appear with a launch; that the program lets go after it
  std::vector<Gap> gaps;   ///< by storage, then in the order of `from`
  std::vector<double> begin, end;  ///< of the launches if nothing moves
  double seconds = 0;
  std::size_t start_bytes = 0;     ///< base and what exists before launch 0
  std::size_t keep_peak = 0;       ///< if nothing moves
  std::size_t floor = 0;           ///< of the largest launch alone

  std::size_t bytes(int storage) const { return trace.storages[static_cast<std::size_t>(storage)].bytes; }
  const TraceLaunch& launch(int k) const { return trace.launches[static_cast<std::size_t>(k)]; }
  const TraceStorage& storage(int s) const { return trace.storages[static_cast<std::size_t>(s)]; }
  /// The last launch before k that writes the storage, or -1.
  int writer_before(int storage, int k) const;
  bool makes(int launch, int storage) const;
};

}  // namespace tasuki::memory::planner
