#pragma once
#include <cstddef>
#include <cstdint>

#include "kernels/norm_backward.hpp"

/// Batch normalization over dimension 1 of x [N, C, ...]; any strides, all four floating dtypes. Vectors per channel are [C] in x's
/// dtype, or f32 where x is bf16 or f16; mean and inv_std are dense, in the type sums are carried in.
///
/// Memory: training reads x twice from memory and once from the cache (a run, or a block of rows, is read again for its squared
/// differences); backward reads x and grad_y twice. Sums are split by shape and joined in order.
namespace tasuki::kernels::cpu {

/// Joins what several processes have found for their parts of a batch.
class ChannelJoin {
 public:
  double* values;  ///< two for each channel
  /// Values: the mean of `count` elements of each channel, then the sums of their squared differences to it; afterwards those of all
  /// processes' elements. Returns how many these are for each channel.
  virtual double moments(std::int64_t channels, double count) = 0;
  /// Replaces the values by their sums over all processes. Returns what moments had returned.
  virtual double sums(std::int64_t channels) = 0;

 protected:
  explicit ChannelJoin(double* two_for_each_channel) : values(two_for_each_channel) {}
  ~ChannelJoin() = default;
};

struct BatchNormForward {
  View x, weight, bias;              ///< weight and bias may be absent
  View running_mean, running_var;    ///< read in evaluation; in training updated where present and `update` holds
  View y, mean, inv_std;
  bool training = false, update = false;
  double momentum = 0.1, eps = 1e-5;
  void* workspace = nullptr;         ///< batch_norm_workspace bytes
  ChannelJoin* join = nullptr;       ///< of a batch that is spread; in training only
};
void batch_norm(const BatchNormForward& f);

struct BatchNormBackward : NormBackward {
  bool training = false;
  ChannelJoin* join = nullptr;
};
void batch_norm_backward(const BatchNormBackward& b);

/// Scratch bytes of either for x.
std::size_t batch_norm_workspace(std::int64_t channels, DType dtype);

}  // namespace tasuki::kernels::cpu
