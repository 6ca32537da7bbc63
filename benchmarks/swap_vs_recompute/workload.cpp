#include "benchmarks/swap_vs_recompute/workload.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "tasuki/memory/simulation.hpp"
#include "tasuki/models/deeplabv3p.hpp"
#include "tasuki/models/gpt2.hpp"
#include "tasuki/models/lenet.hpp"
#include "tasuki/models/resnet.hpp"
#include "tasuki/models/unet3d.hpp"
#include "tasuki/runtime/sim.hpp"

namespace tasuki::benchmark {

std::vector<std::string> all_models() { return {"lenet", "resnet50", "gpt2", "unet3d", "deeplabv3p"}; }

const char* title_of(const std::string& model) {
  for (const auto& [name, title] : {std::pair{"lenet", "LeNet"}, {"resnet50", "ResNet-50"}, {"gpt2", "GPT-2"}, {"unet3d", "3D U-Net"}, {"deeplabv3p", "DeepLabv3+"}})
    if (model == name) return title;
  TASUKI_THROW(ValueError, "expected  lenet, resnet50, gpt2, unet3d or deeplabv3p\nactual    \"", model, "\"");
}

std::string describe(const Task& t) {
  std::string text = title_of(t.model);
  const std::string size = std::to_string(t.size);
  if (t.model == "gpt2") text += " " + std::to_string(t.layers) + "x" + std::to_string(t.channels) + ", " + size + " tokens";
  else text += " " + size + (t.model == "unet3d" ? "^3" : " px");
  if (t.channels && (t.model == "resnet50" || t.model == "deeplabv3p")) text += ", width " + std::to_string(t.channels) + " of 64";
  return text + ", batch " + std::to_string(t.batch) + ", " + name_of(t.dtype) + (t.step_in_backward ? ", stepping in backward" : "");
}

Task small_task(const std::string& model) {
  if (model == "lenet") return {.model = model, .batch = 512, .size = 28};
  if (model == "resnet50") return {.model = model, .batch = 32, .size = 96, .channels = 32};
  if (model == "deeplabv3p") return {.model = model, .batch = 4, .size = 161, .channels = 16};
  if (model == "gpt2") return {.model = model, .batch = 8, .size = 128, .channels = 128, .layers = 6};
  title_of(model);
  return {.model = model, .batch = 1, .size = 48, .channels = 8, .layers = 3};
}

Task wide_task(const std::string& model) {
  if (model == "resnet50") return {.model = model, .batch = 16, .size = 64};
  return {.model = model, .batch = 2, .size = 97};
}

Task quick_task(const std::string& model) {
  Task task = model == "resnet50" || model == "deeplabv3p" ? wide_task(model) : small_task(model);
  task.batch = std::max<std::int64_t>(2, task.batch / 8);
  if (model == "unet3d") task.size = 16, task.channels = 4;
  if (model == "gpt2") task.layers = 2;
  if (model == "resnet50" || model == "deeplabv3p") task.size = 33;
  return task;
}

Task paper_task(const std::string& model, DType dtype) {
  if (model == "resnet50") return {.model = model, .batch = 256, .size = 224, .dtype = dtype};
  if (model == "gpt2") return {.model = model, .batch = 16, .size = 1024, .channels = 1600, .layers = 48, .dtype = dtype};
  if (model == "unet3d") return {.model = model, .batch = 1, .size = 192, .channels = 32, .layers = 4, .dtype = dtype};
  if (model == "lenet") return {.model = model, .batch = 65536, .size = 28, .dtype = dtype};
  title_of(model);
  return {.model = model, .batch = 4, .size = 1537, .dtype = dtype};
}

namespace {

template <class Net, class Optimizer>
class NetworkTraining final : public Training {
 public:
  NetworkTraining(Net net, const typename Optimizer::Options& options, const Task& task, Tensor input, Tensor target)
      : net_(std::move(net)), input_(std::move(input)), target_(std::move(target)) {
    net_.to(task.dtype);
    optimizer_.emplace(net_.parameters(), options, SourceLocation::current());
    if (task.step_in_backward) eager_.emplace(*optimizer_);
    if (is_floating(input_.dtype())) input_ = input_.to(task.dtype);
  }
  Tensor step() override {
    optimizer_->zero_grad();
    const Tensor logits = net_(input_);
    const Tensor loss = target_.ndim() == 2 && logits.ndim() == 3 ? cross_entropy(logits.flatten(0, 1), target_.flatten()) : cross_entropy(logits, target_);
    loss.backward();
    optimizer_->step();
    return loss.detach();
  }
  nn::Module& network() override { return net_; }

