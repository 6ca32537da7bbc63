// The tape side of Tensor's methods.
#include "src/autograd/launcher.hpp"
#include "src/core/annotated.hpp"
#include "tasuki/autograd/autograd.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {

namespace {
TensorImpl& defined(const Tensor& t) {
  if (!t.defined()) TASUKI_THROW(ValueError, "the tensor is undefined: it was default-constructed or moved from");
  return *t.impl();
}

/// The retained gradient of a computed tensor, if retain_grad was called.
LeafState* retained(const TensorImpl& t) {
  if (!t.grad_node || !t.grad_node->has_extras()) return nullptr;
  for (OutputExtras& e : t.grad_node->extras())
    if (e.output == t.output_number && e.state) return e.state;
  return nullptr;
}
}  // namespace

/// Here and not beside the rest of TensorImpl, because only the tape knows how to let go of a leaf and a node.
void TensorImpl::drop_handles() noexcept {
  handles_ = 0;
  if (leaf) {
    if (leaf->owner == this) {
      leaf->owner = nullptr;
      leaf->grad = Tensor();  // nobody can read it any more, and after create_graph it holds nodes that hold this leaf
    }
    leaf->release();
    leaf = nullptr;
  }
  if (is_view) --storage->views;
  storage->release_bytes();
  if (Node* node = grad_node) {
    grad_node = nullptr;
    node->release();
  }
  release_record();
}

bool Tensor::requires_grad() const { return defined() && impl_->requires_grad(); }
bool Tensor::is_leaf() const { return tasuki::defined(*this).grad_node == nullptr; }

const Tensor& Tensor::requires_grad_(bool on, At at) const {
  TensorImpl& t = tasuki::defined(*this);
  const auto refuse = [&](auto error) { tasuki::refuse(std::move(error), "requires_grad_", at, "x: " + describe()); };
  if (t.grad_node && !on)
    refuse(AutogradError("expected  a leaf\nactual    a tensor that a recorded op computed\nuse detach() to get the same elements off the tape"));
  if (on && !is_floating(t.dtype))
    refuse(DTypeError(detail::concat({"expected  a floating dtype\nactual    ", t.dtype, "\nonly f32, f64, bf16 and f16 have gradients; cast with .to(ts::f32)"})));
  if (!t.grad_node) {
    t.wants_grad = on;
    if (on) LeafState::of(t);
  }
  return *this;
}

Tensor Tensor::grad() const {
  const TensorImpl& t = tasuki::defined(*this);
  if (const LeafState* kept = retained(t)) return kept->grad;
  return t.leaf ? t.leaf->grad : Tensor();
}

void Tensor::set_grad(const Tensor& grad) const {
  TensorImpl& t = tasuki::defined(*this);
  if (grad.defined() && (grad.shape() != t.shape || grad.dtype() != t.dtype || grad.device() != device()))
    TASUKI_THROW(ShapeError, "a gradient must be like its tensor\nexpected  ", describe(), "\nactual    ", grad.describe());
  LeafState::of(t).grad = grad;
}

void Tensor::zero_grad() const {
  const TensorImpl& t = tasuki::defined(*this);
  if (LeafState* kept = retained(t)) kept->grad = Tensor();
  if (t.leaf) t.leaf->grad = Tensor();
}

const Tensor& Tensor::retain_grad() const {
  const TensorImpl& t = tasuki::defined(*this);
  if (!t.requires_grad()) TASUKI_THROW(AutogradError, "retain_grad needs a tensor on the tape, not ", describe());
  if (t.grad_node && !retained(t)) {
    auto& extras = t.grad_node->extras();
    extras.emplace_back();
    extras.back().output = t.output_number;
    extras.back().state = new LeafState;
  }
  return *this;
}

void Tensor::register_hook(Callback<Tensor(const Tensor&)> hook) const {
  TensorImpl& t = tasuki::defined(*this);
  if (!t.requires_grad()) TASUKI_THROW(AutogradError, "a hook needs a tensor that requires a gradient, not ", describe());
  if (!t.grad_node) {
    LeafState::of(t).hooks.push_back(std::move(hook));
    return;
  }
  auto& extras = t.grad_node->extras();
  extras.emplace_back();
  extras.back().output = t.output_number;
  extras.back().hook = std::move(hook);
}

void Tensor::register_post_accumulate_hook(Callback<void(const Tensor&)> hook) const {
  TensorImpl& t = tasuki::defined(*this);
  if (!t.wants_grad)
    TASUKI_THROW(AutogradError, "expected  a leaf that requires a gradient\nactual    ", describe(), t.grad_node ? ", which a recorded op computed" : "");
  LeafState::of(t).post_accumulate_hooks.push_back(std::move(hook));
}

void Tensor::backward(const BackwardOptions& options, At at) const { tasuki::backward({*this}, {}, options, at); }
void Tensor::backward(const Tensor& gradient, const BackwardOptions& options, At at) const {
  tasuki::backward({*this}, {gradient}, options, at);
}

Tensor Tensor::detach() const {
  const TensorImpl& t = tasuki::defined(*this);
  return detail::alias(*this, t.offset, t.shape, t.strides);
}

}  // namespace tasuki
