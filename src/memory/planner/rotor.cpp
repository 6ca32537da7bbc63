#include "src/memory/planner/rotor.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tasuki::memory::planner {

namespace {
constexpr float impossible = std::numeric_limits<float>::infinity();
}

Rotor::Rotor(const StepModel& model) : model_(model) {
  std::vector<int> forward;
  for (int k = 0; k < model.launches; ++k)
    if (model.launch(k).recorded) forward.push_back(k);
  for (const Gap& gap : model.gaps)
    if (gap.droppable && !gap.is_last && !model.launch(gap.to).recorded) droppable_ += static_cast<double>(gap.bytes);
  if (forward.size() < 2 || droppable_ <= 0) return;
  slot_bytes_ = droppable_ / slots;
  cut(forward);
  solve();
}

/// Into stages that take about the same time, each border moved to where the fewest bytes cross it.
void Rotor::cut(const std::vector<int>& forward) {
  const std::size_t launches = forward.size(), count = std::min(most_stages, launches);
  // Bytes that recorded launches before position p make and those from p on read.
  std::vector<double> crossing(launches + 1);
  std::vector<std::size_t> position(static_cast<std::size_t>(model_.launches), launches);
  for (std::size_t p = 0; p < launches; ++p) position[static_cast<std::size_t>(forward[p])] = p;
  for (int s = 0; s < model_.storages; ++s) {
    if (model_.storage(s).at_start || model_.uses[s].empty()) continue;
    const std::size_t made = position[static_cast<std::size_t>(model_.uses[s].front())];
    std::size_t last = made;
    for (int k : model_.uses[s])
      if (position[static_cast<std::size_t>(k)] < launches) last = position[static_cast<std::size_t>(k)];
    for (std::size_t p = made + 1; p <= last && made < launches; ++p) crossing[p] += static_cast<double>(model_.bytes(s));
  }
  double total = 0;
  for (int k : forward) total += model_.launch(k).seconds;
  std::vector<std::size_t> borders{0};
  double seconds = 0;
  std::size_t best = 0, windows = 1;
  for (std::size_t p = 1; p < launches; ++p) {
    seconds += model_.launch(forward[p - 1]).seconds;
    if (seconds > total * (static_cast<double>(windows) + 0.5) / static_cast<double>(count)) {
      if (best > borders.back()) borders.push_back(best);
      best = 0;
      ++windows;
    }
    if (best == 0 || crossing[p] < crossing[best]) best = p;
  }
  if (best > borders.back()) borders.push_back(best);
  borders.push_back(launches);

  stages_.resize(borders.size() - 1);
  std::vector<std::size_t> stage_of(launches);
  for (std::size_t i = 0; i + 1 < borders.size(); ++i)
    for (std::size_t p = borders[i]; p < borders[i + 1]; ++p) {
      stage_of[p] = i;
      stages_[i].seconds += model_.launch(forward[p]).seconds;
    }
  for (std::size_t i = 0; i + 1 < stages_.size(); ++i) stages_[i].output_bytes = crossing[borders[i + 1]];
  for (std::size_t g = 0; g < model_.gaps.size(); ++g) {
    const Gap& gap = model_.gaps[g];
    const std::size_t made = position[static_cast<std::size_t>(std::max(0, model_.writer_before(gap.storage, gap.from + 1)))];
    if (!gap.droppable || gap.is_last || model_.launch(gap.to).recorded || made == launches) continue;
    // An output of its stage where a later one reads it.
    std::size_t last = made;
    for (int k : model_.uses[gap.storage])
      if (position[static_cast<std::size_t>(k)] < launches) last = position[static_cast<std::size_t>(k)];
    Stage& own = stages_[stage_of[made]];
    if (stage_of[last] == stage_of[made]) own.kept.push_back(g);
    for (std::size_t i = stage_of[made] + 1; i <= stage_of[last]; ++i) stages_[i].inputs.push_back(g);
    own.kept_bytes += static_cast<double>(gap.bytes);
  }
}

std::size_t Rotor::slots_of(double bytes) const { return static_cast<std::size_t>(std::ceil(bytes / slot_bytes_ - 1e-9)); }

void Rotor::solve() {
  const std::size_t n = stages_.size();
  seconds_.assign(n * n * (slots + 1), impossible);
  return_.assign(seconds_.size(), 0);
  std::vector<double> before(n + 1);  // seconds of the stages ahead of one
  for (std::size_t i = 0; i < n; ++i) before[i + 1] = before[i] + stages_[i].seconds;
  for (std::size_t length = 0; length < n; ++length)
    for (std::size_t s = 0; s + length < n; ++s) {
      const std::size_t t = s + length, kept = slots_of(stages_[s].kept_bytes);
      for (std::size_t m = 0; m <= slots; ++m) {
        float& least = seconds_[state(s, t, m)];
        if (kept <= m) least = static_cast<float>(stages_[s].seconds) + (length ? seconds_[state(s + 1, t, m - kept)] : 0.0f);
        for (std::size_t r = s + 1; r <= t; ++r) {
          const std::size_t input = slots_of(stages_[r - 1].output_bytes);
          if (input > m) continue;
          const float back = static_cast<float>(before[r] - before[s]) + seconds_[state(r, t, m - input)] + seconds_[state(s, r - 1, m)];
          if (back >= least) continue;
          least = back;
          return_[state(s, t, m)] = static_cast<std::uint8_t>(r);
        }
      }
    }
}

Rotor::Checkpoints Rotor::within(double bytes) const {
  if (stages_.empty() || bytes < 0) return {};
  if (bytes >= droppable_) return {Choices(model_.gaps.size(), Choice::keep), std::vector<char>(model_.gaps.size())};
  const std::size_t last = stages_.size() - 1;
  std::size_t s = 0, m = std::min(slots, static_cast<std::size_t>(bytes / slot_bytes_));
  if (seconds_[state(0, last, m)] == impossible) return {};
  Checkpoints found{Choices(model_.gaps.size(), Choice::keep), std::vector<char>(model_.gaps.size())};
  for (const Stage& stage : stages_)
    for (const auto* gaps : {&stage.kept, &stage.inputs})
      for (std::size_t g : *gaps) found.choices[g] = Choice::drop;
  const auto hold = [&](const std::vector<std::size_t>& gaps) {
    for (std::size_t g : gaps) {
      found.choices[g] = Choice::keep;
      found.inputs[g] = true;
    }
  };
  while (s <= last) {
    const std::size_t r = return_[state(s, last, m)];
    if (r == 0) {
      for (std::size_t g : stages_[s].kept) found.choices[g] = Choice::keep;
      m -= std::min(m, slots_of(stages_[s].kept_bytes));
      ++s;
      if (s <= last) hold(stages_[s].inputs);
    } else {
      m -= std::min(m, slots_of(stages_[r - 1].output_bytes));
      s = r;
      hold(stages_[s].inputs);
    }
  }
  return found;
}

}  // namespace tasuki::memory::planner
