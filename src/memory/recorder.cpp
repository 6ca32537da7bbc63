#include "src/memory/recorder.hpp"

#include <algorithm>
#include <utility>

#include "src/memory/residence.hpp"
#include "tasuki/autograd/function.hpp"

namespace tasuki::memory {

namespace {

/// Every bit of `word` spreads over the whole state, and words that change places give another one.
std::uint64_t mix(std::uint64_t state, std::uint64_t word) {
  state = (state ^ word) * 0x9fb21c651e98df25u;
  return state ^ state >> 29 ^ state >> 47;
}

std::uint64_t mix_text(std::uint64_t state, const char* text) {
  for (; *text; ++text) state = (state ^ static_cast<unsigned char>(*text)) * 0x100000001b3u;
  return mix(state, 0);
}

constexpr std::uint64_t first_hash = 0x243f6a8885a308d3u;

/// Whether writing the view leaves nothing of what the storage held.
bool covers(const View& view, const Storage& storage) { return view.bytes() >= storage.bytes(); }

}  // namespace

void RecordedStep::clear() {
  launches.clear();
  uses.clear();
  storages.clear();
  hash = first_hash;
  base_bytes = 0;
  complete = true;
}

int StepRecorder::label(const LaunchOperand& operand, Access& access) {
  Storage& storage = *operand.storage;
  StorageTable::Entry* entry = table_.find(&storage);
  if (!entry || entry->step != step_) {
    // A new result has no version yet. Anything else was filled before, by a launch or by the program.
    const bool fresh = entry && std::exchange(entry->fresh, false);
    const bool known = entry && !fresh, existed = !fresh && (known || reads(access) || storage.version() > 0 || storage.arena());
    if (!entry) entry = &table_.insert(&storage);
    entry->step = step_;
    entry->label = static_cast<int>(current_.storages.size());
    const std::size_t bytes = storage.movable_bytes();
    current_.storages.push_back({{&storage, entry->birth}, bytes, storage.owner(), existed, known, fresh, false, static_cast<int>(launches_), -1});
    current_.hash = mix(current_.hash, 2 * bytes + existed);
  }
  RecordedStep::Stored& stored = current_.storages[static_cast<std::size_t>(entry->label)];
  const bool holds_something = stored.existed || stored.first_use < static_cast<int>(launches_);
  if (access == Access::write && holds_something && !covers(operand.view, storage)) access = Access::read_write;
  stored.owner = storage.owner();
  stored.written |= writes(access);
  return entry->label;
}

void StepRecorder::use(const LaunchOperand& operand) {
  const View& view = operand.view;
  std::uint64_t& hash = current_.hash;
  if (!view) {
    hash = mix(hash, 0);
    return;
  }
  Access access = operand.access;
  int number = -1;
  if (operand.storage && operand.storage->bytes() >= labelled_bytes && &operand.storage->runtime() == &runtime_ && !is_kept(*operand.storage)) {
    number = label(operand, access);
    current_.uses.push_back({number, access});
  }
  const auto kind = static_cast<std::uint64_t>(view.dtype) << 16 | std::uint64_t{view.ndim} << 8 | static_cast<std::uint64_t>(access);
  hash = mix(hash, static_cast<std::uint64_t>(number + 1) << 32 | kind);
  for (int d = 0; d < view.ndim; ++d) hash = mix(hash, static_cast<std::uint64_t>(view.shape[d]));
}

void StepRecorder::launch(const LaunchRecord& record, double seconds, std::size_t away_bytes, std::size_t kept_bytes) {
  if (record.phase == LaunchPhase::replay || !current_.complete) return;
  if (launches_ == most_launches) {
    current_.clear();
    current_.complete = false;
    ++step_;  // its labels mean nothing any more
    return;
  }
  bool can_run_again = record.recorded;
  for (std::size_t i = 0; i < record.input_count; ++i)
    if (const Storage* s = record.inputs[i].storage; s && forbids_replay(*s)) can_run_again = false;
  current_.hash = mix_text(current_.hash, record.op->name);
  current_.hash = mix(current_.hash, static_cast<std::uint64_t>(record.phase) << 1 | can_run_again);
  current_.hash = mix(current_.hash, static_cast<std::uint64_t>(record.input_count) << 32 | record.output_count);
  const auto first_use = static_cast<std::uint32_t>(current_.uses.size());
  for (std::size_t i = 0; i < record.input_count; ++i) use(record.inputs[i]);
  for (std::size_t j = 0; j < record.output_count; ++j) use(record.outputs[j]);
  for (Storage* s : next_reads_) {
    if (s->bytes() < labelled_bytes) continue;
    Access access = Access::read;
    current_.uses.push_back({label({View{}, s, access}, access), access});
    current_.hash = mix(current_.hash, static_cast<std::uint64_t>(current_.uses.back().label));
  }
  next_reads_.clear();
  current_.hash = mix(current_.hash, kept_bytes);
  const auto uses = static_cast<std::uint32_t>(current_.uses.size()) - first_use;
  const std::size_t demand = runtime_.memory_stats().current_bytes + away_bytes - let_go_bytes_;
  current_.launches.push_back({record.op, record.module, record.phase, can_run_again, first_use, uses,
                               runtime_.block_bytes(record.workspace_bytes) + kept_bytes, demand, seconds, current_.hash});
  ++launches_;
}

void StepRecorder::note_release(const StorageTable::Entry& entry) noexcept {
  if (entry.step == step_) current_.storages[static_cast<std::size_t>(entry.label)].released_after = static_cast<int>(launches_) - 1;
}

void StepRecorder::born(const Storage& storage) {
  if (storage.bytes() >= labelled_bytes && !table_.find(&storage)) table_.insert(&storage).fresh = true;
}

void StepRecorder::let_go(const Storage& storage) noexcept {
  StorageTable::Entry* entry = table_.find(&storage);
  if (!entry || entry->let_go) return;
  note_release(*entry);
  entry->let_go = true;
  let_go_bytes_ += storage.movable_bytes();
}

void StepRecorder::released(const Storage& storage) noexcept {
  std::erase(next_reads_, &storage);
  StorageTable::Entry* entry = table_.find(&storage);
  if (!entry) return;
  if (entry->let_go) let_go_bytes_ -= storage.movable_bytes();
  else note_release(*entry);
  table_.erase(*entry);
}

void StepRecorder::step_end(std::size_t foreign_away_bytes) {
  const std::size_t count = current_.launches.size();
  change_.assign(count + 1, 0);
  for (const RecordedStep::Stored& s : current_.storages) {
    const auto bytes = static_cast<std::ptrdiff_t>(s.bytes);
    change_[s.existed ? 0 : static_cast<std::size_t>(s.first_use)] += bytes;
    if (s.released_after >= 0) change_[static_cast<std::size_t>(s.released_after) + 1] -= bytes;
  }
  std::ptrdiff_t labelled = 0, base = 0;
  for (std::size_t k = 0; k < count; ++k) {
    labelled += change_[k];
    const RecordedStep::Launch& l = current_.launches[k];
    base = std::max(base, static_cast<std::ptrdiff_t>(l.demand) - static_cast<std::ptrdiff_t>(l.workspace + foreign_away_bytes) - labelled);
  }
  current_.base_bytes = static_cast<std::size_t>(base);
  std::swap(current_, ended_);
  current_.clear();
  launches_ = 0;
  ++step_;
}

void StepRecorder::forget() {
  table_.clear();
  current_.clear();
  ended_.clear();
  next_reads_.clear();
  launches_ = 0;
  let_go_bytes_ = 0;
}

Storage* StepRecorder::storage(const StorageHandle& handle) const {
  const StorageTable::Entry* entry = table_.find(handle.storage);
  return entry && entry->birth == handle.birth ? handle.storage : nullptr;
}

int StepRecorder::label_of(const Storage& storage) const {
  const StorageTable::Entry* entry = table_.find(&storage);
  return entry && entry->step == step_ ? entry->label : -1;
}

Trace trace_of(const RecordedStep& step, Device device) {
  Trace trace;
  trace.device = device.to_string();
  trace.base_bytes = step.base_bytes;
  const int last = static_cast<int>(step.launches.size()) - 1;
  for (const RecordedStep::Stored& s : step.storages) {
    TraceStorage storage;
    storage.bytes = s.bytes;
    storage.owner = s.owner;
    storage.at_start = s.existed;
    storage.at_end = s.outlives_step();
    storage.released_after = s.released_after < 0 ? last : s.released_after;
    storage.clean = s.known && !s.written && storage.at_end;
    trace.storages.push_back(storage);
  }
  for (const RecordedStep::Launch& l : step.launches) {
    TraceLaunch launch;
    launch.op = l.op->name;
    launch.module = l.module;
    launch.phase = l.phase;
    launch.seconds = l.seconds;
    launch.workspace = l.workspace;
    launch.flags = l.op->flags;
    launch.recorded = l.recorded;
    const auto add = [](std::vector<int>& list, int label) {
      if (std::find(list.begin(), list.end(), label) == list.end()) list.push_back(label);
    };
    for (std::uint32_t u = l.first_use; u < l.first_use + l.uses; ++u) {
      const RecordedStep::Use& use = step.uses[u];
      if (reads(use.access)) add(launch.reads, use.label);
      if (writes(use.access)) add(launch.writes, use.label);
    }
    trace.launches.push_back(std::move(launch));
  }
  return trace;
}

}  // namespace tasuki::memory
