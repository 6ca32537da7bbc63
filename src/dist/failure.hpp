#pragma once
#include <string>

#include "src/dist/operation_log.hpp"
#include "tasuki/dist/communicator.hpp"

/// What becomes of a job one of whose processes fails.
namespace tasuki::dist::failure {

/// What mpirun returns then. A signal gives 128 and its number, as in a shell.
inline constexpr int exception_code = 70;    ///< an exception ended a process
inline constexpr int not_together_code = 75; ///< processes did different things, or one did not come in time

/// Another process has failed, and tells why.
class PeerFailure : public DistributedError {
 public:
  using DistributedError::DistributedError;
};

/// From now on, a signal that ends this process, or an exception that leaves main, is told with rank, host, step and operation, and
/// ends the job.
void watch(Communicator& communicator, const OperationLog& log);
/// The communicator goes away.
void stop_watching() noexcept;

/// Says on stderr that this process has failed, and writes its last operations to a file; once. Safe in a signal handler.
void report(const char* why) noexcept;
/// The file that report writes to; empty before watch(). TASUKI_DIST_LOG names its folder, else it is that for temporary files.
std::string log_path();
/// Writes the last operations there.
void write_log() noexcept;

}  // namespace tasuki::dist::failure
