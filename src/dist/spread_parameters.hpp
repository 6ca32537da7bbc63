#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "src/memory/keeper.hpp"
#include "tasuki/dist/world.hpp"
#include "tasuki/runtime/storage.hpp"

namespace tasuki::dist {

/// Parameters of which every process has a slice. A launch that uses one finds it gathered: the range that it is in, as soon as the
/// launch pins it, and with it the range that came next in the last step. Ranges that are not in use have no memory.
///
/// All processes use their parameters in the same order, since each gathering is done by all of them. A memory budget changes nothing
/// of that: it never uses a parameter by itself (memory::Keeper), but makes room for what is gathered, and may move the slices.
class SpreadParameters {
 public:
  struct Range {
    Arena* arena;
    std::size_t offset, bytes;
    std::vector<std::int64_t> bounds;  ///< of the processes' slices, in bytes
    char* slice;                       ///< this process' own
    std::vector<Storage*> pieces;      ///< that the slice lies in
    std::vector<Storage*> parameters;
  };
  /// From now on `ranges` have memory while they are in use.
  static SpreadParameters* make(const World& world, std::vector<Range> ranges);
  /// Nobody will gather again. What the slices lie in may go; using a parameter is an error from now on.
  void end();

  /// What was written to parameters goes into the slices.
  void write_back();
  /// The slices have new values: what is gathered is out of date. A step ends.
  void slices_changed();
  /// All ranges are gathered and stay until this is called as often with false.
  void keep_whole(bool on);

 private:
  struct State final : Range, memory::Keeper {
    State(SpreadParameters& owner, Range range) : Range(std::move(range)), owner(owner) {}
    void need(bool write) override { owner.need(*this, write); }
    void released() noexcept override { owner.released(); }
    bool is_held() const;
    SpreadParameters& owner;
    Work gathering;
    bool has_memory = false, asked_for = false, written = false;
  };
  explicit SpreadParameters(const World& world) : world_(world) {}
  void take_over(State& range);
  void need(State& range, bool write);
  void released() noexcept;
  State* next_after(State& range);
  void gather(State& range);
  void gather_all();
  void write_back(State& range);
  void let_go(State& range);
  void set_memory(State& range, bool on);

  World world_;
  std::vector<State> ranges_;
  State* current_ = nullptr;
  std::vector<State*> last_order_, order_;  ///< of use, in the last step and in this one
  bool as_last_time_ = true, ended_ = false;
  int whole_ = 0;                           ///< who keeps all ranges
  std::size_t storages_ = 0;                ///< that still exist
};

}  // namespace tasuki::dist
