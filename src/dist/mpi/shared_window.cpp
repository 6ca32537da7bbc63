#include "src/dist/mpi/shared_window.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <new>
#include <string>
#include <thread>

#include "kernels/sum_sources.hpp"
#include "src/dist/failure.hpp"
#include "tasuki/dist/communicator.hpp"

namespace tasuki::dist {

SharedWindow::SharedWindow(MPI_Comm host, int job_rank, double timeout_seconds) : timeout_seconds_(timeout_seconds) {
  int size = 0;
  MPI_Comm_size(host, &size);
  MPI_Comm_rank(host, &rank_);
  crowded_ = std::thread::hardware_concurrency() < static_cast<unsigned>(size);
  void* mine = nullptr;
  const auto bytes = static_cast<MPI_Aint>(line_bytes + head_bytes + 2 * chunk_bytes + (rank_ == 0 ? 2 * sums_bytes : 0));
  static_assert(sizeof(Head) <= head_bytes);
  if (MPI_Win_allocate_shared(bytes, 1, MPI_INFO_NULL, host, &mine, &window_) != MPI_SUCCESS)
    TASUKI_THROW(DistributedError, "cannot share ", static_cast<std::size_t>(bytes), " bytes with the other processes of this host\nis there room in /dev/shm, or in the container's shared memory?");
  // MPI aligns to 8 bytes. The parts lie in one mapping, which begins with a page in every process, so all round up alike.
  const auto aligned = [](void* base) {
    const auto address = reinterpret_cast<std::uintptr_t>(base);
    return reinterpret_cast<void*>((address + line_bytes - 1) / line_bytes * line_bytes);
  };
  (new (aligned(mine)) Head{})->job_rank = job_rank;
  MPI_Barrier(host);
  for (int peer = 0; peer < size; ++peer) {
    MPI_Aint peer_bytes = 0;
    int unit = 0;
    void* base = nullptr;
    MPI_Win_shared_query(window_, peer, &peer_bytes, &unit, &base);
    peers_.push_back(static_cast<Head*>(aligned(base)));
  }
}

SharedWindow::~SharedWindow() { MPI_Win_free(&window_); }

namespace {
/// About 50 us: processes that do the same come at about the same time, and who gives its core away may not get it back for long.
constexpr int spins = 2000;
void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}
}  // namespace

