#include <mpi.h>

#include <chrono>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "kernels/sum_sources.hpp"
#include "src/dist/back_end.hpp"
#include "src/dist/mpi/shared_window.hpp"

namespace tasuki::dist {

namespace {

MPI_Datatype type_of(DType dtype) {
  switch (dtype) {
    case DType::f32: return MPI_FLOAT;
    case DType::f64: return MPI_DOUBLE;
    case DType::i64: return MPI_INT64_T;
    case DType::i32: return MPI_INT32_T;
    default: TASUKI_THROW(DTypeError, "MPI does not sum ", dtype);
  }
}

/// MPI counts in int.
template <class F>
void in_pieces(std::size_t bytes, const F& f) {
  for (std::size_t begin = 0; begin < bytes; begin += INT_MAX) f(begin, static_cast<int>(bytes - begin < INT_MAX ? bytes - begin : INT_MAX));
}

/// MPI between hosts, shared memory within. On each host process 0 of its window speaks for the others.
class MpiCommunicator final : public Communicator {
 public:
  MpiCommunicator(int* argc, char*** argv, double timeout_seconds) : timeout_seconds_(timeout_seconds) {
    int up = 0;
    MPI_Initialized(&up);
    if (!up) {
      // The thread that makes the communicator, and then the communication thread: never both at once.
      int provided = 0;
      MPI_Init_thread(argc, argv, MPI_THREAD_SERIALIZED, &provided);
      ours_ = true;
      if (provided < MPI_THREAD_SERIALIZED) TASUKI_THROW(DistributedError, "this MPI does not allow calls from a thread of their own (MPI_THREAD_SERIALIZED)");
    }
    MPI_Comm_dup(MPI_COMM_WORLD, &all_);
    MPI_Comm_rank(all_, &rank_);
    MPI_Comm_size(all_, &size_);
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
    if (hosts_ == 1) return window_->all_reduce(data, count, dtype);
    agree("all_reduce", count, dtype);
    struct Between {
      const MpiCommunicator& of;
      DType dtype;
      void operator()(void* sum, std::int64_t elements) const {
        of.complete("all_reduce", [&](MPI_Request* request) {
          MPI_Iallreduce(MPI_IN_PLACE, sum, static_cast<int>(elements), type_of(kernels::cpu::sum_type(dtype)), MPI_SUM, of.leaders_, request);
        });
      }
    };
    window_->all_reduce(data, count, dtype, Between{*this, dtype});
  }
  void broadcast(void* data, std::size_t bytes, int root) override {
    agree("broadcast", static_cast<std::int64_t>(bytes), DType::u8);
    in_pieces(bytes, [&](std::size_t begin, int piece) {
      complete("broadcast", [&](MPI_Request* request) { MPI_Ibcast(static_cast<char*>(data) + begin, piece, MPI_BYTE, root, all_, request); });
    });
  }
  void all_gather(const void* mine, std::size_t bytes, void* all) override {
    agree("all_gather", static_cast<std::int64_t>(bytes), DType::u8);
    if (bytes > INT_MAX) TASUKI_THROW(DistributedError, "expected  at most ", INT_MAX, " bytes of each process to gather\nactual    ", bytes);
    complete("all_gather", [&](MPI_Request* request) { MPI_Iallgather(mine, static_cast<int>(bytes), MPI_BYTE, all, static_cast<int>(bytes), MPI_BYTE, all_, request); });
  }
  void reduce_scatter(void* data, const std::int64_t* bounds, DType dtype) override {
    if (hosts_ > 1) return Communicator::reduce_scatter(data, bounds, dtype);
    agree("reduce_scatter", bounds[size_], dtype);
    window_->reduce_scatter(data, bounds, dtype);
  }
  void all_gather_parts(void* data, const std::int64_t* bounds) override {
    if (hosts_ > 1) return Communicator::all_gather_parts(data, bounds);
    agree("all_gather", bounds[size_], DType::u8);
    window_->all_gather_parts(static_cast<char*>(data), bounds);
  }
  void send(const void* data, std::size_t bytes, int to) override {
    in_pieces(bytes, [&](std::size_t begin, int piece) {
      complete("send", [&](MPI_Request* request) { MPI_Isend(static_cast<const char*>(data) + begin, piece, MPI_BYTE, to, 0, all_, request); });
    });
  }
  void receive(void* data, std::size_t bytes, int from) override {
    in_pieces(bytes, [&](std::size_t begin, int piece) {
      complete("receive", [&](MPI_Request* request) { MPI_Irecv(static_cast<char*>(data) + begin, piece, MPI_BYTE, from, 0, all_, request); });
    });
  }
  void barrier() override {
    agree("barrier", 0, DType::u8);
    complete("barrier", [&](MPI_Request* request) { MPI_Ibarrier(all_, request); });
  }
  void tell(const Progress& progress) override { window_->tell(progress); }
  [[noreturn]] void abort(int code) override {
    MPI_Abort(all_, code);
    std::abort();
  }

