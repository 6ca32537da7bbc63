#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "src/memory/planner/scheduler.hpp"

namespace tasuki::memory::planner {

/// Checkpoints of a step that is nearly a chain, by the dynamic programme of rotor: Beaumont, Eyraud-Dubois, Herrmann, Joly, Shilova,
/// "Optimal checkpointing for heterogeneous chains: how to train deep neural networks with limited memory", INRIA RR-9302 (2019).
///
/// The forward launches are cut into stages where the fewest bytes go from one side to the other. Stage s takes u_s seconds, makes
/// the input x_s of the next one, and a_s bytes that its backward needs. From the input of stage s, the stages s..t take within m
/// bytes, backward not counted,
///
///     C(s, t, m) = min { u_s + C(s+1, t, m - a_s)                                                     keeping what stage s makes
///                        min over s < r <= t of  u_s + ... + u_(r-1) + C(r, t, m - x_(r-1)) + C(s, r-1, m) }   or coming back to it
///     C(s, s, m) = u_s  if a_s <= m, else infinite
///
/// Of its solution the first pass counts: which stages keep all, and from which inputs others are replayed. What is kept when they
/// are is decided by the room that there is then. Offloading the checkpoints, as POFO does (Beaumont, Eyraud-Dubois, Shilova,
/// "Efficient combination of rematerialization and offloading for training DNNs", NeurIPS 2021), is left to the caller.
class Rotor {
 public:
  explicit Rotor(const StepModel& model);

  struct Checkpoints {
    Choices choices;           ///< what is dropped
    std::vector<char> inputs;  ///< by gap: from which replays start
  };
  /// With so many bytes for checkpoints and for what stages keep; no choices where that is too little.
  Checkpoints within(double bytes) const;
  /// Of all that could be dropped.
  double droppable_bytes() const { return droppable_; }

 private:
  struct Stage {
    double seconds = 0, output_bytes = 0, kept_bytes = 0;
    std::vector<std::size_t> inputs, kept;  ///< gaps: of storages that earlier stages made, and of its own that are no output
  };
  void cut(const std::vector<int>& forward);
  void solve();
  std::size_t state(std::size_t s, std::size_t t, std::size_t m) const { return (s * stages_.size() + t) * (slots + 1) + m; }
  std::size_t slots_of(double bytes) const;

  static constexpr std::size_t slots = 160, most_stages = 36;
  const StepModel& model_;
  std::vector<Stage> stages_;
  double droppable_ = 0, slot_bytes_ = 1;
  std::vector<float> seconds_;         // C, by state
  std::vector<std::uint8_t> return_;   // r, by state; 0: keeps
};

}  // namespace tasuki::memory::planner
