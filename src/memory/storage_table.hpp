#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tasuki {
class Storage;
}

namespace tasuki::memory {

/// Storages by address, in one block of memory: open addressing, and nothing is left behind where one was erased. It grows, and
/// never shrinks.
class StorageTable {
 public:
  struct Entry {
    const Storage* storage = nullptr;
    std::uint64_t birth = 0;  ///< counts insertions, so that an address used again is a storage of its own
    std::uint32_t step = 0;   ///< in which `label` was given
    int label = -1;
    bool let_go = false;      ///< by the program; its bytes are still there
    bool fresh = false;       ///< it got its bytes for the launch that comes next
  };

  Entry* find(const Storage* storage);
  const Entry* find(const Storage* storage) const { return const_cast<StorageTable*>(this)->find(storage); }
  /// A storage that is not there yet.
  Entry& insert(const Storage* storage);
  void erase(Entry& entry) noexcept;
  void clear() noexcept;
  std::size_t size() const { return size_; }

 private:
  std::size_t home(const Storage* storage) const;
  void grow();
  std::vector<Entry> entries_;  // a power of two of them, at most half in use
  std::size_t size_ = 0;
  std::uint64_t births_ = 0;
};

}  // namespace tasuki::memory
