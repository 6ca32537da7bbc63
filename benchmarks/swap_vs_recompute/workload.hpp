#pragma once
#include <tasuki/tasuki.hpp>

#include <memory>
#include <string>
#include <vector>

#include "tasuki/memory/trace.hpp"

namespace tasuki::benchmark {

/// A network of include/tasuki/models/ in training, at a size.
struct Task {
  std::string model;         ///< "lenet", "resnet50", "gpt2", "unet3d", "deeplabv3p"
  std::int64_t batch = 1;
  std::int64_t size = 0;     ///< pixels or voxels along each axis, or tokens of a sequence
  std::int64_t channels = 0; ///< gpt2: width; others: of the first convolution, 0: as published
  std::int64_t layers = 0;   ///< gpt2: blocks; unet3d: levels
  DType dtype = DType::f32;
  bool step_in_backward = false;  ///< optim::StepInBackward
};
const char* title_of(const std::string& model);
/// "3D U-Net 192^3, batch 1, f32".
std::string describe(const Task& task);

/// What (a) is run on for real in seconds a step at most, and what (b) and the papers train.
Task small_task(const std::string& model);  ///< with activations for most of the memory
Task wide_task(const std::string& model);   ///< "resnet50", "deeplabv3p" at their full width: parameters for most of it
Task quick_task(const std::string& model);  ///< in milliseconds
Task paper_task(const std::string& model, DType dtype);
std::vector<std::string> all_models();

/// A network, its optimizer and a batch, on one device. The same task has the same bits on each device of a kind.
class Training {
 public:
  virtual ~Training() = default;
  /// One step of training; the loss, which nobody has read yet.
  virtual Tensor step() = 0;
  virtual nn::Module& network() = 0;
};
std::unique_ptr<Training> begin_training(const Task& task, Device device);

/// The trace of one step of a task on a GPU of this profile: the real program runs on a simulated device by the clock alone, so
/// that nothing is computed and no memory is needed.
memory::Trace record(const Task& task, const std::string& profile);

}  // namespace tasuki::benchmark