 private:
  /// All processes of the job came for the same operation; else each of them throws DistributedError.
  void agree(const char* what, std::int64_t count, DType dtype) {
    window_->agree(what, count, dtype);
    if (hosts_ == 1 || window_->rank() != 0) return;
    char mine[96] = "";
    std::snprintf(mine, sizeof mine, "%s of %lld %s", what, static_cast<long long>(count), name_of(dtype));
    std::uint64_t hash = 14695981039346656037u;  // FNV-1a
    for (const char c : mine) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
    std::uint64_t extremes[2] = {hash, ~hash};
    complete(what, [&](MPI_Request* request) { MPI_Iallreduce(MPI_IN_PLACE, extremes, 2, MPI_UINT64_T, MPI_MAX, leaders_, request); });
    if (extremes[0] == ~extremes[1]) return;
    std::vector<char> all(sizeof mine * static_cast<std::size_t>(hosts_));
    complete(what, [&](MPI_Request* request) { MPI_Iallgather(mine, sizeof mine, MPI_BYTE, all.data(), sizeof mine, MPI_BYTE, leaders_, request); });
    std::string text = "expected  the same operation on all hosts\nactual    ";
    for (int host = 0; host < hosts_; ++host) text += (host ? ", " : "") + std::string(&all[sizeof mine * static_cast<std::size_t>(host)]) + " on host " + std::to_string(host);
    fail(text + "\nall processes must call the same functions in the same order");
  }

  /// Starts a request, and looks after it until it is done or the deadline is over.
  template <class Start>
  void complete(const char* what, const Start& start_request) const {
    MPI_Request request = MPI_REQUEST_NULL;
    start_request(&request);
    const auto start = std::chrono::steady_clock::now();
    for (int turns = 1;; ++turns) {
      int done = 0;
      MPI_Test(&request, &done, MPI_STATUS_IGNORE);
      if (done) return;
      if (window_->is_crowded() || turns % 16 == 0) std::this_thread::yield();
      if (turns % 256 != 0) continue;
      window_->check_failures();
      const std::chrono::duration<double> waited = std::chrono::steady_clock::now() - start;
      if (waited.count() > timeout_seconds_)
        fail(tasuki::detail::concat({"rank ", rank_, " has waited ", timeout_seconds_, " s for other ", hosts_ > 1 ? "hosts" : "processes", " in ", what,
                                     "\none of them has ended, hangs, does other steps, or cannot be reached"}));
      if (waited.count() > 1e-2) std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
  }

  [[noreturn]] void fail(const std::string& text) const {
    window_->fail(text);
    throw DistributedError(text);
  }

  double timeout_seconds_;
  MPI_Comm all_ = MPI_COMM_NULL, host_ = MPI_COMM_NULL, leaders_ = MPI_COMM_NULL;
  std::unique_ptr<SharedWindow> window_;
  int rank_ = 0, size_ = 1, hosts_ = 1;
  bool ours_ = false;
};

}  // namespace
}  // namespace tasuki::dist

extern "C" tasuki::dist::Communicator* tasuki_mpi_communicator(int* argc, char*** argv, double timeout_seconds) {
  return new tasuki::dist::MpiCommunicator(argc, argv, timeout_seconds);
}
