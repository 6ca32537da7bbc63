#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "src/memory/recorder.hpp"
#include "tasuki/memory/plan.hpp"
#include "tasuki/memory/trace.hpp"

namespace tasuki::memory {

/// How long each launch of a step takes: the median of its latest timings.
class LaunchTimings {
 public:
  static constexpr std::size_t kept = 7;
  void add(const RecordedStep& step);
  std::size_t count() const { return count_; }  ///< of timings per launch, so far
  double median(std::size_t launch) const;

 private:
  std::vector<double> seconds_;  // `kept` of each launch
  std::size_t count_ = 0;
};

/// A step that was seen.
struct Signature {
  std::uint64_t id = 0;                ///< the hash of the whole step
  std::uint64_t runs = 0;              ///< how often it was seen
  std::uint64_t last_run = 0;          ///< which of all steps that was
  std::vector<std::uint64_t> hashes;   ///< after each launch: its path in the trie
  std::vector<StorageHandle> storages; ///< of its last run, by label
  /// Of what was seen, from the second run on: medians of durations, the latest releases, the base of the last run.
  Trace trace;
  std::uint64_t revision = 0;          ///< counts the changes that make plans of earlier traces bad ones
  std::optional<Plan> plan;
  std::uint64_t planned_revision = 0;
  std::vector<std::uint64_t> decisions;  ///< hash of what the plan does before launch k

  bool has_trace() const { return runs >= 2; }
  /// By what a step's launches took longer than the plan counted with: the median of them, by the time that they take. Other work of the
  /// machine slows all of them down; what the plan moves, only those beside it.
  double pace(const RecordedStep& step) const;
  bool needs_plan() const { return has_trace() && (!plan || planned_revision != revision); }

 private:
  friend class Signatures;
  bool durations_moved() const;
  bool base_moved() const;
  LaunchTimings timings;
  std::vector<double> planned_seconds; ///< the durations that the plan counted with, and the base
  std::size_t planned_base = 0;
  struct Successor {
    std::uint64_t id, count;
  };
  std::vector<Successor> successors;
};

/// The steps that a program repeats: batches of several sizes, accumulation, two optimizers, evaluation in between. Two steps that
/// begin alike share the beginning of their paths, so that a step is known by where its launches lead.
///
///     signatures.begin();                                  // the likeliest step is active now
///     switch (signatures.advance(recorder.hash())) ...     // after each launch
///     Signature* seen = signatures.end(recorder.ended());  // the next begin() has learnt from it
///
/// Everything depends on the sequence of steps alone. It remembers at most `most` steps: those that came once go first, then
/// the one not seen for longest. Pointers to signatures stay good; one that was forgotten becomes the next new one.
class Signatures {
 public:
  explicit Signatures(std::size_t most = 16) : most_(most) {}

  /// A step begins: active is what mostly followed the last one (of equals, what did so first); where nothing did, the same again; after a step
  /// that is not remembered, the commonest.
  void begin();
  /// What the step under way is taken for; nullptr when it is nothing known.
  Signature* active() const { return active_; }

  enum class Course : std::uint8_t {
    followed,  ///< still the active one
    changed,   ///< another one became active: its plan has decided the same so far, and can go on
    late,      ///< another one became active, whose plan has decided otherwise, or that has none
    unknown,   ///< no known step begins like this; it stays so until the step ends
  };
  /// After a launch, with the hash of all launches of the step.
  Course advance(std::uint64_t hash);

  /// A step has ended; the one it was, or nullptr for a step that was too long to be written down.
  Signature* end(const RecordedStep& step, Device device);
  /// The plan for the present trace of a signature.
  void set_plan(Signature& signature, Plan plan);

  std::size_t size() const { return all_.size(); }
  std::uint64_t steps() const { return steps_; }
  void forget();

 private:
  Signature* find(std::uint64_t id) const;
  Signature& remember(const RecordedStep& step);
  void learn(Signature& signature, const RecordedStep& step, Device device);
  Signature& make_place();
  bool same_decisions(const Signature& a, const Signature& b, std::size_t launch) const;

  std::size_t most_;
  std::vector<std::unique_ptr<Signature>> all_;
  Signature *active_ = nullptr, *previous_ = nullptr;
  std::size_t launch_ = 0;
  std::uint64_t steps_ = 0;
};

}  // namespace tasuki::memory
