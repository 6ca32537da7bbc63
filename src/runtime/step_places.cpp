#include "src/runtime/step_places.hpp"

#include <algorithm>
#include <utility>

#include "src/runtime/interval_places.hpp"

namespace tasuki {

bool StepPlaces::alike(const Step& a, const Step& b) {
  return a.events == b.events && std::equal(a.blocks.begin(), a.blocks.end(), b.blocks.begin(), b.blocks.end(),
                                            [](const Block& x, const Block& y) { return x.bytes == y.bytes && x.begin == y.begin; });
}

/// All blocks of the step that were given back in it, or in the step behind it and no later there than this one had asked for them;
/// none where there are so many that to place them would take longer than they are worth.
StepPlaces::Script StepPlaces::learn(const Step& step) const {
  Script script;
  std::vector<Interval> intervals;
  std::vector<std::size_t> of_block;
  for (const Block& b : step.blocks) {
    script.block_bytes.push_back(b.bytes);
    script.offsets.push_back(no_place);
    if (b.end == lasts || b.end - b.begin > step.events) continue;
    of_block.push_back(script.offsets.size() - 1);
    intervals.push_back({b.bytes, b.begin, b.end});
  }
  if (intervals.size() > most_placed) return script;
  const IntervalPlaces places = place_intervals(intervals, step.events);
  if (!intervals.empty()) script.needs = script.bytes = places.bytes;
  const std::vector<std::size_t> inside = bytes_in_use(intervals, step.events);
  for (std::size_t event = 0; event < step.in_use.size(); ++event)
    if (step.in_use[event] > inside[event]) script.needs = std::max(script.needs, script.bytes + step.in_use[event] - inside[event]);
  for (std::size_t i = 0; i < intervals.size(); ++i) script.offsets[of_block[i]] = places.offsets[i];
  return script;
}

/// A step in which blocks do not get their places is learnt again: something may lie there that was not there before.
bool StepPlaces::should_learn(std::uint64_t ended) {
  const auto known = scripts_.find(ended);
  if (known == scripts_.end()) return true;
  Script& script = known->second;
  if (!std::equal(script.block_bytes.begin(), script.block_bytes.end(), current_.blocks.begin(), current_.blocks.end(),
                  [](std::size_t bytes, const Block& b) { return bytes == b.bytes; }))
    return true;
  constexpr int runs_to_settle = 2;
  return misplaced_ > 0 && script.runs > runs_to_settle && script.lessons < most_lessons;
}

std::size_t StepPlaces::next_step(std::uint64_t ended, std::uint64_t begins) {
  std::size_t needs = 0;
  if (thread_ != std::this_thread::get_id()) {
    thread_ = std::this_thread::get_id();
    previous_ = current_ = {};
    open_.clear();
    ended = 0;
  }
  current_.kind = ended;
  if (ended && previous_.kind == ended && should_learn(ended) && alike(previous_, current_)) {
    const auto known = scripts_.find(ended);
    const int lessons = known == scripts_.end() ? 0 : known->second.lessons;
    if (scripts_.size() >= most_kinds) scripts_.clear();
    Script& script = scripts_[ended] = learn(previous_);
    script.lessons = lessons + 1;
    needs = script.needs;
  }
  misplaced_ = 0;
  const std::uint64_t number = current_.number;
  std::swap(previous_, current_);
  current_ = {};
  current_.number = number + 1;
  std::erase_if(open_, [&](const auto& entry) { return entry.second.step < number; });
  const auto script = begins ? scripts_.find(begins) : scripts_.end();
  script_ = script == scripts_.end() ? nullptr : &script->second;
  if (script_) ++script_->runs;
  return needs;
}

std::optional<std::size_t> StepPlaces::next(std::size_t bytes) {
  if (!script_ || !is_ours()) return std::nullopt;
  const std::size_t index = current_.blocks.size();
  if (index >= script_->block_bytes.size() || script_->block_bytes[index] != bytes) {
    script_ = nullptr;  // another step than it was taken for
    return std::nullopt;
  }
  if (script_->offsets[index] == no_place) return std::nullopt;
  return script_->offsets[index];
}

void StepPlaces::allocated(const void* block, std::size_t bytes, std::size_t in_use) {
  if (current_.number == 0 || !is_ours()) return;  // no step has been told of
  open_.insert_or_assign(block, Known{current_.number, current_.blocks.size()});
  current_.blocks.push_back({bytes, current_.events++, lasts});
  current_.in_use.resize(static_cast<std::size_t>(current_.events));
  current_.in_use.back() = in_use;
}

void StepPlaces::note_use(std::size_t in_use) {
  if (current_.number == 0 || current_.events == 0 || !is_ours()) return;
  current_.in_use.resize(static_cast<std::size_t>(current_.events));
  current_.in_use.back() = std::max(current_.in_use.back(), in_use);
}

void StepPlaces::freed(const void* block) noexcept {
  if (open_.empty() || !is_ours()) return;
  const auto known = open_.find(block);
  if (known == open_.end()) return;
  const auto [step, index] = known->second;
  open_.erase(known);
  if (step == current_.number) current_.blocks[index].end = current_.events++;
  else previous_.blocks[index].end = previous_.events + current_.events++;
}

std::size_t StepPlaces::bytes() const {
  std::size_t most = 0;
  for (const auto& [kind, script] : scripts_) most = std::max(most, script.bytes);
  return most;
}

}  // namespace tasuki
