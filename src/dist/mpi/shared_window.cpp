#include "src/dist/mpi/shared_window.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <new>
#include <string>
#include <thread>

#include "src/dist/failure.hpp"
#include "src/dist/patience.hpp"
#include "tasuki/dist/communicator.hpp"

namespace tasuki::dist {

SharedWindow::SharedWindow(MPI_Comm host, int job_rank, double timeout_seconds) : timeout_seconds_(timeout_seconds) {
  MPI_Comm_size(host, &size_);
  MPI_Comm_rank(host, &rank_);
  crowded_ = std::thread::hardware_concurrency() < static_cast<unsigned>(size_);
  void* mine = nullptr;
  const auto bytes = static_cast<MPI_Aint>(line_bytes + head_bytes + 2 * chunk_bytes + 2 * own_sums_bytes() + (rank_ == 0 ? sums_turns * sums_bytes : 0));
  static_assert(sizeof(Head) <= head_bytes);
  MPI_Errhandler before;
  MPI_Comm_get_errhandler(host, &before);
  MPI_Comm_set_errhandler(host, MPI_ERRORS_RETURN);  // MPI's own would end the job, and not say what to do
  const int result = MPI_Win_allocate_shared(bytes, 1, MPI_INFO_NULL, host, &mine, &window_);
  MPI_Comm_set_errhandler(host, before);
  MPI_Errhandler_free(&before);
  if (result != MPI_SUCCESS)
    TASUKI_THROW(DistributedError, "cannot share ", static_cast<std::size_t>(bytes), " bytes with the other processes of this host\nis there room in /dev/shm, or in the container's shared memory?");
  // MPI aligns to 8 bytes. The parts lie in one mapping, which begins with a page in every process, so all round up alike.
  const auto aligned = [](void* base) {
    const auto address = reinterpret_cast<std::uintptr_t>(base);
    return reinterpret_cast<void*>((address + line_bytes - 1) / line_bytes * line_bytes);
  };
  (new (aligned(mine)) Head{})->job_rank = job_rank;
  MPI_Barrier(host);
  for (int peer = 0; peer < size_; ++peer) {
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
  Patience patience;
  for (Head* peer : peers_)
    for (int turns = 0; peer->meetings.load(std::memory_order_acquire) < number; ++turns) {
      if (!crowded_ && turns < spins) {
        relax();
        continue;
      }
      std::this_thread::yield();
      if (turns % 256 != 255) continue;
      const double waited = patience.seconds();
      if (waited > timeout_seconds_) too_late();
      check_failures();
      check_comes(*peer, number);
      if (waited > 1e-3) std::this_thread::sleep_for(std::chrono::microseconds(50));
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
  TASUKI_THROW(DistributedError, "rank ", mine().job_rank, " has waited ", timeout_seconds_, " s in ", static_cast<const char*>(a.what), " of ", a.count, " elements\nit is ", describe(mine()), "\nwho has not come, and has ended, hangs, or does other steps:", late);
}

void SharedWindow::announce(const char* what, std::int64_t count, DType dtype, const Place& place) {
  // Two places in turn: nobody is a whole operation ahead of one that still compares.
  const std::size_t turn = ++operations_ % 2;
  Announcement& mine = this->mine().announced[turn];
  std::strncpy(mine.what, what, sizeof mine.what - 1);
  mine.count = count;
  mine.dtype = dtype;
  mine.place = place;
}

SharedWindow::Where SharedWindow::compare() const {
  const std::size_t turn = operations_ % 2;
  const Announcement& mine = this->mine().announced[turn];
  bool same = true, none = true;
  for (int peer = 0; peer < size(); ++peer) {
    const Announcement& other = peers_[static_cast<std::size_t>(peer)]->announced[turn];
    same = same && other.place.region == mine.place.region && other.place.offset == mine.place.offset;
    none = none && other.place.region == 0;
    if (std::strncmp(mine.what, other.what, sizeof mine.what) == 0 && mine.count == other.count && mine.dtype == other.dtype) continue;
    TASUKI_THROW(DistributedError, "expected  the same operation on all processes\nactual    ", static_cast<const char*>(mine.what), " of ", mine.count, " ", mine.dtype, " on rank ",
                 this->mine().job_rank, ", ", static_cast<const char*>(other.what), " of ", other.count, " ", other.dtype, " on rank ", peers_[static_cast<std::size_t>(peer)]->job_rank,
                 "\nall processes must call the same functions in the same order");
  }
  return none ? Where::window : same ? Where::region : Where::apart;
}

const SharedRegion* SharedWindow::agree(const char* what, std::int64_t count, DType dtype, const void* data, std::size_t bytes) {
  const Place place = place_of(data, bytes);
  announce(what, count, dtype, place);
  meet();
  return compare() == Where::region ? &region_at(place) : nullptr;
}

const SharedRegion& SharedWindow::region_at(const Place& place) const {
  return std::find_if(regions_.begin(), regions_.end(), [&](const auto& r) { return r.first == place.region; })->second;
}

SharedWindow::Place SharedWindow::place_of(const void* data, std::size_t bytes) const {
  if (bytes > 0)
    for (const auto& [number, region] : regions_)
      if (region.contains(data, bytes)) return {number, static_cast<const char*>(data) - region.begin()};
  return {};
}

void SharedWindow::share(void* begin, std::size_t bytes) {
  agree("share", static_cast<std::int64_t>(bytes), DType::u8);
  const std::int64_t number = ++last_region_;
  if (size() == 1 || bytes == 0) return;
  SharedRegion region(begin, bytes);
  const SharedRegion::Offer offer = region.offer();
  std::memcpy(slot(rank_), &offer, sizeof offer);
  meet();
  std::vector<SharedRegion::Offer> offers(peers_.size());
  for (int peer = 0; peer < size(); ++peer) std::memcpy(&offers[static_cast<std::size_t>(peer)], slot(peer), sizeof offer);
  *slot(rank_, 1) = region.reach(offers, rank_) ? 1 : 0;
  meet();
  bool all = true;
  for (int peer = 0; peer < size(); ++peer) all = all && *slot(peer, 1) == 1;
  if (all) region.move_in();
  meet();
  if (all) regions_.emplace_back(number, std::move(region));
}

void SharedWindow::unshare(void* begin) noexcept {
  std::erase_if(regions_, [begin](const auto& r) { return r.second.begin() == begin; });
}

}  // namespace tasuki::dist
