#pragma once
#include <cstdint>

#include "tasuki/tensor/tensor.hpp"

namespace tasuki::data {

/// Examples and their targets: of one example, or of several along dimension 0. `auto [x, t] = batch;`
struct Batch {
  Tensor x;  ///< inputs
  Tensor t;  ///< targets; undefined for data without
};

/// A list of examples. Derive from it, give size() and get(), and a Loader makes batches:
///
///     struct Squares : ts::data::Dataset {
///       std::int64_t size() const override { return 1000; }
///       ts::data::Batch get(std::int64_t i) const override { return {ts::tensor({float(i)}), ts::tensor(float(i * i))}; }
///     };
///
/// Loader calls get and batch from several threads at once when it has workers.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual std::int64_t size() const = 0;
  /// One example, without a batch dimension.
  virtual Batch get(std::int64_t index) const = 0;
  /// The examples of a list, stacked along a new dimension 0: get() for each, unless there is a faster way. Throws ShapeError or
  /// DTypeError that names the example when they differ.
  virtual Batch batch(const std::int64_t* indices, std::int64_t count) const;
};

/// Examples in memory: x[i] and t[i]. Batches are gathered without making a tensor per example.
class TensorDataset : public Dataset {
 public:
  TensorDataset() = default;
  /// CPU tensors with the same size(0); t may be undefined. They are kept, not copied (but made contiguous). Throws ShapeError
  /// when their numbers differ, DeviceError when they are elsewhere.
  explicit TensorDataset(const Tensor& x, const Tensor& t = {}, SourceLocation at = SourceLocation::current());
  std::int64_t size() const override { return x_.defined() ? x_.size(0) : 0; }
  Batch get(std::int64_t index) const override;
  Batch batch(const std::int64_t* indices, std::int64_t count) const override;
  const Tensor& x() const { return x_; }
  const Tensor& t() const { return t_; }

 private:
  Tensor x_, t_;
};

}  // namespace tasuki::data
