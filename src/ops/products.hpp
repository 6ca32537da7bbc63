#pragma once
#include "tasuki/tensor/tensor.hpp"

namespace tasuki::ops {

/// For each element the product of the others of its line along `dim`, in ops that can be differentiated any number of times and
/// divide by nothing.
Tensor product_of_others(const Tensor& x, int dim);

}  // namespace tasuki::ops
