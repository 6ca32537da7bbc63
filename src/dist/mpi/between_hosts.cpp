#include "src/dist/mpi/between_hosts.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "kernels/sum_sources.hpp"

namespace tasuki::dist {

namespace {

using kernels::cpu::sum_type;

MPI_Datatype type_of(DType dtype) {
  switch (dtype) {
    case DType::f32: return MPI_FLOAT;
    case DType::f64: return MPI_DOUBLE;
    case DType::i64: return MPI_INT64_T;
    case DType::i32: return MPI_INT32_T;
    default: return MPI_BYTE;
  }
}

std::int64_t bytes_of(DType dtype) { return static_cast<std::int64_t>(size_of(dtype)); }
std::int64_t pieces(std::int64_t count, std::int64_t of) { return (count + of - 1) / of; }

}  // namespace

BetweenHosts::BetweenHosts(SharedWindow& window, const Requests& requests, MPI_Comm leaders, std::vector<int> host_of, int rank)
    : window_(window), requests_(requests), leaders_(leaders), host_of_(std::move(host_of)), by_host_(host_of_.size()), rank_(rank), host_(host_of_[static_cast<std::size_t>(rank)]),
      hosts_(1 + *std::max_element(host_of_.begin(), host_of_.end())) {
  std::iota(by_host_.begin(), by_host_.end(), 0);
  std::stable_sort(by_host_.begin(), by_host_.end(), [&](int a, int b) { return host_of_[static_cast<std::size_t>(a)] < host_of_[static_cast<std::size_t>(b)]; });
}

template <class Fill, class Lead, class Take>
void BetweenHosts::pipeline(std::int64_t steps, std::int64_t lag, const Fill& fill, const Lead& lead, const Take& take) {
  for (std::int64_t k = 0; k < steps + lag; ++k) {
    if (k < steps) fill(k);
    window_.meet();
    if (window_.rank() == 0) lead(k);
    window_.meet();
    if (k >= lag) take(k - lag);
  }
}

// ---- what leaders do

BetweenHosts::Sections BetweenHosts::even(std::int64_t count) const {
  constexpr std::int64_t line = 16;
  const std::int64_t share = (count + hosts_ * line - 1) / (hosts_ * line) * line;
  Sections s;
  for (std::int64_t h = 0; h < hosts_; ++h) {
    const std::int64_t begin = std::min(count, h * share);
    s.begins.push_back(static_cast<int>(begin));
    s.counts.push_back(static_cast<int>(std::min(count, begin + share) - begin));
  }
  return s;
}

void BetweenHosts::send_sections(std::int64_t step, char* sums, Sections sections, DType dtype) {
  UnderWay& u = under_way(step);
  const auto me = static_cast<std::size_t>(host_);
  u.sums = sums;
  u.sections = std::move(sections);
  u.sent = u.sections;
  u.sent.counts[me] = 0;
  u.received.counts.assign(static_cast<std::size_t>(hosts_), u.sections.counts[me]);
  u.received.counts[me] = 0;
  u.received.begins.clear();
  for (int h = 0; h < hosts_; ++h) u.received.begins.push_back(h * u.sections.counts[me]);
  u.parts.resize(static_cast<std::size_t>(hosts_ * u.sections.counts[me] * bytes_of(dtype)));
  MPI_Ialltoallv(sums, u.sent.counts.data(), u.sent.begins.data(), type_of(dtype), u.parts.data(), u.received.counts.data(), u.received.begins.data(), type_of(dtype), leaders_, &u.request);
}

void BetweenHosts::sum_section(std::int64_t step, DType dtype) {
  UnderWay& u = under_way(step);
  requests_.wait("all_reduce", u.request);
  const auto me = static_cast<std::size_t>(host_);
  char* const mine = u.sums + u.sections.begins[me] * bytes_of(dtype);
  std::vector<const void*> sources;
  for (std::size_t h = 0; h < static_cast<std::size_t>(hosts_); ++h) sources.push_back(h == me ? mine : u.parts.data() + u.received.begins[h] * bytes_of(dtype));
  kernels::cpu::sum_sources_wide(sources.data(), sources.size(), u.sections.counts[me], dtype, mine);
}

void BetweenHosts::gather_sections(std::int64_t step, DType dtype) {
  UnderWay& u = under_way(step);
  MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, u.sums, u.sections.counts.data(), u.sections.begins.data(), type_of(dtype), leaders_, &u.request);
}

