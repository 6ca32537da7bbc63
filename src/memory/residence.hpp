#pragma once
#include <cstdint>
#include <thread>

#include "src/memory/keeper.hpp"
#include "src/memory/transfer.hpp"
#include "tasuki/core/small_vector.hpp"
#include "tasuki/runtime/storage.hpp"

namespace tasuki::memory {

/// What the manager knows of one storage; reached by Storage::residence.
struct Residence {
  Storage* storage = nullptr;
  std::size_t bytes = 0;          ///< that leave with it; 0: it never moves
  double produce_seconds = 0;     ///< of the launch that wrote it last
  std::thread::id user;           ///< the thread that used it last: only it may read the tape behind it
  std::uint64_t segment = 0;      ///< the checkpoint in which it was made, or 0
  bool replayed = false;          ///< its bytes were made again before: dropping it again costs no transfer
  bool let_go = false;            ///< by the program; only replays hold its bytes
  bool changing = false;          ///< while held: somebody writes, so nothing may count on computing again from it, and a copy would be of no use
  bool empty = false;             ///< away with nothing to come back: whoever uses it next writes it
  bool unmovable = false;         ///< a departure failed; not tried again in this step
  Keeper* keeper = nullptr;       ///< who gives it its bytes, when it is not the manager

  Home* home = nullptr;           ///< the place in a lower tier, kept while its copy is good
  TransferEngine* tiers = nullptr;  ///< whose place that is
  std::uint32_t copy_version = 0; ///< of the storage, when it departed
  Transfer transfer;              ///< under way, when leaving or arriving

  SmallVector<Storage*, 4> sources;        ///< while dropped: what the replay starts from, held as bytes
  SmallVector<Residence*, 4> dependents;   ///< dropped storages that have this one among their sources

  Residence *older = nullptr, *newer = nullptr;  ///< in the order of use, while resident
  Residence *previous_watched = nullptr, *next_watched = nullptr;
};

/// Somebody else than the manager gives it its bytes.
inline bool is_kept(const Storage& s) { return s.residence() && static_cast<const Residence*>(s.residence())->keeper; }

/// Memory of the user's own, who may write there without a word, and what has a keeper: nothing that was computed from it can be
/// computed again later.
inline bool forbids_replay(const Storage& s) { return (s.bytes() > 0 && !s.arena() && s.movable_bytes() == 0) || is_kept(s); }

/// Storages in the order of their last use. A storage is in one order at most.
class UseOrder {
 public:
  Residence* oldest() const { return oldest_; }
  Residence* newest() const { return newest_; }
  void touch(Residence& r) {
    remove(r);
    r.older = newest_;
    (newest_ ? newest_->newer : oldest_) = &r;
    newest_ = &r;
  }
  void remove(Residence& r) {
    if (!r.older && oldest_ != &r) return;
    (r.older ? r.older->newer : oldest_) = r.newer;
    (r.newer ? r.newer->older : newest_) = r.older;
    r.older = r.newer = nullptr;
  }

 private:
  Residence *oldest_ = nullptr, *newest_ = nullptr;
};

}  // namespace tasuki::memory