void SharedWindow::meet() {
  const std::uint64_t number = ++meetings_;
  peers_[static_cast<std::size_t>(rank_)]->meetings.store(number, std::memory_order_release);
  const auto start = std::chrono::steady_clock::now();
  for (Head* peer : peers_)
    for (int turns = 0; peer->meetings.load(std::memory_order_acquire) < number; ++turns) {
      if (!crowded_ && turns < spins) {
        relax();
        continue;
      }
      std::this_thread::yield();
      if (turns % 256 != 255) continue;
      const std::chrono::duration<double> waited = std::chrono::steady_clock::now() - start;
      if (waited.count() > timeout_seconds_) too_late();
      check_failures();
      check_comes(*peer, number);
      if (waited.count() > 1e-3) std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
}

void SharedWindow::tell(const Progress& progress) {
  Board& board = mine().board;
  const std::size_t length = std::min(std::strlen(progress.what), std::size(board.what) - 1);
  for (std::size_t i = 0; i < length; ++i) board.what[i].store(progress.what[i], std::memory_order_relaxed);
  board.what[length].store('\0', std::memory_order_relaxed);
  board.bytes.store(progress.bytes, std::memory_order_relaxed);
  board.step.store(progress.step, std::memory_order_relaxed);
  board.operation.store(progress.operation, std::memory_order_relaxed);
  board.presence.store(progress.presence, std::memory_order_release);
}

void SharedWindow::fail(const std::string& text) {
  Board& board = mine().board;
  std::strncpy(board.error, text.c_str(), sizeof board.error - 1);
  board.failed.store(true, std::memory_order_release);
}

std::string SharedWindow::describe(const Head& peer) const {
  std::string what;
  for (const std::atomic<char>& c : peer.board.what) {
    const char letter = c.load(std::memory_order_relaxed);
    if (letter == '\0') break;
    what += letter;
  }
  const std::uint64_t operation = peer.board.operation.load(std::memory_order_relaxed);
  const std::string name = "rank " + std::to_string(peer.job_rank);
  if (operation == 0) return name + ", which has asked for nothing yet";
  return name + ", whose last is its operation " + std::to_string(operation) + ", " + what + " of " + std::to_string(peer.board.bytes.load(std::memory_order_relaxed)) + " bytes, at step " +
         std::to_string(peer.board.step.load(std::memory_order_relaxed));
}

void SharedWindow::check_failures() const {
  for (const Head* peer : peers_)
    if (peer->board.failed.load(std::memory_order_acquire)) throw DistributedError(peer->board.error);
}

void SharedWindow::check_comes(const Head& peer, std::uint64_t number) const {
  const int presence = peer.board.presence.load(std::memory_order_acquire);
  if (presence == Progress::here || peer.meetings.load(std::memory_order_acquire) >= number) return;
  const Announcement& a = mine().announced[operations_ % 2];
  const std::string text = tasuki::detail::concat({"rank ", mine().job_rank, " waits in ", static_cast<const char*>(a.what), " of ", a.count, " elements for a process that has ",
                                                   presence == Progress::failed ? "failed: " : "ended: ", describe(peer)});
  if (presence == Progress::failed) throw failure::PeerFailure(text);
  throw DistributedError(text);
}

void SharedWindow::too_late() const {
  std::string late;
  for (const Head* peer : peers_)
    if (peer->meetings.load(std::memory_order_acquire) < meetings_) late += "\n  " + describe(*peer);
  const Announcement& a = mine().announced[operations_ % 2];
  TASUKI_THROW(DistributedError, "rank ", mine().job_rank, " has waited ", timeout_seconds_, " s in ", static_cast<const char*>(a.what), " of ", a.count, " elements, as did ",
               describe(mine()), "\nwho has not come, and has ended, hangs, or does other steps:", late);
}

void SharedWindow::announce(const char* what, std::int64_t count, DType dtype) {
  // Two places in turn: nobody is a whole operation ahead of one that still compares.
  const std::size_t turn = ++operations_ % 2;
  Announcement& mine = this->mine().announced[turn];
  std::memset(&mine, 0, sizeof mine);
  std::strncpy(mine.what, what, sizeof mine.what - 1);
  mine.count = count;
  mine.dtype = dtype;
}

void SharedWindow::compare() const {
  const std::size_t turn = operations_ % 2;
  const Announcement& mine = this->mine().announced[turn];
  for (int peer = 0; peer < size(); ++peer) {
    const Announcement& other = peers_[static_cast<std::size_t>(peer)]->announced[turn];
    if (std::strncmp(mine.what, other.what, sizeof mine.what) == 0 && mine.count == other.count && mine.dtype == other.dtype) continue;
    TASUKI_THROW(DistributedError, "expected  the same operation on all processes\nactual    ", static_cast<const char*>(mine.what), " of ", mine.count, " ", mine.dtype, " on rank ",
                 this->mine().job_rank, ", ", static_cast<const char*>(other.what), " of ", other.count, " ", other.dtype, " on rank ", peers_[static_cast<std::size_t>(peer)]->job_rank,
                 "; it is operation ", static_cast<std::int64_t>(operations_), " of both\nall processes must call the same functions in the same order");
  }
}

void SharedWindow::all_reduce(void* data, std::int64_t count, DType dtype) {
  if (count == 0) return agree("all_reduce", count, dtype);
  announce("all_reduce", count, dtype);
  const auto chunk = static_cast<std::int64_t>(chunk_bytes / size_of(dtype)), chunks = (count + chunk - 1) / chunk;
  const auto length = [&](std::int64_t k) { return std::min(chunk, count - k * chunk); };
  const auto place = [&](std::int64_t k) { return static_cast<char*>(data) + static_cast<std::size_t>(k) * chunk_bytes; };
  const auto take = [&](std::int64_t k) { take_sums(place(k), length(k), dtype, static_cast<int>(k % 2)); };
  for (std::int64_t k = 0; k < chunks; ++k) {
    const int turn = static_cast<int>(k % 2);
    std::memcpy(slot(rank_, turn), place(k), static_cast<std::size_t>(length(k)) * size_of(dtype));
    meet();  // chunk k is there, and the sums of chunk k - 1
    if (k == 0) compare();
    else take(k - 1);
    sum_slice(length(k), dtype, turn);
  }
  meet();
  take(chunks - 1);
}

void SharedWindow::sum_slice(std::int64_t count, DType dtype, int turn) const {
  // Whole cache lines for each, so that no two write to the same one.
  const std::int64_t line = 64, share = (count + size() - 1) / size();
  const std::int64_t begin = std::min(count, (share * rank_ + line - 1) / line * line), end = rank_ + 1 == size() ? count : std::min(count, (share * (rank_ + 1) + line - 1) / line * line);
  std::vector<const void*> sources;
  for (int peer = 0; peer < size(); ++peer) sources.push_back(slot(peer, turn) + static_cast<std::size_t>(begin) * size_of(dtype));
  kernels::cpu::sum_sources(sources.data(), sources.size(), end - begin, dtype, sums(turn) + static_cast<std::size_t>(begin) * size_of(kernels::cpu::sum_type(dtype)));
}

void SharedWindow::take_sums(void* data, std::int64_t count, DType dtype, int turn) const {
  if (kernels::cpu::sum_type(dtype) == dtype) std::memcpy(data, sums(turn), static_cast<std::size_t>(count) * size_of(dtype));
  else kernels::cpu::round_sum(sums(turn), count, dtype, data);
}

namespace {
/// A chunk has an equal share for each process, so that all of them sum at the same time, however the bounds lie.
std::int64_t share_of_chunk(std::size_t element_bytes, int processes) {
  return std::max<std::int64_t>(1, static_cast<std::int64_t>(SharedWindow::chunk_bytes / element_bytes) / processes);
}
std::int64_t longest_part(const std::int64_t* bounds, int processes) {
  std::int64_t longest = 0;
  for (int p = 0; p < processes; ++p) longest = std::max(longest, bounds[p + 1] - bounds[p]);
  return longest;
}
}  // namespace

void SharedWindow::reduce_scatter(void* data, const std::int64_t* bounds, DType dtype) {
  const auto element = static_cast<std::int64_t>(size_of(dtype));
  const std::int64_t share = share_of_chunk(size_of(dtype), size()), longest = longest_part(bounds, size());
  const auto length = [&](int p, std::int64_t done) { return std::clamp<std::int64_t>(bounds[p + 1] - bounds[p] - done, 0, share); };
  char* const bytes = static_cast<char*>(data);
  for (std::int64_t done = 0; done < longest; done += share) {
    for (int p = 0; p < size(); ++p)
      if (const std::int64_t n = length(p, done)) std::memcpy(slot(rank_) + p * share * element, bytes + (bounds[p] + done) * element, static_cast<std::size_t>(n * element));
    meet();
    if (const std::int64_t n = length(rank_, done)) {
      std::vector<const void*> sources;
      for (int peer = 0; peer < size(); ++peer) sources.push_back(slot(peer) + rank_ * share * element);
      char* const mine = bytes + (bounds[rank_] + done) * element;
      const DType sum_type = kernels::cpu::sum_type(dtype);
      char* const sum = sum_type == dtype ? mine : sums() + rank_ * share * static_cast<std::int64_t>(size_of(sum_type));
      kernels::cpu::sum_sources(sources.data(), sources.size(), n, dtype, sum);
      if (sum_type != dtype) kernels::cpu::round_sum(sum, n, dtype, mine);
    }
    meet();  // the slots may be written again
  }
}

void SharedWindow::all_gather_parts(char* data, const std::int64_t* bounds) {
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
