#pragma once
#include <string_view>
#include <utility>
#include <vector>

#include "tasuki/nn/module.hpp"

/// Parameters that are functions of other ones: what is trained and saved are those, and the layer's own is computed from them at the
/// start of each forward.
///
///     ts::nn::Linear fc{784, 100};
///     ts::nn::weight_norm(fc);                       // "weight" gives way to "parametrizations.weight.original0" and "...original1"
///     ts::optim::Adam opt{fc.parameters(), {}};      // make optimizers afterwards
///
/// Names in the state are those of torch.nn.utils.parametrizations. A parameter has one parametrization at most.
namespace tasuki::nn {

/// A function of raw parameters, for Module::parametrize. One of a user's own that has state (buffers), or is to be cloned, says how in
/// `clone`, as layers do.
class Parametrization : public Module {
 public:
  /// Raw parameters from which compute makes `value`, or something as near as it can.
  virtual std::vector<Tensor> raw(const Tensor& value) = 0;
  /// Recorded, so that gradients reach the raw parameters.
  virtual Tensor compute(const std::vector<Tensor>& raw) const = 0;
};

/// Salimans and Kingma, 2016: weight = g v / |v|, with a length g for each index along `dim`. Raw: g, v.
class WeightNorm : public Parametrization {
 public:
  explicit WeightNorm(int dim = 0) : dim_(dim) {}
  std::vector<Tensor> raw(const Tensor& value) override;
  Tensor compute(const std::vector<Tensor>& raw) const override;
  ModulePtr clone() const override { return clone_as(*this, dim_); }

 private:
  int dim_;
};

struct SpectralNormOptions {
  std::int64_t n_power_iterations = 1;  ///< per forward, in training
  double eps = 1e-12;
  int dim = 0;  ///< of the outputs: 1 for transposed convolutions
};

/// Miyato et al., 2018: weight / sigma, with the largest singular value sigma of the weight as a matrix, rows along `dim`, by power
/// iteration. Its vectors are buffers, _u and _v; evaluation does not change them. Raw: the weight itself.
class SpectralNorm : public Parametrization {
 public:
  explicit SpectralNorm(const SpectralNormOptions& options = {}) : options_(options) {}
  std::vector<Tensor> raw(const Tensor& value) override;
  Tensor compute(const std::vector<Tensor>& raw) const override;
  ModulePtr clone() const override { return clone_as(*this, options_); }

 private:
  void iterate(const Tensor& matrix, std::int64_t times) const;
  Buffer u_{this, "_u"}, v_{this, "_v"};
  SpectralNormOptions options_;
};

/// module.parametrize(name, P(arguments...)).
template <class P, class... Arguments>
void parametrize(Module& module, std::string_view name, Arguments&&... arguments) {
  module.parametrize(name, ModulePtr(new P(std::forward<Arguments>(arguments)...)));
}
inline void weight_norm(Module& module, std::string_view name = "weight", int dim = 0) { parametrize<WeightNorm>(module, name, dim); }
inline void spectral_norm(Module& module, std::string_view name = "weight", const SpectralNormOptions& options = {}) {
  parametrize<SpectralNorm>(module, name, options);
}

}  // namespace tasuki::nn
