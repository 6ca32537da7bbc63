#include "src/core/pool.hpp"

#include <cstdint>
#include <new>

#include "src/core/sanitized.hpp"

namespace tasuki {

namespace {

constexpr bool pooled = !address_sanitized;

constexpr std::size_t step = 64, classes = 64;  // up to 4 KiB
constexpr std::size_t most_kept = std::size_t{16} << 20;  // bytes per class and thread: a dropped graph of a million nodes returns its memory

struct Free {
  Free* next;
};
struct Lists {
  Free* head[classes];
  std::uint32_t count[classes];
  bool closed;
};
constinit thread_local Lists lists{};

struct Cleaner {
  ~Cleaner() {
    lists.closed = true;
    for (Free*& head : lists.head)
      while (head) {
        Free* next = head->next;
        ::operator delete(head, std::align_val_t(step));
        head = next;
      }
  }
};

}  // namespace

void* pool_allocate(std::size_t bytes) {
  const std::size_t c = (bytes + step - 1) / step - 1;
  if (pooled && c < classes) {
    if (Free* block = lists.head[c]) {
      lists.head[c] = block->next;
      --lists.count[c];
      return block;
    }
  }
  return ::operator new((c + 1) * step, std::align_val_t(step));
}

void pool_free(void* block, std::size_t bytes) noexcept {
  const std::size_t c = (bytes + step - 1) / step - 1;
  if (pooled && c < classes && lists.count[c] * (c + 1) * step < most_kept && !lists.closed) {
    static thread_local Cleaner cleaner;
    (void)cleaner;
    Free* freed = static_cast<Free*>(block);
    freed->next = lists.head[c];
    lists.head[c] = freed;
    ++lists.count[c];
    return;
  }
  ::operator delete(block, std::align_val_t(step));
}

}  // namespace tasuki
