#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tasuki/memory/trace.hpp"
#include "tasuki/runtime/device_profile.hpp"

namespace tasuki::memory {

/// Writes the trace of a training step as a tape would leave it: forward ops with what they save, their backward in reverse, and an
/// optimizer step over the parameters. Op times are the profile's roofline.
class StepWriter {
 public:
  StepWriter(const DeviceProfile& profile, DType dtype) : profile_(profile), dtype_(dtype) {}

  struct Op {
    std::string name;
    std::vector<int> inputs;
    std::vector<int> parameters = {};
    std::size_t output_elements = 0;
    double flops = 0;
    bool saves_inputs = false, saves_output = false;
    std::size_t workspace = 0;
    std::vector<int> mutates = {};  ///< buffers, such as running statistics
  };
  int input(std::size_t elements);
  /// With its gradient and `states` tensors of optimizer state, all of which live on from step to step.
  int parameter(std::size_t elements, int states);
  int buffer(std::size_t elements);
  int op(const Op& op);
  /// Backward from the last op's output, then the optimizer.
  Trace finish();

 private:
  struct Parameter {
    int value, gradient;
    std::vector<int> states;
  };
  struct Taped {
    Op op;
    int output;
  };
  int add(std::size_t elements, OwnerClass owner, bool lasting);
  void launch(const std::string& name, LaunchPhase phase, std::vector<int> reads, std::vector<int> writes, double flops, std::size_t workspace, bool recorded);
  int gradient_of(int activation, std::vector<int>& reads);

  const DeviceProfile& profile_;
  DType dtype_;
  Trace trace_;
  std::vector<Parameter> parameters_;
  std::vector<Taped> tape_;
  std::vector<int> gradients_;  // by storage, -1: none yet
};

Trace chain_cnn_trace(const DeviceProfile& profile, int layers, int batch);
Trace resnet50_trace(const DeviceProfile& profile, DType dtype, int batch, int image = 224);
Trace unet_trace(const DeviceProfile& profile, DType dtype, int batch, int image, int channels);
Trace gpt2_trace(const DeviceProfile& profile, DType dtype, int layers, int width, int sequence, int batch, int vocabulary = 50257);
/// A small step of `storages` activations with random lifetimes, times, parameters, releases and in-place writes.
Trace random_trace(std::uint64_t seed, int storages);

}  // namespace tasuki::memory
