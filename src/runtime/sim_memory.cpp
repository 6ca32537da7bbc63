#include "src/runtime/sim_memory.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

namespace tasuki {

namespace {

void add(SimMemory::Uses& uses, const SimMemory::Uses& more) {
  for (std::size_t s = 0; s < uses.size(); ++s)
    if (more[s].ticket > uses[s].ticket) uses[s] = more[s];
}

/// Only the whole pages: the others are shared with neighbours.
void discard(char* begin, std::size_t bytes) {
  static const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto first = (reinterpret_cast<std::uintptr_t>(begin) + page - 1) / page * page, last = (reinterpret_cast<std::uintptr_t>(begin) + bytes) / page * page;
  if (last > first) madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

}  // namespace

SimMemory::~SimMemory() {
  for (const auto& [address, bytes] : pieces_) munmap(address, bytes);
}

bool SimMemory::map_piece(std::size_t bytes) {
  const std::size_t size = std::max(bytes, piece_);
  void* const address = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED) return false;
  pieces_.emplace_back(address, size);
  insert(static_cast<char*>(address), {size, {}, false});
  return true;
}

char* SimMemory::take(std::size_t bytes, Uses& uses) {
  auto best = by_size_.lower_bound({bytes, nullptr});
  if (best == by_size_.end()) {
    if (!map_piece(bytes)) return nullptr;
    best = by_size_.lower_bound({bytes, nullptr});
  }
  char* const block = best->second;
  const auto found = free_.find(block);
  Free range = found->second;
  erase(found);
  uses = range.uses;
  if (!range.touched) touched_ += bytes;
  range.bytes -= bytes;
  if (range.bytes != 0) insert(block + bytes, range);
  return block;
}

void SimMemory::give(char* block, std::size_t bytes, Event last_use) {
  Free range{bytes, {}, true};
  range.uses[static_cast<std::size_t>(last_use.stream)] = last_use;
  insert(block, range);
}

/// Merges with neighbours of the same kind.
void SimMemory::insert(char* begin, Free range) {
  auto next = free_.lower_bound(begin);
  if (next != free_.end() && next->first == begin + range.bytes && next->second.touched == range.touched) {
    range.bytes += next->second.bytes;
    add(range.uses, next->second.uses);
    next = erase(next);
  }
  if (next != free_.begin()) {
    const auto before = std::prev(next);
    if (before->first + before->second.bytes == begin && before->second.touched == range.touched) {
      begin = before->first;
      range.bytes += before->second.bytes;
      add(range.uses, before->second.uses);
      erase(before);
    }
  }
  by_size_.emplace(range.bytes, begin);
  free_.emplace(begin, range);
}

SimMemory::ByAddress::iterator SimMemory::erase(ByAddress::iterator range) {
  by_size_.erase({range->second.bytes, range->first});
  return free_.erase(range);
}

std::size_t SimMemory::trim(function_ref<bool(Event)> happened) {
  std::vector<std::pair<char*, Free>> unused;
  for (auto range = free_.begin(); range != free_.end();) {
    const Free& f = range->second;
    if (!f.touched || !std::all_of(f.uses.begin(), f.uses.end(), [&](Event e) { return happened(e); })) {
      ++range;
      continue;
    }
    unused.emplace_back(range->first, f);
    range = erase(range);
  }
  std::size_t bytes = 0;
  for (auto& [begin, range] : unused) {
    discard(begin, range.bytes);
    bytes += range.bytes;
    range.touched = false;
    insert(begin, range);
  }
  touched_ -= bytes;
  return bytes;
}

std::size_t SimMemory::mapped_bytes() const {
  std::size_t bytes = 0;
  for (const auto& piece : pieces_) bytes += piece.second;
  return bytes;
}

}  // namespace tasuki
