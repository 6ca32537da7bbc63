// What the processes of one host do with each other's memory.
#include <algorithm>
#include <cstring>
#include <vector>

#include "kernels/sum_sources.hpp"
#include "src/dist/mpi/shared_window.hpp"

namespace tasuki::dist {

namespace {

/// Of each process, where something begins that all of them have.
template <class F>
std::vector<void*> places(int processes, const F& of) {
  std::vector<void*> list;
  for (int p = 0; p < processes; ++p) list.push_back(of(p));
  return list;
}

void sum(const std::vector<void*>& sources, std::int64_t count, DType dtype, const std::vector<void*>& destinations) {
  kernels::cpu::sum_sources(sources.data(), sources.size(), count, dtype, destinations.data(), destinations.size());
}

}  // namespace

SharedWindow::Range SharedWindow::share_of(std::int64_t count, int rank) const {
  constexpr std::int64_t line = 64;
  const std::int64_t share = (count + size() - 1) / size();
  const auto bound = [&](int r) { return r == size() ? count : std::min(count, (share * r + line - 1) / line * line); };
  return {bound(rank), bound(rank + 1)};
}

namespace {

/// A sum that goes through the slots. Nobody copies its own slice: it adds what the others have put into their slots to what it has, and
/// leaves the sum where others may take it while it puts the next chunk into its slot.
class SumByChunks {
 public:
  SumByChunks(SharedWindow& window, void* data, std::int64_t count, DType dtype)
      : window_(window), data_(static_cast<char*>(data)), count_(count), element_(static_cast<std::int64_t>(size_of(dtype))), dtype_(dtype), chunk_(static_cast<std::int64_t>(SharedWindow::chunk_bytes) / element_) {}
  std::int64_t chunks() const { return (count_ + chunk_ - 1) / chunk_; }
  void put(std::int64_t k) const {
    each_other(k, [&](int p, char* data, std::int64_t n) { std::memcpy(in_slot(k, window_.rank(), p), data, static_cast<std::size_t>(n * element_)); });
  }
  void sum(std::int64_t k) const {
    const int mine = window_.rank();
    char* const data = place(k, mine);
    const std::vector<void*> sources = places(window_.size(), [&](int p) { return p == mine ? data : in_slot(k, p, mine); });
    tasuki::dist::sum(sources, length(k, mine), dtype_, {data, summed(k, mine)});
  }
  void take(std::int64_t k) const {
    each_other(k, [&](int p, char* data, std::int64_t n) { std::memcpy(data, summed(k, p), static_cast<std::size_t>(n * element_)); });
  }

 private:
  SharedWindow::Range slice(std::int64_t k, int rank) const { return window_.share_of(std::min(chunk_, count_ - k * chunk_), rank); }
  std::int64_t length(std::int64_t k, int rank) const { return slice(k, rank).end - slice(k, rank).begin; }
  char* place(std::int64_t k, int rank) const { return data_ + (k * chunk_ + slice(k, rank).begin) * element_; }
  char* in_slot(std::int64_t k, int peer, int rank) const { return window_.slot(peer, static_cast<int>(k % 2)) + slice(k, rank).begin * element_; }
  char* summed(std::int64_t k, int rank) const { return window_.own_sums(rank, static_cast<int>(k % 2)); }
  template <class F>
  void each_other(std::int64_t k, const F& f) const {
    for (int p = 0; p < window_.size(); ++p)
      if (p != window_.rank()) f(p, place(k, p), length(k, p));
  }

