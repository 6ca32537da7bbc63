#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "src/dist/exchange.hpp"
#include "tasuki/dist/compression.hpp"
#include "tasuki/tensor/named_tensor.hpp"

namespace tasuki::dist {

/// A matrix within a bucket, row-major; one column for what is no matrix.
struct BucketMatrix {
  std::int64_t begin, rows, columns;
};

/// Sums a bucket's gradients with fewer bytes. Called on the communication thread, by all processes in the same order.
class Compressor {
 public:
  virtual ~Compressor() = default;
  /// Replaces `data` by what comes close to its sum over all processes. Returns how many bytes were given to the communicator.
  virtual std::size_t sum(Communicator& c, std::size_t bucket, float* data, std::int64_t count) = 0;
  /// What the next step depends on: of this process, which adds up over all of them to what is held back,
  virtual void append_state(std::vector<NamedTensor>&) const {}
  /// and what all processes have alike.
  virtual void append_common_state(std::vector<NamedTensor>&) const {}
  /// Squares of what the last calls kept back, and of what they were given with it, over all buckets.
  virtual double kept_squares() const { return 0; }
  virtual double given_squares() const { return 0; }
};

/// Adds what it did not send to the next gradient.
class ErrorFeedback : public Compressor {
 public:
  explicit ErrorFeedback(const std::vector<std::int64_t>& counts);
  void append_state(std::vector<NamedTensor>& list) const override;
  double kept_squares() const override;
  double given_squares() const override;

 protected:
  static float* data_of(const Tensor& t);
  float* residual(std::size_t bucket) const { return data_of(residuals_[bucket]); }
  /// Of the residual with the gradient in it, and of what of it was not sent.
  void note(std::size_t bucket, double given, double kept) { given_[bucket] = given, kept_[bucket] = kept; }

 private:
  std::vector<Tensor> residuals_;  ///< by bucket
  std::vector<double> given_, kept_;
};

/// Throws ValueError for options that cannot be.
std::unique_ptr<Compressor> make_compressor(const Compression& options, const FlatLayout& layout, const std::vector<BucketRange>& buckets);
std::unique_ptr<Compressor> make_narrowing(DType wire);
std::unique_ptr<Compressor> make_top_k(const Compression& options, const std::vector<std::int64_t>& counts);
std::unique_ptr<Compressor> make_power_sgd(int rank, const std::vector<std::int64_t>& counts, std::vector<std::vector<BucketMatrix>> matrices);

/// All-reduces whose buckets go through a compressor.
class CompressedExchange final : public AllReduceExchange {
 public:
  CompressedExchange(const World& world, FlatLayout& layout, std::size_t bucket_bytes, const Compression& options);
  void finish(const std::vector<bool>& in_use) override;
  void repacked() override;
  ~CompressedExchange() override;
  CompressionReport report() const;
  /// As of Compressor.
  std::vector<NamedTensor> state() const;
  std::vector<NamedTensor> common_state() const;
  std::int64_t& passes() { return passes_; }
  /// Those of this process, in the order in which they were made.
  static const std::vector<CompressedExchange*>& all();

 private:
  Work sum(std::size_t bucket, void* data, std::int64_t count, DType dtype) override;
  Compression options_;
  std::unique_ptr<Compressor> compressor_;
  CompressionReport report_;  ///< written by the communication thread during a pass
  std::int64_t passes_ = 0;
};

}  // namespace tasuki::dist
