#include "src/memory/host_slabs.hpp"

#include <sys/mman.h>

#include <algorithm>

namespace tasuki::memory {

namespace {

constexpr std::size_t page_bytes = 4096, huge_page_bytes = std::size_t{2} << 20;
constexpr std::size_t smallest_slab = huge_page_bytes;  // small storages share one

std::size_t whole_pages(std::size_t bytes) { return (std::max<std::size_t>(bytes, 1) + page_bytes - 1) / page_bytes * page_bytes; }

void touch(char* data, std::size_t bytes) {
#ifdef MADV_POPULATE_WRITE
  if (madvise(data, bytes, MADV_POPULATE_WRITE) == 0) return;
#endif
  for (std::size_t at = 0; at < bytes; at += page_bytes) *const_cast<volatile char*>(data + at) = 0;
}

}  // namespace

HostSlabs::~HostSlabs() {
  if (!slabs_.empty()) before_release_();
  for (const auto& slab : slabs_) munmap(slab->data, slab->extents.size());
}

HostSlabs::Slab* HostSlabs::make(std::size_t bytes) {
  if (bytes > limit_ - reserved_) return nullptr;
  void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) return nullptr;
  madvise(data, bytes, MADV_HUGEPAGE);
  slabs_.push_back(std::make_unique<Slab>(Slab{static_cast<char*>(data), {}}));
  slabs_.back()->extents.grow(bytes);
  reserved_ += bytes;
  ++allocations_;
  return slabs_.back().get();
}

HostSlabs::Place HostSlabs::take(std::size_t bytes) {
  const std::size_t need = whole_pages(bytes);
  Slab* tightest = nullptr;
  for (const auto& slab : slabs_)
    if (slab->extents.largest_free() >= need && (!tightest || slab->extents.largest_free() < tightest->extents.largest_free())) tightest = slab.get();
  if (!tightest) {
    if (need > limit_ - reserved_) release_unused_but(nullptr);
    tightest = make(std::max(need, std::min(smallest_slab, limit_ - reserved_) / page_bytes * page_bytes));
  }
  if (!tightest) return {};
  const auto taken = tightest->extents.take(need);
  in_use_ += need;
  peak_in_use_ = std::max(peak_in_use_, in_use_);
  return {tightest, taken->offset, taken->last_use};
}

void HostSlabs::give(const Place& place, std::size_t bytes, Event last_use) {
  place.slab->extents.give(place.offset, whole_pages(bytes), last_use);
  in_use_ -= whole_pages(bytes);
}

bool HostSlabs::prepare(std::size_t bytes) {
  const std::size_t need = whole_pages(bytes);
  Slab* kept = nullptr;
  for (const auto& slab : slabs_)
    if (slab->extents.largest_free() >= need && (!kept || slab->extents.size() < kept->extents.size())) kept = slab.get();
  release_unused_but(kept);
  if (kept) return true;
  Slab* made = make(need);
  if (made) touch(made->data, made->extents.size());
  return made != nullptr;
}

std::size_t HostSlabs::release_unused_but(const Slab* kept) {
  std::size_t released = 0;
  std::erase_if(slabs_, [&](const std::unique_ptr<Slab>& slab) {
    if (slab->extents.in_use() != 0 || slab.get() == kept) return false;
    if (released == 0) before_release_();
    munmap(slab->data, slab->extents.size());
    released += slab->extents.size();
    return true;
  });
  reserved_ -= released;
  return released;
}

std::size_t HostSlabs::release_unused() { return release_unused_but(nullptr); }

}  // namespace tasuki::memory
