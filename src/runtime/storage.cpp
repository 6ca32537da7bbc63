#include "tasuki/runtime/storage.hpp"

#include <new>

#include "src/core/pool.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/runtime/residency.hpp"

namespace tasuki {

const char* name_of(OwnerClass owner) {
  switch (owner) {
    case OwnerClass::activation: return "activation";
    case OwnerClass::parameter: return "parameter";
    case OwnerClass::gradient: return "gradient";
    case OwnerClass::optimizer: return "optimizer";
    case OwnerClass::buffer: return "buffer";
    case OwnerClass::input: return "input";
    case OwnerClass::temporary: return "temporary";
  }
  return "?";
}

Arena::Arena(DeviceRuntime& runtime, std::size_t bytes, bool loose)
    : runtime_(&runtime), data_(runtime.manager() && bytes ? runtime.allocate_decommitted(bytes) : runtime.allocate(bytes)), bytes_(bytes), loose_(loose) {}
Arena::~Arena() { runtime_->deallocate(data_, bytes_); }
intrusive_ptr<Arena> Arena::create(DeviceRuntime& runtime, std::size_t bytes, bool loose) {
  return intrusive_ptr<Arena>::adopt(new Arena(runtime, bytes, loose));
}
void Arena::release() noexcept {
  if (count_down(references_)) delete this;
}

namespace {
/// Gives the block back if the runtime refuses the bytes.
struct PoolBlock {
  void* place;
  ~PoolBlock() {
    if (place) pool_free(place, sizeof(Storage));
  }
  void* take() {
    void* p = place;
    place = nullptr;
    return p;
  }
};
}  // namespace

Storage* Storage::allocate(DeviceRuntime& runtime, std::size_t bytes, OwnerClass owner) {
  PoolBlock block{pool_allocate(sizeof(Storage))};
  void* data = runtime.allocate(bytes);
  auto* s = new (block.take()) Storage;
  s->runtime_ = &runtime;
  s->data_ = data;
  s->size_ = bytes;
  s->owner_ = owner;
  if (bytes >= StorageList::listed_bytes) runtime.storages().insert(*s);
  return s;
}

Storage* Storage::in_arena(Arena& arena, std::size_t offset, std::size_t bytes, OwnerClass owner) {
  if (offset > arena.bytes() || bytes > arena.bytes() - offset)
    TASUKI_THROW(InternalError, "a storage of ", bytes, " bytes at ", offset, " leaves its arena of ", arena.bytes(), " bytes");
  PoolBlock block{pool_allocate(sizeof(Storage))};
  DeviceRuntime& runtime = arena.runtime();
  auto* s = new (block.place) Storage;
  s->runtime_ = &runtime;
  s->size_ = bytes;
  s->offset_ = offset;
  s->owner_ = owner;
  s->arena_ = &arena;
  if (bytes && runtime.manager()) s->obtain();
  else s->data_ = s->place_in_arena();
  block.take();
  arena.retain();
  if (bytes >= StorageList::listed_bytes) runtime.storages().insert(*s);
  return s;
}

Storage* Storage::borrow(DeviceRuntime& runtime, void* data, std::size_t bytes, void (*keeper)(void*), void* context) {
  auto* s = new (pool_allocate(sizeof(Storage))) Storage;
  s->runtime_ = &runtime;
  s->data_ = data;
  s->size_ = bytes;
  s->owner_ = OwnerClass::input;
  s->keeper_ = keeper ? keeper : [](void*) {};
  s->keeper_context_ = context;
  return s;
}

Storage* Storage::record_of(const Storage& before) {
  auto* s = new (pool_allocate(sizeof(Storage))) Storage;
  s->runtime_ = before.runtime_;
  s->size_ = before.size_;
  s->owner_ = before.owner_;
  s->version_ = before.version_;
  s->last_writer_ = before.last_writer_;
  s->producer_ = before.producer_;
  s->producer_output_ = before.producer_output_;
  s->bytes_references_ = 0;
  s->residency_ = Residency::released;
  return s;
}

std::size_t Storage::movable_bytes() const {
  if (keeper_) return 0;
  return arena_ && !may_leave_arena() ? runtime_->decommittable(part_of_arena()) : runtime_->block_bytes(size_);
}

void Storage::surrender() {
  if (is_in_arena()) {
    runtime_->decommit(part_of_arena());
  } else {
    runtime_->deallocate(data_, size_);
    data_ = nullptr;
  }
}

void Storage::obtain() {
  if (arena_ && !may_leave_arena()) {
    runtime_->commit(part_of_arena());
    data_ = place_in_arena();
  } else {
    data_ = runtime_->allocate(size_);
  }
}

void Storage::free_bytes() noexcept {
  if (residence_) runtime_->manager()->released(*this);
  if (!keeper_ && size_ >= StorageList::listed_bytes) runtime_->storages().erase(*this);
  if (keeper_) keeper_(keeper_context_);
  else if (data_ && !is_in_arena()) runtime_->deallocate(data_, size_);
  if (arena_) arena_->release();
  data_ = nullptr;
  arena_ = nullptr;
  residency_ = Residency::released;
}

void Storage::release_bytes() noexcept {
  if (count_down(bytes_references_)) {
    bytes_references_ = 0;
    free_bytes();
  }
}

void Storage::release() noexcept {
  if (count_down(records_)) {
    this->~Storage();
    pool_free(this, sizeof(Storage));
  }
}

}  // namespace tasuki
