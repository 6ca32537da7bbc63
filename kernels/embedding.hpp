#pragma once
#include <cstdint>

#include "kernels/index_select.hpp"

namespace tasuki::kernels::cpu {

/// out[.., :] = weight[indices[..], :]; rows of `skipped` are zeros. indices contiguous and checked; out row-major.
void embedding(const View& indices, const View& weight, const View& out, std::int64_t skipped);

/// The adjoint: grad[indices[..], :] += source[.., :] but for `skipped`, after zeroing grad unless `accumulate`. source row-major.
/// `workspace` has add_slices_workspace(indices.numel) bytes.
void embedding_grad(const View& indices, const View& source, const View& grad, std::int64_t skipped, bool accumulate, void* workspace);

}  // namespace tasuki::kernels::cpu