  SharedWindow& window_;
  char* data_;
  std::int64_t count_, element_;
  DType dtype_;
  std::int64_t chunk_;
};

}  // namespace

/// In a region everything is read once and written once: each process sums its slice from all and writes it to all. Through the slots
/// a chunk is summed while the one before it is taken, so that the processes meet once for each.
void SharedWindow::all_reduce(void* data, std::int64_t count, DType dtype) {
  const Place place = place_of(data, static_cast<std::size_t>(count) * size_of(dtype));
  const SumByChunks chunked(*this, data, count, dtype);
  const bool ahead = count > 0 && place.region == 0;
  if (ahead) chunked.put(0);
  announce("all_reduce", count, dtype, place);
  meet();
  const Where where = compare();
  if (count == 0) return;
  if (where == Where::region) {
    const SharedRegion& region = region_at(place);
    const Range mine = share_of(count, rank_);
    const std::vector<void*> all = places(size(), [&](int p) { return region.of(p) + place.offset + mine.begin * static_cast<std::int64_t>(size_of(dtype)); });
    sum(all, mine.end - mine.begin, dtype, all);
    return meet();
  }
  if (where == Where::apart) {
    if (!ahead) chunked.put(0);
    meet();
  }
  for (std::int64_t k = 0; k < chunked.chunks(); ++k) {
    if (k > 0) {
      chunked.put(k);
      meet();  // chunk k is there, and the sums of chunk k - 1
      chunked.take(k - 1);
    }
    chunked.sum(k);
  }
  meet();
  chunked.take(chunked.chunks() - 1);
}

namespace {
/// A chunk has an equal share for each process, so that all of them sum at the same time, however the bounds lie.
std::int64_t share_of_chunk(std::size_t element_bytes, int processes) {
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(SharedWindow::chunk_bytes / element_bytes) / processes);
}
}  // namespace

void SharedWindow::reduce_scatter(void* data, const std::int64_t* bounds, DType dtype) {
  const auto element = static_cast<std::int64_t>(size_of(dtype));
  char* const bytes = static_cast<char*>(data);
  if (const SharedRegion* const region = agree("reduce_scatter", bounds[size()], dtype, data, static_cast<std::size_t>(bounds[size()] * element))) {
    const std::int64_t offset = bytes - region->begin() + bounds[rank_] * element;
    sum(places(size(), [&](int p) { return region->of(p) + offset; }), bounds[rank_ + 1] - bounds[rank_], dtype, {region->begin() + offset});
    return meet();
  }
  const std::int64_t share = share_of_chunk(size_of(dtype), size()), longest = longest_part(bounds, size());
  const auto length = [&](int p, std::int64_t done) { return std::clamp<std::int64_t>(bounds[p + 1] - bounds[p] - done, 0, share); };
  for (std::int64_t done = 0; done < longest; done += share) {
    for (int p = 0; p < size(); ++p)
      if (const std::int64_t n = length(p, done); n && p != rank_) std::memcpy(slot(rank_) + p * share * element, bytes + (bounds[p] + done) * element, static_cast<std::size_t>(n * element));
    meet();
    if (const std::int64_t n = length(rank_, done)) {
      char* const mine = bytes + (bounds[rank_] + done) * element;
      sum(places(size(), [&](int p) { return p == rank_ ? mine : slot(p) + rank_ * share * element; }), n, dtype, {mine});
    }
    meet();  // the slots may be written again
  }
}

void SharedWindow::all_gather_parts(char* data, const std::int64_t* bounds) {
  if (const SharedRegion* const region = agree("all_gather", bounds[size()], DType::u8, data, static_cast<std::size_t>(bounds[size()]))) {
    const std::int64_t offset = data - region->begin();
    for (int p = 0; p < size(); ++p)
      if (p != rank_) std::memcpy(data + bounds[p], region->of(p) + offset + bounds[p], static_cast<std::size_t>(bounds[p + 1] - bounds[p]));
    return meet();
  }
  const auto share = static_cast<std::int64_t>(chunk_bytes);
  const std::int64_t longest = longest_part(bounds, size());
  const auto length = [&](int p, std::int64_t done) { return static_cast<std::size_t>(std::clamp<std::int64_t>(bounds[p + 1] - bounds[p] - done, 0, share)); };
  for (std::int64_t done = 0; done < longest; done += share) {
    if (const std::size_t n = length(rank_, done)) std::memcpy(slot(rank_), data + bounds[rank_] + done, n);
    meet();
    for (int peer = 0; peer < size(); ++peer)
      if (const std::size_t n = length(peer, done); n && peer != rank_) std::memcpy(data + bounds[peer] + done, slot(peer), n);
    meet();
  }
}

}  // namespace tasuki::dist
