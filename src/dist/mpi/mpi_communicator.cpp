#include <mpi.h>

#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "src/dist/back_end.hpp"
#include "src/dist/first_difference.hpp"
#include "src/dist/library_version.hpp"
#include "src/dist/mpi/between_hosts.hpp"

namespace tasuki::dist {

namespace {

/// MPI counts in int.
template <class F>
void in_pieces(std::size_t bytes, const F& f) {
  for (std::size_t begin = 0; begin < bytes; begin += INT_MAX) f(begin, static_cast<int>(bytes - begin < INT_MAX ? bytes - begin : INT_MAX));
}

/// Open MPI learns of the other processes from what its mpirun, or a batch system that it knows, has put into the environment. Without that
/// it makes a job of this process alone, starts a daemon of its own for it, and where that is not installed ends the program.
bool may_know_the_others() {
#ifdef OPEN_MPI
  constexpr const char* from_launchers[] = {"PMIX_NAMESPACE", "SLURM_JOB_ID", "SLURM_JOBID", "FLUX_JOB_ID", "ALPS_APP_PE"};
  return std::any_of(std::begin(from_launchers), std::end(from_launchers), [](const char* variable) { return std::getenv(variable); });
#else
  return true;
#endif
}

void check_size(int announced, int size) {
  if (size == announced) return;
  char version[MPI_MAX_LIBRARY_VERSION_STRING] = "";
  int length = 0;
  MPI_Get_library_version(version, &length);
  version[std::strcspn(version, ",\n")] = '\0';
  TASUKI_THROW(DistributedError, "expected  the ", announced, " processes that the launcher announces\nactual    ", size, "\nthe MPI that the program is built with, ", static_cast<const char*>(version),
               ", does not know this launcher: take the mpirun that belongs to it; with Slurm, srun --mpi=pmix, or mpirun inside sbatch");
}

/// MPI between hosts, shared memory within. On each host process 0 of its window speaks for the others.
class MpiCommunicator final : public Communicator {
 public:
  MpiCommunicator(int* argc, char*** argv, int announced, double timeout_seconds) {
    int up = 0;
    MPI_Initialized(&up);
    if (!up) {
      if (announced > 1 && !may_know_the_others()) check_size(announced, 1);
      // The thread that makes the communicator, and then the communication thread: never both at once.
      int provided = 0;
      MPI_Init_thread(argc, argv, MPI_THREAD_SERIALIZED, &provided);
      ours_ = true;
      if (provided < MPI_THREAD_SERIALIZED) TASUKI_THROW(DistributedError, "this MPI does not allow calls from a thread of their own (MPI_THREAD_SERIALIZED)");
    }
    MPI_Comm_dup(MPI_COMM_WORLD, &all_);
    MPI_Comm_rank(all_, &rank_);
    MPI_Comm_size(all_, &size_);
    try {
      check_size(announced, size_);
      check_versions();
    } catch (...) {
      MPI_Comm_free(&all_);
      if (ours_) MPI_Finalize();
      throw;
    }
    MPI_Comm shared;
    MPI_Comm_split_type(all_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &shared);
    // Tests have several hosts on one.
    const char* text = std::getenv("TASUKI_DIST_HOST_SIZE");
    const int host_size = text ? std::atoi(text) : 0;
    int place = 0;
    MPI_Comm_rank(shared, &place);
    MPI_Comm_split(shared, host_size > 0 ? place / host_size : 0, rank_, &host_);
    MPI_Comm_free(&shared);
    window_ = std::make_unique<SharedWindow>(host_, rank_, timeout_seconds);
    MPI_Comm_split(all_, window_->rank() == 0 ? 0 : MPI_UNDEFINED, rank_, &leaders_);
    int hosts = window_->rank() == 0 ? 1 : 0;
    MPI_Allreduce(&hosts, &hosts_, 1, MPI_INT, MPI_SUM, all_);
    requests_ = std::make_unique<Requests>(*window_, timeout_seconds, hosts_ > 1 ? "hosts" : "processes");
    if (hosts_ == 1) return;
    int host = 0;
    if (leaders_ != MPI_COMM_NULL) MPI_Comm_rank(leaders_, &host);
    MPI_Bcast(&host, 1, MPI_INT, 0, host_);
    std::vector<int> host_of(static_cast<std::size_t>(size_));
    MPI_Allgather(&host, 1, MPI_INT, host_of.data(), 1, MPI_INT, all_);
    between_ = std::make_unique<BetweenHosts>(*window_, *requests_, leaders_, std::move(host_of), rank_);
  }
  ~MpiCommunicator() override {
    window_.reset();
    if (leaders_ != MPI_COMM_NULL) MPI_Comm_free(&leaders_);
    MPI_Comm_free(&host_);
    MPI_Comm_free(&all_);
    if (ours_) MPI_Finalize();
  }

  int rank() const override { return rank_; }
  int size() const override { return size_; }
  int local_rank() const override { return window_->rank(); }
  int local_size() const override { return window_->size(); }
  std::string description() const override {
    return hosts_ == 1 ? "MPI with shared memory on one host" : "MPI between " + std::to_string(hosts_) + " hosts, shared memory within";
  }

