#pragma once
#include "tasuki/core/error.hpp"
#include "tasuki/nn/module.hpp"
#include "tasuki/ops/batch_norm.hpp"
#include "tasuki/ops/group_norm.hpp"
#include "tasuki/ops/layer_norm.hpp"
#include "tasuki/ops/local_response_norm.hpp"
#include "tasuki/tensor/creation.hpp"

namespace tasuki::nn {

struct BatchNormOptions {
  double eps = 1e-5;
  double momentum = 0.1;            ///< weight of the batch in the running statistics
  bool affine = true;               ///< has weight and bias
  bool track_running_stats = true;  ///< has running statistics; without, evaluation uses the batch's as well
  DType dtype = DType::f32;
  bool synchronized = false;        ///< in training, statistics over the processes of a dist::DataParallel
};

/// What BatchNorm1d, BatchNorm2d and BatchNorm3d share. In training it normalizes by the batch and updates running_mean and running_var, in
/// evaluation it normalizes by these; formulas and shapes as ts::batch_norm.
class BatchNorm : public Module {
 public:
  Parameter weight{this, "weight"}, bias{this, "bias"};
  Buffer running_mean{this, "running_mean"}, running_var{this, "running_var"};
  const BatchNormOptions& options() const { return options_; }
  void set_synchronized(bool on) { options_.synchronized = on; }

 protected:
  BatchNorm(std::int64_t channels, const BatchNormOptions& options) : channels_(channels), options_(options) { create(); }
  BatchNorm(Module* parent, std::string_view name, std::int64_t channels, const BatchNormOptions& options)
      : Module(parent, name), channels_(channels), options_(options) {
    create();
  }
  Tensor normalize(const Tensor& x, int least_dims, int most_dims, const char* shapes, SourceLocation at) const {
    Scope s{this};
    const Tensor& input = s.enter(x);
    if (input.ndim() < least_dims || input.ndim() > most_dims) wrong_dims(input, shapes, at);
    return s.leave(batch_norm(input, running_mean, running_var, weight, bias,
                              {.training = is_training() || !running_mean.defined(), .momentum = options_.momentum, .eps = options_.eps, .synchronized = options_.synchronized}, at));
  }
  std::int64_t channels() const { return channels_; }

 private:
  void create() {
    if (channels_ < 1) TASUKI_THROW(ValueError, "a BatchNorm was asked for ", channels_, " channels; it needs one at least");
    if (!(options_.momentum >= 0 && options_.momentum <= 1))
      TASUKI_THROW(ValueError, "a BatchNorm was asked for the momentum ", options_.momentum, "; it is the batch's share in the running statistics, 0 to 1");
    const TensorOptions of_dtype{.dtype = options_.dtype};
    if (options_.affine) {
      weight = ones({channels_}, of_dtype);
      bias = zeros({channels_}, of_dtype);
    }
    if (options_.track_running_stats) {
      running_mean = zeros({channels_}, of_dtype);
      running_var = ones({channels_}, of_dtype);
    }
  }
  [[noreturn]] void wrong_dims(const Tensor& x, const char* shapes, SourceLocation at) const {
    ShapeError error(tasuki::detail::concat({"expected  x of shape ", shapes, "\nactual    ", x.shape()}));
    error.add_op(type_name(), path(), "x: " + x.describe(), at);
    throw error;
  }
  std::int64_t channels_;
  BatchNormOptions options_;
};

/// For x [N, C] or [N, C, L].
class BatchNorm1d : public BatchNorm {
 public:
  explicit BatchNorm1d(std::int64_t channels, const BatchNormOptions& options = {}) : BatchNorm(channels, options) {}
  BatchNorm1d(Module* parent, std::string_view name, std::int64_t channels, const BatchNormOptions& options = {})
      : BatchNorm(parent, name, channels, options) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    return normalize(x, 2, 3, "[N, C] or [N, C, L]", at);
  }
  ModulePtr clone() const override { return clone_as(*this, channels(), options()); }
};

/// For x [N, C, H, W].
class BatchNorm2d : public BatchNorm {
 public:
  explicit BatchNorm2d(std::int64_t channels, const BatchNormOptions& options = {}) : BatchNorm(channels, options) {}
  BatchNorm2d(Module* parent, std::string_view name, std::int64_t channels, const BatchNormOptions& options = {})
      : BatchNorm(parent, name, channels, options) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const { return normalize(x, 4, 4, "[N, C, H, W]", at); }
  ModulePtr clone() const override { return clone_as(*this, channels(), options()); }
};

/// For x [N, C, D, H, W].
class BatchNorm3d : public BatchNorm {
 public:
  explicit BatchNorm3d(std::int64_t channels, const BatchNormOptions& options = {}) : BatchNorm(channels, options) {}
  BatchNorm3d(Module* parent, std::string_view name, std::int64_t channels, const BatchNormOptions& options = {})
      : BatchNorm(parent, name, channels, options) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const { return normalize(x, 5, 5, "[N, C, D, H, W]", at); }
  ModulePtr clone() const override { return clone_as(*this, channels(), options()); }
};

