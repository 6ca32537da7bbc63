#include "src/memory/planner/step_model.hpp"

#include <algorithm>
#include <cmath>

#include "tasuki/core/error.hpp"

namespace tasuki::memory::planner {

namespace {

constexpr std::size_t most_bytes = std::size_t{1} << 60;  // of all storages and workspaces: sums of them do not overflow

template <class... Pieces>
[[noreturn]] void contradiction(const Pieces&... pieces) {
  TASUKI_THROW(ValueError, "a trace contradicts itself: ", pieces...);
}

std::string named(const Trace& trace, int k) { return detail::concat({"launch ", k, " (", trace.launches[static_cast<std::size_t>(k)].op, ")"}); }

bool contains(const std::vector<int>& list, int x) { return std::find(list.begin(), list.end(), x) != list.end(); }

void check_launches(const Trace& trace) {
  const int storages = static_cast<int>(trace.storages.size());
  std::size_t total = trace.base_bytes;
  if (total > most_bytes) contradiction("base_bytes is ", trace.base_bytes);
  const auto add = [&](std::size_t bytes) {
    if (bytes > most_bytes || (total += bytes) > most_bytes) contradiction("it holds more than 2^60 bytes");
  };
  for (const TraceStorage& s : trace.storages) add(s.bytes);
  for (std::size_t k = 0; k < trace.launches.size(); ++k) {
    const TraceLaunch& launch = trace.launches[k];
    add(launch.workspace);
    if (!(launch.seconds >= 0) || !std::isfinite(launch.seconds)) contradiction(named(trace, static_cast<int>(k)), " takes ", launch.seconds, " s");
    for (const auto* list : {&launch.reads, &launch.writes}) {
      for (int s : *list)
        if (s < 0 || s >= storages) contradiction(named(trace, static_cast<int>(k)), " uses storage ", s, " of ", storages);
      std::vector<int> sorted = *list;
      std::sort(sorted.begin(), sorted.end());
      if (const auto twice = std::adjacent_find(sorted.begin(), sorted.end()); twice != sorted.end())
        contradiction(named(trace, static_cast<int>(k)), " lists storage ", *twice, " twice");
    }
  }
}

void check_storage(const Trace& trace, int s, const std::vector<int>& uses) {
  const TraceStorage& storage = trace.storages[static_cast<std::size_t>(s)];
  const int last = static_cast<int>(trace.launches.size()) - 1;
  if (storage.released_after > last || storage.released_after < -1) contradiction("storage ", s, " is released after launch ", storage.released_after, " of ", last + 1);
  if (storage.at_end && storage.released_after != last) contradiction("storage ", s, " lives on after the step, but is released after launch ", storage.released_after);
  if (!uses.empty() && storage.released_after < uses.back())
    contradiction("storage ", s, " is released after launch ", storage.released_after, ", but used by ", named(trace, uses.back()));
  if (storage.at_start) return;
  if (uses.empty()) contradiction("storage ", s, " neither exists when the step begins nor is written in it");
  if (contains(trace.launches[static_cast<std::size_t>(uses.front())].reads, s))
    contradiction(named(trace, uses.front()), " reads storage ", s, " before anything has written it");
}

}  // namespace

StepModel::StepModel(const Trace& t) : trace(t), launches(static_cast<int>(t.launches.size())), storages(static_cast<int>(t.storages.size())) {
  check_launches(trace);
  const auto lists = [](int n) { return std::vector<std::vector<int>>(static_cast<std::size_t>(n)); };
  auto use = lists(storages), write = lists(storages), operand = lists(launches), input = lists(launches), output = lists(launches),
       birth = lists(launches), release = lists(launches);
  for (int k = 0; k < launches; ++k) {
    const auto i = static_cast<std::size_t>(k);
    const TraceLaunch& l = launch(k);
    for (int s : l.reads) {
      operand[i].push_back(s);
      use[static_cast<std::size_t>(s)].push_back(k);
      if (!contains(l.writes, s)) input[i].push_back(s);
    }
    for (int s : l.writes) {
      write[static_cast<std::size_t>(s)].push_back(k);
      if (contains(l.reads, s)) continue;
      operand[i].push_back(s);
      use[static_cast<std::size_t>(s)].push_back(k);
      output[i].push_back(s);
    }
    begin.push_back(seconds);
    end.push_back(seconds += l.seconds);
  }
  start_bytes = trace.base_bytes;
  for (int s = 0; s < storages; ++s) {
    const auto i = static_cast<std::size_t>(s);
    const TraceStorage& st = storage(s);
    check_storage(trace, s, use[i]);
    if (st.at_start) start_bytes += st.bytes;
    else birth[static_cast<std::size_t>(use[i].front())].push_back(s);
    if (!st.at_end && st.released_after >= 0) release[static_cast<std::size_t>(st.released_after)].push_back(s);
  }
  uses = Lists(use), writers = Lists(write), operands = Lists(operand), inputs = Lists(input), outputs = Lists(output);
  born = Lists(birth), released = Lists(release);

  for (int s = 0; s < storages; ++s) {
    const auto& u = use[static_cast<std::size_t>(s)];
    if (u.empty() || bytes(s) == 0) continue;
    for (std::size_t i = 0; i + 1 < u.size(); ++i) {
      if (u[i + 1] - u[i] < 2) continue;
      const int writer = writer_before(s, u[i] + 1);
      gaps.push_back({s, u[i], u[i + 1], u[i + 1], false, writer >= 0 && launch(writer).recorded && makes(writer, s), bytes(s), false});
    }
    const TraceStorage& st = storage(s);
    if (st.at_start && st.at_end) {
      // A wrap is worth something when launches lie between the last use and the first.
      if (u.front() + launches - u.back() >= 2) gaps.push_back({s, u.back(), u.front(), u.front(), true, false, bytes(s), false});
    } else if (st.released_after > u.back()) {
      // Dropped only while the tape is sure to be there, in case that the program reads it after all.
      const int writer = writer_before(s, launches);
      const bool droppable = !st.at_end && launch(u.back()).phase == LaunchPhase::forward && writer >= 0 && launch(writer).recorded && makes(writer, s);
      gaps.push_back({s, u.back(), launches, st.released_after + 1, false, droppable, bytes(s), true});
    }
  }

  std::size_t now = start_bytes;
  keep_peak = floor = now;
  if (launches) floor = 0;
  for (int k = 0; k < launches; ++k) {
    for (int s : born[k]) now += bytes(s);
    keep_peak = std::max(keep_peak, now + launch(k).workspace);
    std::size_t pinned = trace.base_bytes + launch(k).workspace;
    for (int s : operands[k]) pinned += bytes(s);
    floor = std::max(floor, pinned);
    for (int s : released[k]) now -= bytes(s);
  }
}

int StepModel::writer_before(int storage, int k) const {
  const Lists::Range w = writers[storage];
  const int* at = std::lower_bound(w.begin(), w.end(), k);
  return at == w.begin() ? -1 : at[-1];
}

bool StepModel::makes(int launch, int storage) const {
  const Lists::Range made = outputs[launch];
  return std::find(made.begin(), made.end(), storage) != made.end();
}

}  // namespace tasuki::memory::planner