  void all_reduce(void* data, std::int64_t count, DType dtype) override {
    if (!between_) return window_->all_reduce(data, count, dtype);
    const SharedRegion* const region = agree("all_reduce", count, dtype, data, static_cast<std::size_t>(count) * size_of(dtype));
    between_->all_reduce(region, data, count, dtype);
  }
  void broadcast(void* data, std::size_t bytes, int root) override {
    agree("broadcast", static_cast<std::int64_t>(bytes), DType::u8);
    in_pieces(bytes, [&](std::size_t begin, int piece) {
      requests_->complete("broadcast", [&](MPI_Request* request) { MPI_Ibcast(static_cast<char*>(data) + begin, piece, MPI_BYTE, root, all_, request); });
    });
  }
  void all_gather(const void* mine, std::size_t bytes, void* all) override {
    agree("all_gather", static_cast<std::int64_t>(bytes), DType::u8);
    if (bytes > INT_MAX) TASUKI_THROW(DistributedError, "expected  at most ", INT_MAX, " bytes of each process to gather\nactual    ", bytes);
    requests_->complete("all_gather", [&](MPI_Request* request) { MPI_Iallgather(mine, static_cast<int>(bytes), MPI_BYTE, all, static_cast<int>(bytes), MPI_BYTE, all_, request); });
  }
  void reduce_scatter(void* data, const std::int64_t* bounds, DType dtype) override {
    if (!between_) return window_->reduce_scatter(data, bounds, dtype);
    agree("reduce_scatter", bounds[size_], dtype);
    between_->reduce_scatter(data, bounds, dtype);
  }
  void all_gather_parts(void* data, const std::int64_t* bounds) override {
    if (!between_) return window_->all_gather_parts(static_cast<char*>(data), bounds);
    agree("all_gather", bounds[size_], DType::u8);
    between_->all_gather_parts(data, bounds);
  }
  void send(const void* data, std::size_t bytes, int to) override {
    in_pieces(bytes, [&](std::size_t begin, int piece) {
      requests_->complete("send", [&](MPI_Request* request) { MPI_Isend(static_cast<const char*>(data) + begin, piece, MPI_BYTE, to, 0, all_, request); });
    });
  }
  void receive(void* data, std::size_t bytes, int from) override {
    in_pieces(bytes, [&](std::size_t begin, int piece) {
      requests_->complete("receive", [&](MPI_Request* request) { MPI_Irecv(static_cast<char*>(data) + begin, piece, MPI_BYTE, from, 0, all_, request); });
    });
  }
  void barrier() override {
    agree("barrier", 0, DType::u8);
    requests_->complete("barrier", [&](MPI_Request* request) { MPI_Ibarrier(all_, request); });
  }
  void share(void* begin, std::size_t bytes) override { window_->share(begin, bytes); }
  void unshare(void* begin) noexcept override { window_->unshare(begin); }
  void tell(const Progress& progress) override { window_->tell(progress); }
  [[noreturn]] void abort(int code) override {
    MPI_Abort(all_, code);
    std::abort();
  }

 private:
  /// Ahead of everything that versions may do in different ways.
  void check_versions() const {
    constexpr std::size_t longest = 64;
    char mine[longest] = {};
    std::snprintf(mine, longest, "%s", library_version());
    std::vector<char> all(longest * static_cast<std::size_t>(size_));
    MPI_Allgather(mine, longest, MPI_CHAR, all.data(), longest, MPI_CHAR, all_);
    std::vector<std::string> versions;
    for (std::size_t r = 0; r < static_cast<std::size_t>(size_); ++r) versions.emplace_back(all.data() + r * longest);
    if (const std::string difference = first_difference(versions); !difference.empty())
      TASUKI_THROW(DistributedError, "expected  the same version of Tasuki on all processes\n", difference, "\nbuild the program of each host with one version");
  }
  /// All processes of the job came for the same operation; else each of them throws DistributedError.
  const SharedRegion* agree(const char* what, std::int64_t count, DType dtype, const void* data = nullptr, std::size_t bytes = 0) {
    const SharedRegion* const region = window_->agree(what, count, dtype, data, bytes);
    if (leaders_ != MPI_COMM_NULL && hosts_ > 1) agree_between_hosts(what, count, dtype);
    return region;
  }
  void agree_between_hosts(const char* what, std::int64_t count, DType dtype) {
    char mine[96] = "";
    std::snprintf(mine, sizeof mine, "%s of %lld %s", what, static_cast<long long>(count), name_of(dtype));
    std::uint64_t hash = 14695981039346656037u;  // FNV-1a
    for (const char c : mine) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
    std::uint64_t extremes[2] = {hash, ~hash};
    requests_->complete(what, [&](MPI_Request* request) { MPI_Iallreduce(MPI_IN_PLACE, extremes, 2, MPI_UINT64_T, MPI_MAX, leaders_, request); });
    if (extremes[0] == ~extremes[1]) return;
    std::vector<char> all(sizeof mine * static_cast<std::size_t>(hosts_));
    requests_->complete(what, [&](MPI_Request* request) { MPI_Iallgather(mine, sizeof mine, MPI_BYTE, all.data(), sizeof mine, MPI_BYTE, leaders_, request); });
    std::string text = "expected  the same operation on all hosts\nactual    ";
    for (int host = 0; host < hosts_; ++host) text += (host ? ", " : "") + std::string(&all[sizeof mine * static_cast<std::size_t>(host)]) + " on host " + std::to_string(host);
    requests_->fail(text + "\nall processes must call the same functions in the same order");
  }

  MPI_Comm all_ = MPI_COMM_NULL, host_ = MPI_COMM_NULL, leaders_ = MPI_COMM_NULL;
  std::unique_ptr<SharedWindow> window_;
  std::unique_ptr<Requests> requests_;
  std::unique_ptr<BetweenHosts> between_;  ///< null on one host
  int rank_ = 0, size_ = 1, hosts_ = 1;
  bool ours_ = false;
};

}  // namespace
}  // namespace tasuki::dist

extern "C" tasuki::dist::Communicator* tasuki_mpi_communicator(int* argc, char*** argv, int announced, double timeout_seconds) {
  return new tasuki::dist::MpiCommunicator(argc, argv, announced, timeout_seconds);
}