// ---- what all do

void BetweenHosts::all_reduce(const SharedRegion* region, void* data, std::int64_t count, DType dtype) {
  const DType wide = sum_type(dtype);
  const bool alone = window_.size() == 1, in_place = wide == dtype && (region || alone);
  const std::int64_t element = bytes_of(dtype), chunk = static_cast<std::int64_t>(SharedWindow::chunk_bytes) / element, steps = pieces(count, chunk);
  char* const mine = static_cast<char*>(data);
  const std::int64_t offset = region ? mine - region->begin() : 0;
  const auto length = [&](std::int64_t k) { return std::min(chunk, count - k * chunk); };
  const auto sums = [&](std::int64_t k) {
    if (!in_place) return window_.sums(static_cast<int>(k % SharedWindow::sums_turns));
    return (alone ? mine : region->of(0) + offset) + k * chunk * element;
  };
  const auto fill = [&](std::int64_t k) {
    if (in_place && alone) return;
    const int turn = static_cast<int>(k % 2);
    if (!in_place) {
      std::memcpy(window_.slot(window_.rank(), turn), mine + k * chunk * element, static_cast<std::size_t>(length(k) * element));
      window_.meet();
    }
    const SharedWindow::Range slice = window_.share_of(length(k), window_.rank());
    std::vector<const void*> sources;
    for (int p = 0; p < window_.size(); ++p) sources.push_back((in_place ? region->of(p) + offset + k * chunk * element : window_.slot(p, turn)) + slice.begin * element);
    kernels::cpu::sum_sources_wide(sources.data(), sources.size(), slice.end - slice.begin, dtype, sums(k) + slice.begin * bytes_of(wide));
  };
  const auto lead = [&](std::int64_t k) {
    if (k >= 1 && k <= steps) {
      sum_section(k - 1, wide);
      gather_sections(k - 1, wide);
    }
    if (k < steps) send_sections(k, sums(k), even(length(k)), wide);
    if (k >= 2) requests_.wait("all_reduce", under_way(k - 2).request);
  };
  const auto take = [&](std::int64_t k) {
    char* const to = mine + k * chunk * element;
    if (sums(k) != to) kernels::cpu::round_sum(sums(k), length(k), dtype, to);
  };
  pipeline(steps, 2, fill, lead, take);
  if (in_place) window_.meet();  // the leader's memory is its own again
}

BetweenHosts::Packed BetweenHosts::pack(const std::int64_t* bounds, std::int64_t done, std::int64_t share) const {
  Packed p;
  p.begins.resize(by_host_.size());
  p.counts.resize(by_host_.size());
  p.sections.begins.assign(static_cast<std::size_t>(hosts_), 0);
  p.sections.counts.assign(static_cast<std::size_t>(hosts_), 0);
  for (const int rank : by_host_) {
    const auto r = static_cast<std::size_t>(rank), host = static_cast<std::size_t>(host_of_[r]);
    p.begins[r] = p.total;
    p.counts[r] = std::clamp<std::int64_t>(bounds[r + 1] - bounds[r] - done, 0, share);
    if (p.sections.counts[host] == 0) p.sections.begins[host] = static_cast<int>(p.total);
    p.sections.counts[host] += static_cast<int>(p.counts[r]);
    p.total += p.counts[r];
  }
  return p;
}