 private:
  Net net_;
  std::optional<typename Optimizer::Type> optimizer_;
  std::optional<optim::StepInBackward> eager_;
  Tensor input_, target_;
};

struct Momentum {
  using Type = optim::SGD;
  using Options = optim::SGDOptions;
};
struct Adaptive {
  using Type = optim::AdamW;
  using Options = optim::AdamWOptions;
};

template <class Net>
std::unique_ptr<Training> with_momentum(Net net, const Task& task, const Shape& input, const Shape& target, std::int64_t classes) {
  return std::make_unique<NetworkTraining<Net, Momentum>>(std::move(net), optim::SGDOptions{.lr = 0.01, .momentum = 0.9}, task, randn(input), randint(0, classes, target));
}

/// New tensors are made on this device for as long as it lives.
class DefaultDevice {
 public:
  explicit DefaultDevice(Device device) : before_(default_device()) { set_default_device(device); }
  ~DefaultDevice() { set_default_device(before_); }
  DefaultDevice(const DefaultDevice&) = delete;

 private:
  Device before_;
};

}  // namespace

std::unique_ptr<Training> begin_training(const Task& t, Device device) {
  const DefaultDevice there(device);
  manual_seed(11);
  const std::int64_t n = t.batch, s = t.size;
  if (t.model == "lenet") return with_momentum(models::LeNet(), t, {n, 1, s, s}, {n}, 10);
  if (t.model == "resnet50") return with_momentum(models::ResNet(models::ResNetDepth::layers50, {.width = t.channels ? t.channels : 64}), t, {n, 3, s, s}, {n}, 1000);
  if (t.model == "deeplabv3p") {
    const models::DeepLabV3PlusOptions published, options{.width = t.channels ? t.channels : published.width, .channels = published.channels * (t.channels ? t.channels : published.width) / published.width};
    return with_momentum(models::DeepLabV3Plus(options), t, {n, 3, s, s}, {n, s, s}, 21);
  }
  if (t.model == "unet3d")
    return with_momentum(models::UNet3d({.in_channels = 4, .classes = 3, .channels = t.channels, .levels = t.layers}), t, {n, 4, s, s, s}, {n, s, s, s}, 3);
  title_of(t.model);
  const std::int64_t vocabulary = t.channels < 768 ? 4096 : 50257;
  models::GPT2 net{{.vocabulary = vocabulary, .context = s, .layers = t.layers, .heads = t.channels / 64, .width = t.channels}};
  return std::make_unique<NetworkTraining<models::GPT2, Adaptive>>(std::move(net), optim::AdamWOptions{.lr = 3e-4}, t, randint(0, vocabulary, {n, s}),
                                                                    randint(0, vocabulary, {n, s}));
}

memory::Trace record(const Task& task, const std::string& profile) {
  constexpr int index = 63;  // away from the devices of the real runs
  const std::size_t bytes = std::size_t{1} << 42;
  const Device device = Device::sim(index, {.bytes = bytes, .profile = profile});
  sim::set_clock_only(device, true);
  const auto training = begin_training(task, device);
  memory::Budget budget{device, {.bytes = bytes, .policy = memory::Policy::keep}};
  for (int step = 0; step < 4; ++step) training->step();
  return memory::trace_from_json(budget.trace_json());
}

}  // namespace tasuki::benchmark
