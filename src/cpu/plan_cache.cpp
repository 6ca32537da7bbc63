#include "src/cpu/plan_cache.hpp"

#include <list>
#include <mutex>
#include <unordered_map>

#include "src/cpu/dnnl_support.hpp"

namespace tasuki::cpu {

PlanKey::PlanKey(Op op) { add({op, thread_count()}); }

PlanKey& PlanKey::add(const View& view) {
  add(static_cast<std::int64_t>(view.dtype));
  add(view.ndim);
  for (int d = 0; d < view.ndim; ++d) add({view.size(d), view.stride(d)});
  return *this;
}

std::uint64_t PlanKey::hash() const {
  std::uint64_t h = 0x9e3779b97f4a7c15u;
  for (std::int64_t word : words_) {
    h = (h ^ static_cast<std::uint64_t>(word)) * 0xff51afd7ed558ccdu;
    h ^= h >> 32;
  }
  return h;
}

bool PlanKey::operator==(const PlanKey& o) const {
  if (words_.size() != o.words_.size()) return false;
  for (std::size_t i = 0; i < words_.size(); ++i)
    if (words_[i] != o.words_[i]) return false;
  return true;
}

namespace {

// A training step of a large network uses some hundred plans; a stream of ever new shapes must not fill the memory.
constexpr std::size_t capacity = 2048;

struct KeyHash {
  std::size_t operator()(const PlanKey* key) const { return static_cast<std::size_t>(key->hash()); }
};
struct KeyEqual {
  bool operator()(const PlanKey* a, const PlanKey* b) const { return *a == *b; }
};

class Cache {
 public:
  PlanPtr<Plan> find(const PlanKey& key) {
    std::lock_guard lock(mutex_);
    return find_locked(key);
  }
  /// The plan that stays in the cache: another thread may have been faster.
  PlanPtr<Plan> insert(const PlanKey& key, PlanPtr<Plan> plan) {
    PlanPtr<Plan> evicted;  // destroyed after the lock is given back
    std::lock_guard lock(mutex_);
    if (PlanPtr<Plan> present = find_locked(key)) return present;
    entries_.push_front({key, plan});
    index_.emplace(&entries_.front().key, entries_.begin());
    if (entries_.size() > capacity) {
      index_.erase(&entries_.back().key);
      evicted = std::move(entries_.back().plan);
      entries_.pop_back();
    }
    return plan;
  }

 private:
  struct Entry {
    PlanKey key;
    PlanPtr<Plan> plan;
  };
  PlanPtr<Plan> find_locked(const PlanKey& key) {
    const auto found = index_.find(&key);
    if (found == index_.end()) return {};
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->plan;
  }
  std::mutex mutex_;
  std::list<Entry> entries_;  // most recently used first
  std::unordered_map<const PlanKey*, std::list<Entry>::iterator, KeyHash, KeyEqual> index_;
};

Cache& cache() {
  static Cache& instance = *new Cache;  // never destroyed: static objects may still compute
  return instance;
}

}  // namespace

PlanPtr<Plan> detail::find_or_make(const PlanKey& key, function_ref<Plan*()> make) {
  if (PlanPtr<Plan> plan = cache().find(key)) return plan;
  return cache().insert(key, PlanPtr<Plan>::adopt(make()));
}

}  // namespace tasuki::cpu
