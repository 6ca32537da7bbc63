#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

namespace tasuki {

/// Learns from two steps of one kind, in which one thread asked for the same blocks in the same order, where the blocks of the next
/// ones go, so that they fit into one range without ever being moved. Not locked; what other threads ask for it takes no note of.
class StepPlaces {
 public:
  /// As DeviceRuntime::next_step. Where it has learnt the places of a kind: the most bytes that the device uses at one time, with the
  /// whole range of these places and without what lies in them.
  std::size_t next_step(std::uint64_t ended, std::uint64_t begins);
  /// The block asked for last could not have its place.
  void misplaced() noexcept { ++misplaced_; }
  /// The block asked for next has its place at this offset; none where it has no place. Once for each block.
  std::optional<std::size_t> next(std::size_t bytes);
  /// Ahead of which next() was called. `in_use`: of the device, with this block.
  void allocated(const void* block, std::size_t bytes, std::size_t in_use);
  /// Something else was allocated.
  void note_use(std::size_t in_use);
  void freed(const void* block) noexcept;
  /// Whether no step has followed these places before.
  bool is_first_time() const { return script_ && script_->runs == 1; }
  /// Of the range that the places of all kinds need.
  std::size_t bytes() const;

 private:
  static constexpr int lasts = -1;
  static constexpr std::size_t no_place = SIZE_MAX, most_kinds = 32, most_placed = 8192;
  static constexpr int most_lessons = 3;
  struct Block {
    std::size_t bytes;
    int begin, end;  // in events; `lasts` while nothing is known
  };
  struct Step {
    std::uint64_t number = 0, kind = 0;
    int events = 0;
    std::vector<Block> blocks;
    std::vector<std::size_t> in_use;  // by event, of the device: the most until the next one; 0 where nobody has looked
  };
  struct Script {
    std::vector<std::size_t> block_bytes, offsets;
    std::size_t bytes = 0;
    std::size_t needs = 0;  // of the device, when all blocks are in their places
    int runs = 0;
    int lessons = 1;  ///< that it took
  };
  struct Known {
    std::uint64_t step;
    std::size_t index;
  };
  bool is_ours() const { return std::this_thread::get_id() == thread_; }
  static bool alike(const Step& a, const Step& b);
  Script learn(const Step& step) const;
  bool should_learn(std::uint64_t ended);

  std::thread::id thread_;
  Step current_, previous_;
  std::unordered_map<const void*, Known> open_;
  std::map<std::uint64_t, Script> scripts_;  // by kind
  Script* script_ = nullptr;           // what the step follows so far
  int misplaced_ = 0;                  // blocks of the step
};

}  // namespace tasuki
