#pragma once
#include <string_view>

#include "tasuki/io/module_io.hpp"
#include "tasuki/nn/module.hpp"
#include "tasuki/optim/optimizer.hpp"

/// Networks and optimizers in safetensors files, which Python opens:
///
///     ts::save(net, "net.safetensors");
///     ts::load(net, "net.safetensors");
///     ts::load(backbone, "imagenet.safetensors", {.strict = false});   // takes what fits, reports the rest
namespace tasuki {

/// Parameters and buffers under their paths ("encoder.fc2.weight"); a shared one once, under its first name.
inline void save(const nn::Module& module, std::string_view path, const Metadata& metadata = {}) {
  save_tensors(module.named_state(), path, metadata);
}

/// Copies a file's tensors into the module's, by name. Throws FileError that lists what is missing, unexpected or of another shape;
/// nothing has changed then.
inline LoadReport load(nn::Module& module, std::string_view path, const LoadOptions& options = {}) {
  return load_state(module.named_state_with_aliases(), path, options);
}

/// An optimizer's state and learning rates, for a checkpoint beside the network's.
inline void save(const optim::Optimizer& optimizer, std::string_view path) { save_tensors(optimizer.named_state(), path); }

/// Throws ValueError for the state of another optimizer.
inline void load(optim::Optimizer& optimizer, std::string_view path) { optimizer.load_state(load_tensors(path)); }

}  // namespace tasuki
