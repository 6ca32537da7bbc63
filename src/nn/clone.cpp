#include <unordered_map>

#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/nn/module.hpp"
#include "tasuki/tensor/layout.hpp"
#include "tasuki/tensor/random.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki::nn {

CloneContext::CloneContext() {
  const PhiloxState state = default_generator().state();
  seed_ = state.seed;
  offset_ = state.offset;
}
CloneContext::~CloneContext() { default_generator().set_state({seed_, offset_}); }

namespace {
[[noreturn]] void other_structure(const Module& original, const std::string& path, const std::string& difference) {
  TASUKI_THROW(ValueError, "the clone of ", original.type_name(), " was constructed with another structure\n", path.empty() ? std::string() : path + ": ", difference,
               "\ngive ts::nn::clone the arguments that the original was constructed with");
}

/// Tensors of the copy by those of the original, so that what is shared there is shared here.
class Copies {
 public:
  Tensor of(const Tensor& original) {
    if (!original.defined()) return {};
    Tensor& copy = copies_[original.impl()];
    if (!copy.defined()) {
      copy = original.detach().clone();
      copy.storage().set_owner(original.storage().owner());
      if (original.requires_grad()) copy.requires_grad_(true);
    }
    return copy;
  }

 private:
  std::unordered_map<const TensorImpl*, Tensor> copies_;
};
}  // namespace

void CloneContext::copy_state(const Module& original, Module& copy) const {
  const NoGrad off;
  original.copy_parametrizations_to(copy);
  const std::vector<NamedModule> from = original.named_modules(), to = copy.named_modules();
  if (from.size() != to.size())
    other_structure(original, "", tasuki::detail::concat({from.size(), " modules became ", to.size()}));
  Copies copies;
  for (std::size_t i = 0; i < from.size(); ++i) {
    const Module& a = *from[i].module;
    Module& b = *to[i].module;
    if (from[i].name != to[i].name) other_structure(original, from[i].name, "the clone has " + to[i].name + " in its place");
    if (a.slots_.size() != b.slots_.size())
      other_structure(original, from[i].name, tasuki::detail::concat({a.slots_.size(), " parameters and buffers became ", b.slots_.size()}));
    b.training_ = a.training_;
    b.path_ = a.path_;
    for (std::size_t k = 0; k < a.slots_.size(); ++k) {
      if (a.slots_[k].name != b.slots_[k].name) other_structure(original, from[i].name, a.slots_[k].name + " became " + b.slots_[k].name);
      Tensor& target = b.tensor(b.slots_[k]);
      const Tensor& source = a.tensor(a.slots_[k]);
      if (target.defined() && source.defined() && target.shape() != source.shape())
        other_structure(original, from[i].name, a.slots_[k].name + " " + source.shape().to_string() + " became " + target.shape().to_string());
      target = copies.of(source);
    }
  }
}

}  // namespace tasuki::nn