/// Lets all batch normalizations of a network use the statistics of the whole batch when its training is spread over processes:
/// one process and several then train the same network. Each costs a small message in forward and one in backward. Returns how many
/// there are.
///
///     ts::nn::synchronize_batch_norm(net);
///     ts::dist::DataParallel parallel{world, net, opt};
inline int synchronize_batch_norm(Module& net, bool on = true) {
  int found = 0;
  net.apply([&](Module& m) {
    if (auto* norm = dynamic_cast<BatchNorm*>(&m)) {
      norm->set_synchronized(on);
      ++found;
    }
  });
  return found;
}

namespace detail {
/// The sizes of the last dimensions, of which there is one at least.
inline void check_normalized(const char* layer, const Shape& shape) {
  bool fits = shape.ndim() >= 1;
  for (int d = 0; d < shape.ndim(); ++d) fits = fits && shape[d] >= 1;
  if (!fits) TASUKI_THROW(ValueError, layer, " was asked for the shape ", shape, "; give it the sizes of the last dimensions, such as {64}");
}
}  // namespace detail

struct LayerNormOptions {
  double eps = 1e-5;
  bool affine = true;  ///< has weight and bias
  bool bias = true;
  DType dtype = DType::f32;
};

/// Normalizes over the last dimensions, whose sizes are `shape`: `ts::nn::LayerNorm norm{this, "norm", 768};`. Formula as ts::layer_norm.
class LayerNorm : public Module {
 public:
  Parameter weight{this, "weight"}, bias{this, "bias"};

  explicit LayerNorm(const Shape& shape, const LayerNormOptions& options = {}) : shape_(shape), options_(options) { create(); }
  LayerNorm(Module* parent, std::string_view name, const Shape& shape, const LayerNormOptions& options = {})
      : Module(parent, name), shape_(shape), options_(options) {
    create();
  }
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(layer_norm(s.enter(x), shape_, weight, bias, options_.eps, at));
  }
  ModulePtr clone() const override { return clone_as(*this, shape_, options_); }

 private:
  void create() {
    detail::check_normalized("LayerNorm", shape_);
    if (!options_.affine) return;
    weight = ones(shape_, {.dtype = options_.dtype});
    if (options_.bias) bias = zeros(shape_, {.dtype = options_.dtype});
  }
  Shape shape_;
  LayerNormOptions options_;
};

struct RMSNormOptions {
  double eps = 1e-6;
  bool affine = true;  ///< has a weight
  DType dtype = DType::f32;
};

/// LayerNorm without centering and bias. Formula as ts::rms_norm.
class RMSNorm : public Module {
 public:
  Parameter weight{this, "weight"};

  explicit RMSNorm(const Shape& shape, const RMSNormOptions& options = {}) : shape_(shape), options_(options) { create(); }
  RMSNorm(Module* parent, std::string_view name, const Shape& shape, const RMSNormOptions& options = {})
      : Module(parent, name), shape_(shape), options_(options) {
    create();
  }
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(rms_norm(s.enter(x), shape_, weight, options_.eps, at));
  }
  ModulePtr clone() const override { return clone_as(*this, shape_, options_); }

 private:
  void create() {
    detail::check_normalized("RMSNorm", shape_);
    if (options_.affine) weight = ones(shape_, {.dtype = options_.dtype});
  }
  Shape shape_;
  RMSNormOptions options_;
};

struct GroupNormOptions {
  double eps = 1e-5;
  bool affine = true;  ///< has weight and bias
  DType dtype = DType::f32;
};

/// Normalizes groups of channels of each sample: `ts::nn::GroupNorm norm{this, "norm", 32, 256};`. Formula as ts::group_norm.
class GroupNorm : public Module {
 public:
  Parameter weight{this, "weight"}, bias{this, "bias"};

  GroupNorm(std::int64_t groups, std::int64_t channels, const GroupNormOptions& options = {})
      : groups_(groups), channels_(channels), options_(options) {
    create();
  }
  GroupNorm(Module* parent, std::string_view name, std::int64_t groups, std::int64_t channels, const GroupNormOptions& options = {})
      : Module(parent, name), groups_(groups), channels_(channels), options_(options) {
    create();
  }
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(group_norm(s.enter(x), groups_, weight, bias, options_.eps, at));
  }
  ModulePtr clone() const override { return clone_as(*this, groups_, channels_, options_); }

 private:
  void create() {
    TASUKI_CHECK(ValueError, groups_ >= 1 && channels_ >= 1 && channels_ % groups_ == 0, "GroupNorm was asked for ", groups_, " groups of ", channels_, " channels");
    if (!options_.affine) return;
    weight = ones({channels_}, {.dtype = options_.dtype});
    bias = zeros({channels_}, {.dtype = options_.dtype});
  }
  std::int64_t groups_, channels_;
  GroupNormOptions options_;
};