void BetweenHosts::reduce_scatter(void* data, const std::int64_t* bounds, DType dtype) {
  const DType wide = sum_type(dtype);
  const std::int64_t element = bytes_of(dtype), processes = static_cast<std::int64_t>(by_host_.size());
  const std::int64_t share = std::max<std::int64_t>(1, static_cast<std::int64_t>(SharedWindow::chunk_bytes) / element / processes);
  const auto packed = [&](std::int64_t k) { return pack(bounds, k * share, share); };
  const auto at = [&](std::int64_t k, std::size_t r) { return static_cast<char*>(data) + (bounds[r] + k * share) * element; };
  const auto sums = [&](std::int64_t k) { return window_.sums(static_cast<int>(k % SharedWindow::sums_turns)); };
  const auto me = static_cast<std::size_t>(rank_);
  const auto fill = [&](std::int64_t k) {
    const Packed p = packed(k);
    const int turn = static_cast<int>(k % 2);
    for (std::size_t r = 0; r < by_host_.size(); ++r)
      if (p.counts[r]) std::memcpy(window_.slot(window_.rank(), turn) + p.begins[r] * element, at(k, r), static_cast<std::size_t>(p.counts[r] * element));
    window_.meet();
    const SharedWindow::Range slice = window_.share_of(p.total, window_.rank());
    std::vector<const void*> sources;
    for (int peer = 0; peer < window_.size(); ++peer) sources.push_back(window_.slot(peer, turn) + slice.begin * element);
    kernels::cpu::sum_sources_wide(sources.data(), sources.size(), slice.end - slice.begin, dtype, sums(k) + slice.begin * bytes_of(wide));
  };
  const std::int64_t steps = pieces(longest_part(bounds, static_cast<int>(by_host_.size())), share);
  const auto lead = [&](std::int64_t k) {
    if (k < steps) send_sections(k, sums(k), packed(k).sections, wide);
    if (k >= 1) sum_section(k - 1, wide);
  };
  const auto take = [&](std::int64_t k) {
    const Packed p = packed(k);
    if (p.counts[me]) kernels::cpu::round_sum(sums(k) + p.begins[me] * bytes_of(wide), p.counts[me], dtype, at(k, me));
  };
  pipeline(steps, 1, fill, lead, take);
}

void BetweenHosts::all_gather_parts(void* data, const std::int64_t* bounds) {
  const std::int64_t share = std::max<std::int64_t>(1, static_cast<std::int64_t>(SharedWindow::chunk_bytes) / static_cast<std::int64_t>(by_host_.size()));
  const auto packed = [&](std::int64_t k) { return pack(bounds, k * share, share); };
  const auto at = [&](std::int64_t k, std::size_t r) { return static_cast<char*>(data) + bounds[r] + k * share; };
  const auto all = [&](std::int64_t k) { return window_.sums(static_cast<int>(k % SharedWindow::sums_turns)); };
  const auto me = static_cast<std::size_t>(rank_);
  const auto fill = [&](std::int64_t k) {
    const Packed p = packed(k);
    if (p.counts[me]) std::memcpy(all(k) + p.begins[me], at(k, me), static_cast<std::size_t>(p.counts[me]));
  };
  const std::int64_t steps = pieces(longest_part(bounds, static_cast<int>(by_host_.size())), share);
  const auto lead = [&](std::int64_t k) {
    if (k < steps) {
      under_way(k).sums = all(k);
      under_way(k).sections = packed(k).sections;
      gather_sections(k, DType::u8);
    }
    if (k >= 1) requests_.wait("all_gather", under_way(k - 1).request);
  };
  const auto take = [&](std::int64_t k) {
    const Packed p = packed(k);
    for (std::size_t r = 0; r < by_host_.size(); ++r)
      if (r != me && p.counts[r]) std::memcpy(at(k, r), all(k) + p.begins[r], static_cast<std::size_t>(p.counts[r]));
  };
  pipeline(steps, 1, fill, lead, take);
}

}  // namespace tasuki::dist
