#include "src/memory/storage_table.hpp"

#include <utility>

namespace tasuki::memory {

std::size_t StorageTable::home(const Storage* storage) const {
  // Storages are aligned to 64 bytes: the product brings all of the address into the upper half.
  return (reinterpret_cast<std::uintptr_t>(storage) * 0x9e3779b97f4a7c15u >> 32) & (entries_.size() - 1);
}

StorageTable::Entry* StorageTable::find(const Storage* storage) {
  if (entries_.empty()) return nullptr;
  for (std::size_t i = home(storage);; i = (i + 1) & (entries_.size() - 1)) {
    if (entries_[i].storage == storage) return &entries_[i];
    if (!entries_[i].storage) return nullptr;
  }
}

StorageTable::Entry& StorageTable::insert(const Storage* storage) {
  if (2 * (size_ + 1) > entries_.size()) grow();
  std::size_t i = home(storage);
  while (entries_[i].storage) i = (i + 1) & (entries_.size() - 1);
  ++size_;
  entries_[i] = {storage, ++births_, 0, -1, false};
  return entries_[i];
}

void StorageTable::erase(Entry& entry) noexcept {
  const std::size_t mask = entries_.size() - 1;
  std::size_t hole = static_cast<std::size_t>(&entry - entries_.data());
  // Whoever was pushed past the hole, because it was taken, moves back into it.
  for (std::size_t i = (hole + 1) & mask; entries_[i].storage; i = (i + 1) & mask) {
    const std::size_t from_home = (i - home(entries_[i].storage)) & mask, from_hole = (i - hole) & mask;
    if (from_home < from_hole) continue;
    entries_[hole] = entries_[i];
    hole = i;
  }
  entries_[hole] = {};
  --size_;
}

void StorageTable::clear() noexcept {
  for (Entry& e : entries_) e = {};
  size_ = 0;
}

void StorageTable::grow() {
  std::vector<Entry> old(entries_.empty() ? 64 : 2 * entries_.size());
  old.swap(entries_);
  for (const Entry& e : old) {
    if (!e.storage) continue;
    std::size_t i = home(e.storage);
    while (entries_[i].storage) i = (i + 1) & (entries_.size() - 1);
    entries_[i] = e;
  }
}

}  // namespace tasuki::memory