/// Normalization by neighbouring channels, as in AlexNet: `ts::nn::LocalResponseNorm norm{5};`. Formula as ts::local_response_norm.
class LocalResponseNorm : public Module {
 public:
  explicit LocalResponseNorm(std::int64_t size, const LocalResponseNormOptions& options = {}) : size_(size), options_(options) { check(); }
  LocalResponseNorm(Module* parent, std::string_view name, std::int64_t size, const LocalResponseNormOptions& options = {})
      : Module(parent, name), size_(size), options_(options) {
    check();
  }
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const {
    Scope s{this};
    return s.leave(local_response_norm(s.enter(x), size_, options_, at));
  }
  ModulePtr clone() const override { return clone_as(*this, size_, options_); }

 private:
  void check() const { 
    if (size_ < 1) TASUKI_THROW(ValueError, "LocalResponseNorm was asked for ", size_, " neighbouring channels; it needs one at least");
  }
  std::int64_t size_;
  LocalResponseNormOptions options_;
};

struct InstanceNormOptions {
  double eps = 1e-5;
  bool affine = false;  ///< has weight and bias
  DType dtype = DType::f32;
};

/// What InstanceNorm1d to InstanceNorm3d share: every channel of every sample is normalized by itself. Formula as ts::instance_norm.
class InstanceNorm : public Module {
 public:
  Parameter weight{this, "weight"}, bias{this, "bias"};
  const InstanceNormOptions& options() const { return options_; }

 protected:
  InstanceNorm(std::int64_t channels, const InstanceNormOptions& options) : channels_(channels), options_(options) { create(); }
  InstanceNorm(Module* parent, std::string_view name, std::int64_t channels, const InstanceNormOptions& options)
      : Module(parent, name), channels_(channels), options_(options) {
    create();
  }
  Tensor normalize(const Tensor& x, int dims, const char* shapes, SourceLocation at) const {
    Scope s{this};
    const Tensor& input = s.enter(x);
    if (input.ndim() != dims || input.size(1) != channels_) {
      ShapeError error(tasuki::detail::concat({"expected  x of shape ", shapes, " with C = ", channels_, "\nactual    ", input.shape()}));
      error.add_op(type_name(), path(), "x: " + input.describe(), at);
      throw error;
    }
    return s.leave(instance_norm(input, weight, bias, options_.eps, at));
  }
  std::int64_t channels() const { return channels_; }

 private:
  void create() {
    if (channels_ < 1) TASUKI_THROW(ValueError, "an InstanceNorm was asked for ", channels_, " channels; it needs one at least");
    if (!options_.affine) return;
    weight = ones({channels_}, {.dtype = options_.dtype});
    bias = zeros({channels_}, {.dtype = options_.dtype});
  }
  std::int64_t channels_;
  InstanceNormOptions options_;
};

/// For x [N, C, L].
class InstanceNorm1d : public InstanceNorm {
 public:
  explicit InstanceNorm1d(std::int64_t channels, const InstanceNormOptions& options = {}) : InstanceNorm(channels, options) {}
  InstanceNorm1d(Module* parent, std::string_view name, std::int64_t channels, const InstanceNormOptions& options = {})
      : InstanceNorm(parent, name, channels, options) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const { return normalize(x, 3, "[N, C, L]", at); }
  ModulePtr clone() const override { return clone_as(*this, channels(), options()); }
};

/// For x [N, C, H, W].
class InstanceNorm2d : public InstanceNorm {
 public:
  explicit InstanceNorm2d(std::int64_t channels, const InstanceNormOptions& options = {}) : InstanceNorm(channels, options) {}
  InstanceNorm2d(Module* parent, std::string_view name, std::int64_t channels, const InstanceNormOptions& options = {})
      : InstanceNorm(parent, name, channels, options) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const { return normalize(x, 4, "[N, C, H, W]", at); }
  ModulePtr clone() const override { return clone_as(*this, channels(), options()); }
};

/// For x [N, C, D, H, W].
class InstanceNorm3d : public InstanceNorm {
 public:
  explicit InstanceNorm3d(std::int64_t channels, const InstanceNormOptions& options = {}) : InstanceNorm(channels, options) {}
  InstanceNorm3d(Module* parent, std::string_view name, std::int64_t channels, const InstanceNormOptions& options = {})
      : InstanceNorm(parent, name, channels, options) {}
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const { return normalize(x, 5, "[N, C, D, H, W]", at); }
  ModulePtr clone() const override { return clone_as(*this, channels(), options()); }
};

}  // namespace tasuki::nn
