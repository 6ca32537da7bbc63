#pragma once
#include <cstddef>

#include "tasuki/core/view.hpp"

namespace tasuki::kernels::cpu {

/// out = the inputs one after the other along `dim`. Any strides; inputs without elements take no room.
void cat(const View* inputs, std::size_t count, int dim, const View& out);

/// out[.., i, ..] = inputs[i], where `dim` of out is the one that the inputs lack.
void stack(const View* inputs, std::size_t count, int dim, const View& out);

}  // namespace tasuki::kernels::cpu
