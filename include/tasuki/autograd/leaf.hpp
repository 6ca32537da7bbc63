#pragma once
#include <cstdint>

#include "tasuki/core/function_ref.hpp"
#include "tasuki/core/small_vector.hpp"
#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

/// The gradient side of a leaf tensor. Edges of the tape hold it, so a gradient has a place to go even while no handle is left.
struct LeafState {
  Tensor grad;
  /// When set, backward writes the gradient here (a view of a FlatLayout's arena) and grad becomes this tensor.
  Tensor grad_slot;
  SmallVector<Callback<Tensor(const Tensor&)>, 1> hooks;
  SmallVector<Callback<void(const Tensor&)>, 1> post_accumulate_hooks;

  // Of the backward pass in progress.
  Tensor incoming;             ///< gathers the gradient apart from grad: for hooks, and for grad(outputs, inputs)
  std::uint64_t pass = 0;      ///< the pass that counted `uses`
  std::uint32_t uses = 0;      ///< edges that have not yet delivered
  bool captured = false;       ///< grad(outputs, inputs) asked for it

  TensorImpl* owner = nullptr;  ///< not owned; cleared when the last handle goes
  unsigned references = 1;
  void retain() noexcept;
  void release() noexcept;

  /// The state of a tensor, made on first use.
  static LeafState& of(TensorImpl& impl);
};

}  // namespace tasuki
