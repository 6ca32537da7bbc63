#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "src/memory/residence.hpp"
#include "tasuki/autograd/listener.hpp"
#include "tasuki/autograd/node.hpp"
#include "tasuki/memory/budget.hpp"
#include "tasuki/runtime/residency.hpp"

namespace tasuki::memory {

class StepRecorder;
class Steps;

/// What has moved since the budget began.
struct Moves {
  Report::Departures departures[Report::owner_classes] = {};
  std::uint64_t replays = 0;
  double waited_seconds = 0, replay_seconds = 0;
  std::uint64_t forced = 0;  ///< evictions that no plan foresaw
};

/// Decides where the storages of one device are. It is made with the first Budget of the device and stays: what is away when a
/// budget ends comes back when it is used.
///
/// Every public function may be called from any thread; one lock serializes them. It is recursive, because bringing a dropped
/// storage back launches ops, which pin their operands.
class Manager final : public ResidencyManager, public LaunchListener, private ReplaySink {
 public:
  static Manager& of(Device device);

  /// Throws ValueError when the device has a budget already. `calls` replaces the system's for the file, in tests.
  void start(const BudgetOptions& options, FileCalls* calls = nullptr);
  void stop();
  bool active() const { return active_; }
  const BudgetOptions& options() const { return options_; }
  DeviceRuntime& runtime() const { return runtime_; }
  Steps& steps() { return *steps_; }
  TransferEngine& tiers() { return *tiers_; }
  const Moves& moves() const { return moves_; }
  Report report();
  std::recursive_mutex& mutex() { return mutex_; }

  // ResidencyManager
  void begin_launch() override;
  void pin(Storage& storage, bool write) override;
  void reserve(std::size_t bytes) override;
  bool make_room(std::size_t bytes) override;
  void released(Storage& storage) noexcept override;
  void discard(Storage& storage) override;
  void lacks_places(std::size_t bytes) override;
  void end_step() override;

  // Checkpoints by hand; they work without a budget as well.
  std::uint64_t open_segment();
  void close_segment(std::uint64_t segment, const Tensor* results, std::size_t count);
  void abandon_segment(std::uint64_t segment) noexcept;

  // Storages that somebody else gives their bytes.
  /// Whatever would be computed again from the storage is computed first. It stays with its keeper for as long as it lives.
  void entrust(Storage& storage, Keeper& keeper);
  /// A keeper has so many bytes more on the device, or less.
  void count_kept(std::ptrdiff_t change);
  std::size_t kept_bytes() const { return kept_bytes_; }

  // LaunchListener
  void before_launch(const LaunchRecord& record) override;
  void after_launch(const LaunchRecord& record) override;

  // What a plan asks for. All of them do nothing, and say false, when the storage is not in a state for it.
  bool depart(Residence& r, Tier tier);
  bool finish_departure(Residence& r);
  bool start_arrival(Residence& r);
  bool drop(Residence& r);
  /// Brings a dropped storage back.
  void remake(Residence& r);
  bool has_room(std::size_t bytes) const { return runtime_.memory_stats().current_bytes + bytes <= options_.bytes; }
  /// Of all storages that it knows, bytes that are not on the device.
  std::size_t away_bytes() const { return away_bytes_; }
  /// Of those that the step has not used.
  std::size_t away_bytes_beyond(const StepRecorder& step) const;
  Residence* residence_of(Storage& storage) const { return static_cast<Residence*>(storage.residence()); }
  Residence& watch(Storage& storage);

 private:
  explicit Manager(DeviceRuntime& runtime);
  void forget(Residence& r) noexcept;
  void ask_keeper(Storage& storage, Keeper& keeper, bool write);
  bool start_departure(Residence& r, Tier tier);
  void surrender(Residence& r, Residency state);
  void obtain(Residence& r);
  void bring_in(Residence& r);
  void arrive(Residence& r);
  void settle_departure(Residence& r);
  TransferError settle(Residence& r);
  TransferError land(Residence& r);
  void prefetch();
  bool adopt();
  bool evict_one();
  bool evict_oldest();
  bool swap_out(Residence& r);
  bool is_changing(Storage& source);
  bool can_drop(const Residence& r, SmallVector<Storage*, 8>& sources) const;
  bool prefers_drop(const Residence& r) const;
  void let_sources_go(Residence& r) noexcept;
  void note_let_go();
  void give_up_transfer(Residence& r) noexcept;
  bool bring_all_back() noexcept;
  void retire() noexcept;
  void set_tiers_aside();
  void forget_copy(Residence& r);
  bool is_late(const Residence& r) const;
  bool has_clean_copy(const Residence& r) const;
  bool accept(Storage& dropped) override;
  void filled(Storage& storage, bool complete) override;
  [[noreturn]] void no_fit(std::size_t bytes) const;

  static thread_local bool asking_keeper_;  ///< what this thread pins, a keeper pins
  DeviceRuntime& runtime_;
  mutable std::recursive_mutex mutex_;
  BudgetOptions options_;
  bool active_ = false;
  std::unique_ptr<TransferEngine> tiers_;
  std::vector<std::unique_ptr<TransferEngine>> earlier_tiers_;  ///< of budgets that have ended, while something is still there
  std::unique_ptr<Steps> steps_;
  UseOrder resident_;  ///< what may be evicted
  UseOrder gone_;      ///< what is away, in the order in which it left
  std::size_t arriving_ = 0, largest_launch_ = 0;  ///< storages; bytes that a launch had to allocate at the most
  Residence* watched_ = nullptr;
  std::vector<Residence*> sources_;  ///< of the replays of all that is dropped
  std::size_t away_bytes_ = 0, kept_bytes_ = 0;
  SmallVector<Storage*, 8> remade_;  ///< targets of the replays under way, the innermost last
  std::uint64_t segments_ = 0;
  std::map<std::uint64_t, std::uint64_t> outer_segments_;  ///< of those that are open
  Moves moves_;
};

}  // namespace tasuki::memory
