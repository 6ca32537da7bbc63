#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "src/memory/feedback.hpp"
#include "src/memory/recorder.hpp"
#include "src/memory/residence.hpp"
#include "src/memory/signatures.hpp"
#include "src/memory/transfer.hpp"
#include "tasuki/memory/plan.hpp"

namespace tasuki::memory {

class Manager;

/// A plan by the launches at which something happens.
class Schedule {
 public:
  Schedule() = default;
  Schedule(const Plan& plan, std::size_t launches);
  struct Point {
    struct Drop {
      int label, due;  ///< the launch before which it is made again
    };
    std::vector<int> free, arrive, remake;  ///< labels; before the launch
    struct Departure {
      int label;
      Tier tier;
    };
    std::vector<Departure> depart;          ///< after it
    std::vector<Drop> drop;
  };
  const Point* at(std::size_t launch) const { return launch < points_.size() ? &points_[launch] : nullptr; }

 private:
  std::vector<Point> points_;
};

/// What the steps of a budget were like.
struct StepCounts {
  std::uint64_t steps = 0, planned = 0, plans = 0;
  double planning_seconds = 0;
  std::size_t margin_bytes = 0;         ///< by which plans stay below the budget, because the step took more than was recorded
};

/// Follows the steps of the thread that trains: records them, recognizes them by how they begin, has them planned when they
/// repeat, and carries plans out. Whatever a plan has not foreseen is left to the manager, which moves storages when it must.
class Steps {
 public:
  explicit Steps(Manager& manager);

  void begin_launch();
  void launched(const LaunchRecord& record, double seconds);
  void end_step();
  void released(const Storage& storage) noexcept;
  /// As ResidencyManager::lacks_places, of the step that ends.
  void lacks_places(std::size_t bytes) { lacking_bytes_ = bytes; }
  /// A launch of a planned step needs what has not come back.
  void note_late() { late_arrivals_ += schedule_ != nullptr; }
  std::uint64_t late_arrivals() const { return late_arrivals_; }
  bool is_planned() const { return schedule_ != nullptr; }
  /// A keeper reads this for the launch that comes.
  void also_reads(Storage& storage) {
    if (is_ours()) recorder_.also_reads(storage);
  }
  void born(const Storage& storage) { recorder_.born(storage); }
  /// Whether training has not begun in the step under way.
  bool is_between() const { return is_ours() && without_gradients_; }
  void let_go(const Storage& storage) { recorder_.let_go(storage); }

  /// During a replay: whether a dropped storage that it passes should come back into its own place.
  bool wants_back(const Residence& r) const;
  double transfer_seconds(std::size_t bytes) const { return machine_.out.seconds(bytes) + machine_.in.seconds(bytes); }
  void note_failure(const std::string& text) { failure_ = text; }
  const std::string& last_failure() const { return failure_; }

  using Planner = Plan (*)(const Trace&, const Machine&, const PlanOptions&);
  /// Replaces the planner, in tests: whatever plans say, the bits are the same.
  void plan_with(Planner planner) { planner_ = planner; }

  const StepCounts& counts() const { return counts_; }
  const StepRecorder& recorder() const { return recorder_; }
  std::size_t signatures() const { return signatures_.size(); }
  const Machine& machine() const { return machine_; }
  /// The step under way or else the last one that has a plan, with its trace and plan; nullptr before there is one.
  const Signature* planned() const { return planned_ && planned_->plan ? planned_ : nullptr; }

 private:
  struct Watched;
  bool is_ours() const { return std::this_thread::get_id() == thread_; }
  void choose_schedule();
  void finish_launch();
  Plan find_plan(const Signature& signature, Policy policy, std::size_t margin_bytes = 0);
  void set_plan(Signature& signature, Plan plan);
  void heed(Signature& signature);
  bool make_places(Signature& signature);
  Watched& watch(const Signature& signature);
  void follow(Signature& signature, Watched& watched, Plan plan);
  Policy policy_to_try(int plan) const;
  void calibrate();
  Residence* resolve(int label) const;

  Manager& manager_;
  std::thread::id thread_;
  Machine machine_;
  Planner planner_ = &plan;
  StepRecorder recorder_;
  Signatures signatures_;
  static constexpr std::size_t most_schedules = 64;
  std::map<std::uint64_t, Schedule> schedules_;  // by signature
  const Schedule* schedule_ = nullptr;           // what the step under way follows
  const Signature* planned_ = nullptr;
  std::uint64_t forced_before_ = 0;              // evictions up to the step's start
  bool was_planned_ = false;
  std::optional<std::uint64_t> followed_;        // the signature of which the step before followed the plan that there still is
  bool without_gradients_ = true;                // all launches of the step so far
  std::uint64_t late_arrivals_ = 0;
  std::size_t lacking_bytes_ = 0;                // for all blocks of the latest step to have places
  struct Watched {
    PlanFeedback feedback;
    int steps = 0;                 // of its present plan
    std::size_t margin_bytes = 0;  // by which plans stay below the budget, so that all blocks have places
    int plans_for_places = 0;
  };
  std::map<std::uint64_t, Watched> feedback_;       // by signature
  double step_began_ = 0;                           // with its first launch
  PlanFeedback::Step before_;                       // what had been waited and replayed when the step began
  TierStats measured_;                              // when the links were
  std::size_t finished_ = 0;                     // launches of the step after which everything was done
  std::vector<int> due_;                         // by label: the launch by which a drop of this step is to be undone
  std::string failure_;
  StepCounts counts_;
};

}  // namespace tasuki::memory
