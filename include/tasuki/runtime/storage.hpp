#pragma once
#include <cstddef>
#include <cstdint>

#include "tasuki/core/intrusive.hpp"
#include "tasuki/runtime/runtime.hpp"

namespace tasuki {

class Node;

/// What a storage is for; memory planning and reports group by it.
enum class OwnerClass : std::uint8_t { activation, parameter, gradient, optimizer, buffer, input, temporary };
const char* name_of(OwnerClass owner);

/// Where a storage's bytes are. A launch needs `resident`; everything else is a matter of the memory layer: on the way to a lower
/// tier (and still readable), there, on the way back, or dropped, to be made again by the op that made them. `released`: there
/// are no bytes, because nobody holds a handle.
enum class Residency : std::uint8_t { resident, leaving, away, arriving, dropped, released };

/// An address range that several storages share (a FlatLayout's parameters, gradients, optimizer state). It has no version and
/// no residency of its own; it lives as long as one of its storages. On a device with a residency manager memory comes with the
/// storages, so that the whole may be larger than what there is. There a storage of a *loose* arena may also lie outside of it, in
/// a block of its own: bytes that come and go are cheaper where they need not come back to one address.
class Arena {
 public:
  static intrusive_ptr<Arena> create(DeviceRuntime& runtime, std::size_t bytes, bool loose = false);
  bool is_loose() const { return loose_; }
  /// From now on storages come back to their places.
  void keep_together() { loose_ = false; }
  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  DeviceRuntime& runtime() const { return *runtime_; }
  void retain() noexcept { count_up(references_); }
  void release() noexcept;

 private:
  Arena(DeviceRuntime& runtime, std::size_t bytes, bool loose);
  ~Arena();
  DeviceRuntime* runtime_;
  void* data_;
  std::size_t bytes_;
  unsigned references_ = 1;
  bool loose_;
};

/// A record (what it is, which version, who made it) plus bytes, counted separately. Whoever only needs to know how the bytes
/// can be made again holds the record (retain/release); tensor handles and saved tensors also hold the bytes
/// (retain_bytes/release_bytes), which go back to the runtime with the last of them.
class Storage {
 public:
  /// A storage with uninitialized bytes, born with one record and one bytes reference, both the caller's.
  static Storage* allocate(DeviceRuntime& runtime, std::size_t bytes, OwnerClass owner);
  /// A storage inside an arena.
  static Storage* in_arena(Arena& arena, std::size_t offset, std::size_t bytes, OwnerClass owner);
  /// A storage over memory that somebody else owns; `keeper` is called with `context` when the bytes go.
  static Storage* borrow(DeviceRuntime& runtime, void* data, std::size_t bytes, void (*keeper)(void*), void* context);
  /// A record without bytes: the state of `before` ahead of an in-place write, which can only be made again.
  static Storage* record_of(const Storage& before);

  void retain() noexcept { count_up(records_); }
  void release() noexcept;
  void retain_bytes() noexcept { count_up(bytes_references_); }
  void release_bytes() noexcept;
  /// True when one handle or saved tensor is all that holds the bytes: nobody would see a write.
  bool bytes_unique() const { return __atomic_load_n(&bytes_references_, __ATOMIC_ACQUIRE) == 1u; }
  bool has_bytes() const { return __atomic_load_n(&bytes_references_, __ATOMIC_ACQUIRE) != 0u; }

  DeviceRuntime& runtime() const { return *runtime_; }
  Device device() const { return runtime_->device(); }
  std::size_t bytes() const { return size_; }
  void* data() const { return data_; }
  Residency residency() const { return residency_; }
  OwnerClass owner() const { return owner_; }
  void set_owner(OwnerClass owner) { owner_ = owner; }
  Arena* arena() const { return arena_; }
  /// Whether the bytes are in the arena, at the offset given.
  bool is_in_arena() const { return arena_ && data_ == place_in_arena(); }

  /// Counts the writes. A saved tensor remembers the version it saw.
  std::uint32_t version() const { return version_; }
  /// The op that wrote the present version, or nullptr; part of the error for an overwritten saved tensor.
  const char* last_writer() const { return last_writer_; }
  void set_last_writer(const char* op) { last_writer_ = op; }
  void mark_written(const char* op) {
    ++version_;
    last_writer_ = op;
  }

  /// The node that can make the bytes again (as its output number producer_output), or nullptr. Not owned: the node clears it
  /// when it goes, because whoever could need the bytes again also holds the node.
  Node* producer() const { return producer_; }
  std::uint8_t producer_output() const { return producer_output_; }
  void set_producer(Node* node, std::uint8_t output) {
    producer_ = node;
    producer_output_ = output;
  }

  // -- for the residency manager of the runtime

  /// Counts those who have the address in hand: a launch, a DataAccess. Bytes that are held stay where they are.
  void hold() noexcept { count_up(holds_); }
  void let_move() noexcept { __atomic_fetch_sub(&holds_, 1u, __ATOMIC_RELEASE); }
  bool is_held() const { return __atomic_load_n(&holds_, __ATOMIC_ACQUIRE) != 0u; }

  /// What the manager knows of this storage, or nullptr. The manager's released() is called before the bytes go.
  void* residence() const { return residence_; }
  void set_residence(void* residence) { residence_ = residence; }
  void set_residency(Residency residency) { residency_ = residency; }
  /// Bytes that surrender would free: the block, or the whole pages of an arena's part, or none of borrowed memory.
  std::size_t movable_bytes() const;
  /// Gives them back to the runtime; the contents are lost. Residency is the manager's to set.
  void surrender();
  /// Takes them again, with undefined contents. Throws OutOfMemory.
  void obtain();

  /// Live differentiable views; an in-place write on a base that has some is refused until rebasing exists.
  unsigned views = 0;

 private:
  friend class StorageList;
  Storage() = default;
  ~Storage() = default;
  void free_bytes() noexcept;
  BlockPart part_of_arena() const { return {arena_->data(), arena_->bytes(), offset_, size_}; }
  char* place_in_arena() const { return static_cast<char*>(arena_->data()) + offset_; }
  bool may_leave_arena() const { return arena_->is_loose() && runtime_->prefers_block(part_of_arena()); }

  DeviceRuntime* runtime_ = nullptr;
  void* data_ = nullptr;
  std::size_t size_ = 0, offset_ = 0;  // of the arena
  Node* producer_ = nullptr;
  const char* last_writer_ = nullptr;
  Arena* arena_ = nullptr;
  void (*keeper_)(void*) = nullptr;
  void* keeper_context_ = nullptr;
  void* residence_ = nullptr;
  Storage *previous_ = nullptr, *next_ = nullptr;  // in the runtime's list
  unsigned records_ = 1, bytes_references_ = 1, holds_ = 0;
  std::uint32_t version_ = 0;
  std::uint8_t producer_output_ = 0;
  OwnerClass owner_ = OwnerClass::activation;
  Residency residency_ = Residency::resident;
};

}  // namespace tasuki
