#pragma once
#include <vector>

#include "tests/support/op_case.hpp"
#include "tests/support/operands.hpp"

/// The checks that run_cases makes of a case, one function each. They report through Catch2.
namespace tasuki::testing {

/// A case with one choice of operand shapes.
struct Instance {
  const OpCase& op_case;
  std::vector<Input> inputs;
  bool main = true;  ///< the case's own shapes, not one of more_shapes

  bool has(CaseFlags flag) const { return op_case.flags & flag; }
  bool takes(DType dtype) const;
  bool empty() const;
  /// The layouts that make sense for it.
  std::vector<Layout> layouts() const;
  Outputs run(const Inputs& operands) const;
  Outputs run(const std::vector<Tensor>& bases, Layout layout) const { return run(arrange(bases, inputs, layout)); }
};

/// The operands of a run and the gradients that came out.
struct GradientRun {
  std::vector<Tensor> bases;
  Outputs outputs;
  std::vector<Tensor> gradients;  ///< one per base; undefined where none was wanted
};
/// Backward from all differentiable outputs with fixed random gradients, to the wanted operands (to one only if `only` >= 0).
GradientRun run_backward(const Instance& instance, std::vector<Tensor> bases, Layout layout, int only = -1);
/// The gradients that run_backward starts from, for outputs that are on the tape.
std::vector<Tensor> seeds_for(const std::vector<Tensor>& outputs);

void check_values(const Instance& instance, DType dtype, Layout layout);
void check_special_values(const Instance& instance, DType dtype);
void check_nan_is_seen(const Instance& instance);

void check_gradients_of_narrow_types(const Instance& instance, DType dtype, Layout layout);
void check_gradcheck(const Instance& instance, Layout layout);
void check_gradgradcheck(const Instance& instance, Layout layout);
void check_gradients_one_at_a_time(const Instance& instance);
void check_accumulation(const Instance& instance);

void check_same_bits_again(const Instance& instance, DType dtype);
void check_grad_mode_changes_no_bit(const Instance& instance, DType dtype);
void check_replay(const Instance& instance, DType dtype, Layout layout);

}  // namespace tasuki::testing
