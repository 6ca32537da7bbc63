#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "src/runtime/extents.hpp"
#include "tasuki/core/function_ref.hpp"

namespace tasuki::memory {

/// Host memory for storages that are away: a few large pieces from the system (slabs), in which places of whole pages are taken and
/// given back. The slabs together never pass the limit. Not locked.
class HostSlabs {
 public:
  struct Slab {
    char* data;
    Extents extents;
  };
  struct Place {
    Slab* slab = nullptr;
    std::size_t offset = 0;
    Event last_use;  ///< the latest that a part of it was given back with
    explicit operator bool() const { return slab != nullptr; }
    char* data() const { return slab->data + offset; }
  };

  /// `before_release` is called before memory goes back to the system: copies from or into free places may still be queued.
  HostSlabs(std::size_t limit, Callback<void()> before_release) : before_release_(std::move(before_release)), limit_(limit) {}
  ~HostSlabs();
  HostSlabs(const HostSlabs&) = delete;
  HostSlabs& operator=(const HostSlabs&) = delete;

  /// An empty place when neither the slabs nor the limit nor the system has room.
  Place take(std::size_t bytes);
  void give(const Place& place, std::size_t bytes, Event last_use);
  /// Sees to it that the free places of one slab, or of a new one, are `bytes` in one piece. Slabs that hold nothing and are not that
  /// one go back to the system first. New pages are touched, so that nobody waits for them later.
  bool prepare(std::size_t bytes);
  std::size_t release_unused();

  std::size_t limit() const { return limit_; }
  std::size_t reserved() const { return reserved_; }
  std::size_t in_use() const { return in_use_; }
  std::size_t peak_in_use() const { return peak_in_use_; }
  std::uint64_t allocations() const { return allocations_; }

 private:
  Slab* make(std::size_t bytes);
  std::size_t release_unused_but(const Slab* kept);

  Callback<void()> before_release_;
  std::vector<std::unique_ptr<Slab>> slabs_;
  std::size_t limit_, reserved_ = 0, in_use_ = 0, peak_in_use_ = 0;
  std::uint64_t allocations_ = 0;
};

}  // namespace tasuki::memory
