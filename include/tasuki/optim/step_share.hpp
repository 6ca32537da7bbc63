#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

#include "tasuki/tensor/tensor.hpp"

namespace tasuki::optim {

/// A part of a parameter: what this process updates of it. Tensors have one dimension.
struct Piece {
  std::size_t parameter;      ///< its number, in the order of Optimizer::parameters()
  std::int64_t begin, count;  ///< elements, in the order in which the parameter lies in memory
  Tensor values, gradient;
};

/// Several processes that share an optimizer's step: each updates its pieces, with optimizer state for no more than these.
/// dist::DataParallel with its option zero is one.
class StepShare {
 public:
  virtual ~StepShare() = default;
  /// Always the same ones.
  virtual const std::vector<Piece>& pieces() const = 0;
  /// Whether the parameter took part in the last backward, on any process.
  virtual bool has_gradient(std::size_t parameter) const = 0;
  /// The parameter's number, or -1 for one of somebody else's.
  virtual std::int64_t number_of(const Tensor& parameter) const = 0;
  /// The pieces are about to be updated, or read.
  virtual void begin_update() {}
  /// The pieces have new values; returns when they have gone to whoever needs them.
  virtual void updated(const char* optimizer) = 0;
  /// Whether the pieces' values are all that this process has of the parameters for good.
  virtual bool spreads_values() const { return false; }
  /// The pieces' values have been replaced.
  virtual void values_loaded() {}
  virtual void drop_gradients() = 0;
  /// A tensor for each parameter, of its shape and strides, from what the processes have for their pieces. All of them call it.
  virtual std::vector<Tensor> whole(const std::vector<Tensor>& of_pieces) = 0;
  /// The sum, or the largest, of all processes' values.
  virtual double combine(double value, bool largest) = 0;
};

/// Who shares this parameter's updates, or nullptr.
StepShare* share_of(const Tensor& parameter);

}  // namespace tasuki::optim
