#pragma once

namespace tasuki {

/// Threads that a kernel may use; by default the cores, or OMP_NUM_THREADS. Tasuki's own kernels give the same bits whatever the
/// number; oneDNN's weight gradients, batch norms and long matmuls may differ between numbers.
int num_threads();
void set_num_threads(int count);

}  // namespace tasuki
