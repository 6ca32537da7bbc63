#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "tasuki/core/function_ref.hpp"
#include "tasuki/core/intrusive.hpp"
#include "tasuki/data/shard.hpp"
#include "tasuki/dist/communicator.hpp"
#include "tasuki/tensor/tensor.hpp"

namespace tasuki::dist {

class CommunicationThread;
class World;
struct WorkState;

/// The world that init made, or one process.
World world();

/// A collective under way. Copies are the same work.
class Work {
 public:
  Work();
  ~Work();
  Work(const Work&);
  Work& operator=(Work) noexcept;
  bool ready() const;
  /// Returns when it is done. Throws DistributedError when another process did something else, or did not come before the deadline.
  void wait() const;
  /// Returns when it is over, done or failed.
  void settle() const noexcept;

 private:
  friend class CommunicationThread;
  explicit Work(intrusive_ptr<WorkState> state);
  intrusive_ptr<WorkState> state_;
};

struct Options {
  /// Seconds that the others may be late, in each operation. The environment variable TASUKI_DIST_TIMEOUT overrides it.
  double timeout_seconds = 600;
  /// Compute threads of each process; 0: the cores of the host shared among its processes, unless OMP_NUM_THREADS says otherwise.
  int threads = 0;
  /// Rank 0 says on stderr what was chosen, when there is more than one process.
  bool announce = true;
};

/// The processes of the job, as one of them sees it. Copies are the same world. Collectives are called by all processes, in the
/// same order; they run on a communication thread of their own, in the order of the calls.
class World {
 public:
  /// When an exception takes away the handle that init returned, this process has failed: as it ends, it ends the others.
  ~World();
  World(const World&) noexcept {}
  World& operator=(const World&) noexcept { return *this; }

  int rank() const;
  int size() const;
  int local_rank() const;
  int local_size() const;
  std::string description() const;
  operator data::Shard() const { return {rank(), size()}; }

  /// The sum over all processes, in a tensor of its own without a gradient: `world.sum(loss)` is the loss of the global batch.
  Tensor sum(const Tensor& x, SourceLocation at = SourceLocation::current()) const;
  double sum(double x) const;
  /// Replaces elements, in place; the tensor must be contiguous, and stays untouched by others until the work is done.
  Work all_reduce(const Tensor& x, SourceLocation at = SourceLocation::current()) const;
  void broadcast(const Tensor& x, int root = 0, SourceLocation at = SourceLocation::current()) const;
  /// From one process to another, which receives into a contiguous tensor of the same bytes; both return when it is there.
  void send(const Tensor& x, int to, SourceLocation at = SourceLocation::current()) const;
  void receive(const Tensor& x, int from, SourceLocation at = SourceLocation::current()) const;
  /// What each process gave, in the order of ranks.
  std::string gather_texts(const std::string& mine, const char* separator) const;
  void barrier() const;
  /// How long this process has waited for collectives so far.
  double waited_seconds() const;

  /// Runs on the communication thread, behind everything that was asked for before; `what` (a literal) and `bytes` are for messages.
  Work post(const char* what, std::size_t bytes, Callback<void(Communicator&)> operation) const;

 private:
  friend World init(int& argc, char**& argv, const Options& options);
  friend World world();
  explicit World(int uncaught = -1) : uncaught_(uncaught) {}
  int uncaught_ = -1;  ///< exceptions under way when init made this handle; -1 for others
};

/// Joins the job that mpirun, mpiexec or srun started this process for; alone without one. Call it once, ahead of everything
/// else that computes: it sets the number of threads. MPI comes with the CMake target tasuki::mpi; a program linked without it runs
/// alone, and says so when it was started as one of several.
///
/// A process that fails ends the job, and says on stderr which rank it is, on which host, at which step and operation; so does one
/// that waits in vain for another. mpirun then returns 70 after an exception, 75 where processes did not come together, and 128 and the
/// signal's number after one. The last 256 operations of each process that fails or waits in vain are in a file, in the folder that
/// TASUKI_DIST_LOG names or in that for temporary files.
///
/// Throws DistributedError when the job does not have the size that its launcher announced.
World init(int& argc, char**& argv, const Options& options = {});

}  // namespace tasuki::dist
