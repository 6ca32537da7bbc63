#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "src/memory/storage_table.hpp"
#include "tasuki/autograd/listener.hpp"
#include "tasuki/memory/trace.hpp"
#include "tasuki/runtime/storage.hpp"

namespace tasuki::memory {

/// A storage that was used in some step, and whether it is still the same one (StepRecorder::storage).
struct StorageHandle {
  Storage* storage = nullptr;
  std::uint64_t birth = 0;
};

/// A step as it was launched. Storages are known by their labels: numbers in the order of first use.
struct RecordedStep {
  struct Launch {
    const OpInfo* op;
    const char* module;
    LaunchPhase phase;
    bool recorded;
    std::uint32_t first_use, uses;  ///< in `uses`
    std::size_t workspace;          ///< bytes, as the runtime counts them, and those that keepers had
    std::size_t demand;             ///< bytes of the device while it ran, had nothing been away
    double seconds;
    std::uint64_t hash;             ///< of all launches up to this one
  };
  struct Use {
    int label;
    Access access;
  };
  struct Stored {
    StorageHandle handle;
    std::size_t bytes;   ///< that leave with it
    OwnerClass owner;
    bool existed;        ///< before the step
    bool known;          ///< from an earlier step
    bool recurs;         ///< born in the step, and expected to be released before the next one begins
    bool written;
    int first_use;       ///< launch
    int released_after;  ///< launch; -1 while it lives
    /// Whether the next step may use it again. What the program made between two steps, such as a batch, goes with its step even
    /// if its handle lives a little longer.
    bool outlives_step() const { return released_after < 0 && (known || !existed) && !recurs; }
  };
  std::vector<Launch> launches;
  std::vector<Use> uses;
  std::vector<Stored> storages;
  std::uint64_t hash;          ///< of all launches
  std::size_t base_bytes;      ///< of the device beyond these storages and workspaces; known when the step has ended
  bool complete;               ///< false for a step of more launches than anybody plans

  RecordedStep() { clear(); }
  void clear();
};

/// Writes down the steps of a device: what each launch reads and writes, how long it takes, when storages go. When steps repeat it
/// allocates nothing.
///
///     recorder.launch(record, seconds);      // after each launch of the thread that trains
///     recorder.released(storage);            // when bytes go, for every storage that it labels
///     recorder.step_end();
///     Trace trace = trace_of(recorder.ended());
///
/// The hash of a step's beginning tells whether two steps are the same so far: ops, phases, dtypes, shapes, what is read and
/// written, and which storages are the same. Storages below `labelled_bytes`, those of other devices, and those with a keeper have no
/// label. What they take of the device counts as base bytes, like everything else that no launch of the step uses; what keepers have
/// of it counts with each launch.
class StepRecorder {
 public:
  static constexpr std::size_t labelled_bytes = StorageList::listed_bytes;
  static constexpr std::size_t most_launches = std::size_t{1} << 15;

  explicit StepRecorder(DeviceRuntime& runtime) : runtime_(runtime) {}

  /// `away_bytes`: of all storages that are not on the device at present; `kept_bytes`: on the device, of storages with a keeper.
  /// Replays are left out.
  void launch(const LaunchRecord& record, double seconds, std::size_t away_bytes = 0, std::size_t kept_bytes = 0);
  /// The next launch reads this as well: a keeper needs it for one of the operands.
  void also_reads(Storage& storage) { next_reads_.push_back(&storage); }
  void released(const Storage& storage) noexcept;
  /// A storage that had been released got new bytes: for the trace it is another one, made by the launch that uses it next.
  void born(const Storage& storage);
  /// The program lets a storage go whose bytes are still held, because a replay needs them: in the trace it goes now.
  void let_go(const Storage& storage) noexcept;
  /// `foreign_away_bytes`: of the storages without a label in this step that are away. They do not come back for it, so that they
  /// are no part of its base.
  void step_end(std::size_t foreign_away_bytes = 0);
  /// As if nothing had been recorded.
  void forget();

  /// The step under way, and the one that ended last.
  const RecordedStep& current() const { return current_; }
  const RecordedStep& ended() const { return ended_; }
  /// How many launches the present step has had, and their hash.
  std::size_t launches() const { return launches_; }
  std::uint64_t hash() const { return current_.hash; }

  /// The storage, or nullptr when its bytes have gone.
  Storage* storage(const StorageHandle& handle) const;
  /// Its label in the step under way, or -1.
  int label_of(const Storage& storage) const;

 private:
  void use(const LaunchOperand& operand);
  int label(const LaunchOperand& operand, Access& access);
  void note_release(const StorageTable::Entry& entry) noexcept;

  DeviceRuntime& runtime_;
  StorageTable table_;
  RecordedStep current_, ended_;
  std::size_t launches_ = 0;
  std::size_t let_go_bytes_ = 0;        ///< of storages that are still there
  std::uint32_t step_ = 1;
  std::vector<Storage*> next_reads_;
  std::vector<std::ptrdiff_t> change_;  ///< of the labelled bytes before each launch
};

/// The trace of a step that has ended, or of what there is of one under way.
Trace trace_of(const RecordedStep& step, Device device);

}  // namespace tasuki::memory
