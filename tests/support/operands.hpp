#pragma once
#include <string>
#include <vector>

#include "tests/support/op_case.hpp"

/// Operands of a case in every memory layout.
namespace tasuki::testing {

enum class Layout { contiguous, transposed, sliced, expanded, channels_last };
const char* name_of(Layout layout);

/// Dense tensors from which arrange() makes a case's operands as views: each is as large as its layout needs, and the entries that
/// the operand does not see hold NaN (or an index far out of range), so that a read or write out of place shows.
std::vector<Tensor> make_bases(const std::vector<Input>& inputs, Layout layout, DType dtype);
/// The operands, as differentiable views of the bases.
Inputs arrange(const std::vector<Tensor>& bases, const std::vector<Input>& inputs, Layout layout);
/// True when the layout differs from contiguous for at least one operand.
bool applies(Layout layout, const std::vector<Input>& inputs);

/// True for operands whose gradient is checked when the dtype under test is `dtype`.
bool wants_gradient(const Input& input, DType dtype);

}  // namespace tasuki::testing
