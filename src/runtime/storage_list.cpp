#include <thread>

#include "tasuki/runtime/storage.hpp"

namespace tasuki {

class StorageList::Lock {
 public:
  explicit Lock(StorageList& list) : list_(list) {
    while (__atomic_test_and_set(&list_.busy_, __ATOMIC_ACQUIRE)) std::this_thread::yield();
  }
  ~Lock() { __atomic_clear(&list_.busy_, __ATOMIC_RELEASE); }

 private:
  StorageList& list_;
};

void StorageList::insert(Storage& storage) {
  const Lock lock(*this);
  storage.next_ = first_;
  if (first_) first_->previous_ = &storage;
  first_ = &storage;
}

void StorageList::erase(Storage& storage) noexcept {
  const Lock lock(*this);
  (storage.previous_ ? storage.previous_->next_ : first_) = storage.next_;
  if (storage.next_) storage.next_->previous_ = storage.previous_;
  storage.previous_ = storage.next_ = nullptr;
}

void StorageList::for_each(void (*visit)(void*, Storage&), void* context) {
  const Lock lock(*this);
  for (Storage* s = first_; s; s = s->next_) visit(context, *s);
}

}  // namespace tasuki
