#include "kernels/sort.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/lines.hpp"
#include "kernels/visit.hpp"

namespace tasuki::kernels::cpu {
namespace {

/// Elements as whole numbers in their order, so that sorting takes no more of a dtype than its size.
template <class T>
struct Ordered;
template <class T>
  requires(std::is_integral_v<T>)
struct Ordered<T> {
  using key = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
  static key of(T v) {
    if constexpr (std::is_signed_v<T>) return static_cast<key>(v) ^ (key{1} << (sizeof(key) * 8 - 1));
    else return static_cast<key>(v);
  }
};
template <class T>
  requires(!std::is_integral_v<T>)
struct Ordered<T> {
  using wide = std::conditional_t<sizeof(T) == 8, double, float>;
  using key = std::conditional_t<sizeof(T) == 8, std::uint64_t, std::uint32_t>;
  static key of(T v) {
    constexpr key sign = key{1} << (sizeof(key) * 8 - 1);
    const wide value = static_cast<wide>(v) + wide(0);  // -0 becomes 0
    key bits;
    std::memcpy(&bits, &value, sizeof(bits));
    if (value != value) return ~key{0};
    return bits & sign ? ~bits : bits | sign;
  }
};

template <class Key>
struct Entry {
  Key key;
  std::conditional_t<sizeof(Key) == 8, std::int64_t, std::uint32_t> position;
  friend bool operator<(const Entry& a, const Entry& b) { return a.key < b.key || (a.key == b.key && a.position < b.position); }
};

/// Stable, by bytes from the last to the first; bytes that all keys share are skipped.
template <class Key>
void radix_sort(Entry<Key>* entries, Entry<Key>* scratch, std::size_t n) {
  constexpr int bytes = sizeof(Key);
  std::uint32_t counts[bytes][256] = {};
  for (std::size_t i = 0; i < n; ++i)
    for (int b = 0; b < bytes; ++b) ++counts[b][entries[i].key >> (8 * b) & 255];
  Entry<Key>*from = entries, *to = scratch;
  for (int b = 0; b < bytes; ++b) {
    if (counts[b][from[0].key >> (8 * b) & 255] == n) continue;
    std::uint32_t place = 0;
    for (std::uint32_t& count : counts[b]) {
      const std::uint32_t here = count;
      count = place;
      place += here;
    }
    for (std::size_t i = 0; i < n; ++i) to[counts[b][from[i].key >> (8 * b) & 255]++] = from[i];
    std::swap(from, to);
  }
  if (from != entries) std::copy(from, from + n, entries);
}

template <class Key>
void sort_entries(std::vector<Entry<Key>>& entries, std::vector<Entry<Key>>& scratch) {
  constexpr std::size_t radix_from = 128, radix_below = std::size_t{1} << 32;  // counts are 32 bits wide
  if (entries.size() < radix_from || entries.size() >= radix_below) return std::sort(entries.begin(), entries.end());
  scratch.resize(entries.size());
  radix_sort(entries.data(), scratch.data(), entries.size());
}

/// Calls f(entries of a line, scratch, its indices, their step) for each line.
template <class T, class F>
void for_lines(const View& x, int dim, bool descending, const View& indices, F&& f) {
  using Key = typename Ordered<T>::key;
  const View* operands[] = {&x, &indices};
  const Lines lines = lines_along(dim, operands, 2);
  for_blocks(lines, false, lines.row.size, [&](const LineBlock& block) {
    std::vector<Entry<Key>> entries(static_cast<std::size_t>(lines.line.size)), scratch;
    for (std::int64_t r = block.row_begin; r < block.row_end; ++r) {
      const T* from = x.as<const T>() + block.at[0] + r * lines.row.stride[0];
      for (std::size_t i = 0; i < entries.size(); ++i) {
        const Key key = Ordered<T>::of(from[static_cast<std::int64_t>(i) * lines.line.stride[0]]);
        entries[i] = {descending ? static_cast<Key>(~key) : key, static_cast<decltype(entries[i].position)>(i)};
      }
      f(entries, scratch, indices.as<std::int64_t>() + block.at[1] + r * lines.row.stride[1], lines.line.stride[1]);
    }
  });
}


}  // namespace

void arg_sort(const View& x, int dim, bool descending, bool sorted, const View& indices) {
  const std::int64_t k = size_along(indices, dim), n = size_along(x, dim);
  if (indices.numel == 0) return;
  visit_all(x.dtype, [&]<class T>(T) {
    for_lines<T>(x, dim, descending, indices, [&](auto& entries, auto& scratch, std::int64_t* to, std::int64_t step) {
      if (k == n) {
        sort_entries(entries, scratch);
      } else {
        const auto end = entries.begin() + k;
        std::nth_element(entries.begin(), end - 1, entries.end());
        if (sorted) std::sort(entries.begin(), end);
      }
      for (std::int64_t i = 0; i < k; ++i) to[i * step] = static_cast<std::int64_t>(entries[static_cast<std::size_t>(i)].position);
    });
  });
}

void arg_kth(const View& x, int dim, std::int64_t k, bool nan_first, const View& index) {
  if (index.numel == 0) return;
  visit_all(x.dtype, [&]<class T>(T) {
    for_lines<T>(x, dim, false, index, [&](auto& entries, auto&, std::int64_t* to, std::int64_t) {
      const auto nan = ~decltype(entries[0].key){0};
      if (nan_first && !std::is_integral_v<T>)
        for (const auto& entry : entries)
          if (entry.key == nan) return void(*to = static_cast<std::int64_t>(entry.position));
      std::nth_element(entries.begin(), entries.begin() + k, entries.end());
      *to = static_cast<std::int64_t>(entries[static_cast<std::size_t>(k)].position);
    });
  });
}

namespace {

/// How many of n ascending keys come before each of `count` wanted ones (`right`: or are equal to them). Searches advance side by side:
/// one by one, each step waits for the load of the one before.
template <int most, class Key, class KeyAt>
void search_together(std::int64_t n, KeyAt&& key_at, bool right, const Key* wanted, int count, std::int64_t* out) {
  std::int64_t first[most] = {};
  const auto steps = [&](auto is_behind) {
    std::int64_t length = n;
    for (; length > 1; length -= length / 2)
      for (int q = 0; q < count; ++q) first[q] += is_behind(key_at(first[q] + length / 2 - 1), wanted[q]) ? length / 2 : 0;
    for (int q = 0; q < count; ++q) out[q] = first[q] + (length == 1 && is_behind(key_at(first[q]), wanted[q]));
  };
  if (right) steps([](Key a, Key b) { return a <= b; });
  else steps([](Key a, Key b) { return a < b; });
}

}  // namespace

void search_sorted(const View& sequence, const View& values, bool right, const View& out) {
  if (values.numel == 0) return;
  constexpr int together = 16;
  const std::int64_t n = sequence.size(-1), per_row = sequence.ndim == 1 ? values.numel : std::max<std::int64_t>(values.size(-1), 1);
  visit_all(values.dtype, [&]<class T>(T) {
    using Key = typename Ordered<T>::key;
    std::vector<Key> keys;  // of a sequence that all values are looked up in
    if (sequence.ndim == 1) {
      keys.resize(static_cast<std::size_t>(n));
      std::transform(sequence.as<const T>(), sequence.as<const T>() + n, keys.begin(), Ordered<T>::of);
    }
    parallel_for(values.numel, 8192, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end;) {
        const std::int64_t row = i / per_row;
        const int count = static_cast<int>(std::min<std::int64_t>({together, end - i, (row + 1) * per_row - i}));
        Key wanted[together];
        for (int q = 0; q < count; ++q) wanted[q] = Ordered<T>::of(values.as<const T>()[i + q]);
        std::int64_t* to = out.as<std::int64_t>() + i;
        if (sequence.ndim == 1) {
          search_together<together>(n, [&](std::int64_t k) { return keys[static_cast<std::size_t>(k)]; }, right, wanted, count, to);
        } else {
          search_together<together>(n, [line = sequence.as<const T>() + row * n](std::int64_t k) { return Ordered<T>::of(line[k]); }, right, wanted, count, to);
        }
        i += count;
      }
    });
  });
}

void unique_groups(const View& x, const View& order, const View& inverse, const View& first, const View& counts, const View& groups) {
  std::int64_t group = -1;
  visit_all(x.dtype, [&]<class T>(T) {
    const T* values = x.as<const T>();
    typename Ordered<T>::key last{};
    for (std::int64_t i = 0; i < x.numel; ++i) {
      const std::int64_t position = order.as<const std::int64_t>()[i];
      const auto key = Ordered<T>::of(values[position]);
      const bool nan = !std::is_integral_v<T> && key == ~decltype(key){0};
      if (i == 0 || key != last || nan) {  // NaN equals nothing, itself included
        first.as<std::int64_t>()[++group] = position;
        counts.as<std::int64_t>()[group] = 0;
      }
      ++counts.as<std::int64_t>()[group];
      inverse.as<std::int64_t>()[position] = group;
      last = key;
    }
  });
  *groups.as<std::int64_t>() = group + 1;
}

}  // namespace tasuki::kernels::cpu
