#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "tasuki/core/dtype.hpp"
#include "tasuki/core/error.hpp"

namespace tasuki::dist {

/// Processes that do not fit each other, or one that did not answer in time.
class DistributedError : public Error {
 public:
  explicit DistributedError(std::string body) : Error("DistributedError", std::move(body)) {}
};

/// What a process was asked to do last, for the messages of those that wait for it.
struct Progress {
  std::uint64_t operation = 0;  ///< number of its last operation
  const char* what = "";        ///< a literal
  std::size_t bytes = 0;
  std::int64_t step = 0;        ///< of its optimizer
  enum Presence { here, ended, failed } presence = here;  ///< one that has ended or failed takes part in nothing more
};

/// A group of processes and what they do together. All of them call the same functions with the same sizes in the same order; each
/// call returns when this process' part is done. The communication thread of a process is the only one that calls.
class Communicator {
 public:
  Communicator() = default;
  virtual ~Communicator();
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  virtual int rank() const = 0;
  virtual int size() const = 0;
  /// Among the processes of this host.
  virtual int local_rank() const = 0;
  virtual int local_size() const = 0;
  /// What carries the bytes: "mpi, shared memory on 1 host".
  virtual std::string description() const = 0;

  /// Replaces `count` elements by their sums over all processes. Terms are added in an order that depends on the size and the
  /// hosts alone, so that every run gives the same bits, on every process. bf16 and f16 are summed in f32 and rounded once.
  virtual void all_reduce(void* data, std::int64_t count, DType dtype) = 0;
  virtual void broadcast(void* data, std::size_t bytes, int root) = 0;
  /// `all` receives size() * bytes, in the order of ranks.
  virtual void all_gather(const void* mine, std::size_t bytes, void* all) = 0;
  /// Of the sums that all_reduce would give, with the same bits, process r gets the elements from bounds[r] to bounds[r + 1], in place;
  /// what it finds elsewhere is undefined. `bounds`: size() + 1 numbers that do not fall, the same on all processes, from 0 to the
  /// count of all elements. By itself an all_reduce.
  virtual void reduce_scatter(void* data, const std::int64_t* bounds, DType dtype);
  /// Process r has the bytes from bounds[r] to bounds[r + 1] of `data`; afterwards all have all of them. By itself a broadcast for each.
  virtual void all_gather_parts(void* data, const std::int64_t* bounds);
  /// From one process to another, which receives as many bytes; the others do nothing. Two that send to each other agree on who
  /// sends first. By themselves they throw DistributedError.
  virtual void send(const void* data, std::size_t bytes, int to);
  virtual void receive(void* data, std::size_t bytes, int from);
  /// From now on the processes of a host may read and write each other's `bytes` at `begin` (whole pages, which nothing else lies in, as
  /// many on all processes), until unshare: sums in there copy nothing. Only a matter of speed: by itself, where the system refuses, and
  /// where one process gives null, nothing happens.
  virtual void share(void* begin, std::size_t bytes);
  /// Ends that for this process, which has no operation under way there.
  virtual void unshare(void* begin) noexcept;
  virtual void barrier() = 0;
  /// Lets other processes know; callable from any thread. By itself nothing.
  virtual void tell(const Progress&) {}
  /// Ends the job, on all processes.
  [[noreturn]] virtual void abort(int code) = 0;
};

}  // namespace tasuki::dist
