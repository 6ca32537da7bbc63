#include "src/autograd/engine.hpp"

#include <algorithm>
#include <utility>

#include "src/autograd/grad_mode_state.hpp"
#include "src/autograd/launcher.hpp"
#include "src/autograd/out_of_memory.hpp"
#include "src/core/annotated.hpp"
#include "src/runtime/pins.hpp"
#include "tasuki/autograd/after_backward.hpp"
#include "tasuki/autograd/autograd.hpp"
#include "tasuki/autograd/grad_arithmetic.hpp"
#include "tasuki/core/context.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {

namespace {

/// Names the node whose backward runs, for ops that it calls.
class DifferentiationScope {
 public:
  explicit DifferentiationScope(const Node& node) : outer_(differentiated_node) { differentiated_node = &node; }
  ~DifferentiationScope() { differentiated_node = outer_; }
  DifferentiationScope(const DifferentiationScope&) = delete;

 private:
  const Node* outer_;
};

bool later(const Node* a, const Node* b) { return a->sequence() < b->sequence(); }

/// A buffer that the pass may add into without anybody else seeing it.
bool is_private(const Tensor& t) {
  const TensorImpl& i = *t.impl();
  return i.handle_unique() && i.storage->bytes_unique() && !i.requires_grad();
}

/// What stays with the user must not alias what others hold: another leaf, a hook that kept its argument.
Tensor own_copy(Tensor g) {
  return is_private(g) && is_dense(g.shape(), g.strides()) ? g : detail::copy_gradient(g, strides_like(g));
}

bool laid_out(const Tensor& t, const Shape& shape, const Strides& strides) {
  const TensorImpl& i = *t.impl();
  for (int d = 0; d < shape.ndim(); ++d)
    if (shape[d] > 1 && i.strides[d] != strides[d]) return false;
  return true;
}

void replace_by_hook(Tensor& gradient, const Callback<Tensor(const Tensor&)>& hook, const char* of) {
  Tensor changed = hook(gradient);
  if (!changed.defined()) return;
  if (changed.shape() != gradient.shape() || changed.dtype() != gradient.dtype())
    TASUKI_THROW(ShapeError, "a hook of ", of, " must return a gradient like the one it was given\nexpected  ", gradient.describe(), "\nactual    ", changed.describe());
  gradient = std::move(changed);
}

Strides dense_strides(const TensorImpl& t) {
  return t.contiguous || !is_dense(t.shape, t.strides) ? contiguous_strides(t.shape) : t.strides;
}

}  // namespace

BackwardPass::BackwardPass(const BackwardOptions& options, SourceLocation at)
    : retain_(options.retain_graph || options.create_graph), create_(options.create_graph), at_(at) {
  static std::uint64_t passes = 0;
  pass_ = __atomic_add_fetch(&passes, 1, __ATOMIC_RELAXED);
}

BackwardPass::~BackwardPass() {
  // After an exception gradients may be left on the way; the tape must be as it was.
  for (Node* n : visited_) {
    for (std::size_t j = 0; j < n->output_count(); ++j) n->gradients()[j] = Tensor();
    n->queued = n->on_path = n->captured = false;
    n->release();
  }
  for (LeafState* leaf : leaves_) {
    leaf->incoming = Tensor();
    leaf->captured = false;
    leaf->release();
  }
}

void BackwardPass::seed(const Tensor& output, const Tensor& gradient) {
  const TensorImpl& t = *output.impl();
  Edge edge;
  edge.node = t.grad_node;
  edge.leaf = t.grad_node ? nullptr : t.leaf;
  edge.output = t.output_number;
  roots_.push_back(output);
  if (edge.node) {
    Tensor& place = place_of(edge);
    place = place.defined() ? detail::add_gradients(place, gradient) : gradient;
    reach(*edge.node);
  } else {
    reach(*edge.leaf);
    ++edge.leaf->uses;
    leaf_seeds_.push_back(gradient);  // delivered in run(), when it is known whether the leaf is captured
  }
}

void BackwardPass::reach(Node& node) {
  if (node.pass == pass_) return;
  node.pass = pass_;
  node.retain();
  visited_.push_back(&node);
}

void BackwardPass::reach(LeafState& leaf) {
  if (leaf.pass == pass_) return;
  leaf.pass = pass_;
  leaf.uses = 0;
  leaf.retain();
  leaves_.push_back(&leaf);
}

void BackwardPass::survey() {
  // Visits every node that the roots reach: counts the uses of each leaf, and refuses a used-up tape before anything is added anywhere.
  for (std::size_t next = 0; next < visited_.size(); ++next) {
    Node* n = visited_[next];
    if (n->consumed) {
      AutogradError error("its backward ran before, and what it saved was released\npass {.retain_graph = true} to the first backward to run it again");
      error.add_op(n->info().name, n->module(), "", n->at());
      throw error;
    }
    for (std::size_t i = 0; i < n->input_count(); ++i) {
      const Edge& edge = n->edges()[i];
      if (edge.node) {
        reach(*edge.node);
      } else if (edge.leaf) {
        reach(*edge.leaf);
        ++edge.leaf->uses;
      }
    }
  }
}

void BackwardPass::capture(const std::vector<Tensor>& inputs) {
  restricted_ = true;
  for (const Tensor& x : inputs) {
    const TensorImpl& t = *x.impl();
    if (t.grad_node) {
      if (t.grad_node->pass == pass_) t.grad_node->captured = true;
      captured_.push_back({t.grad_node, t.output_number, Tensor()});
    } else {
      t.leaf->captured = true;
      reach(*t.leaf);  // where no root leads to it: so that the destructor resets it
    }
  }
}

void BackwardPass::find_paths() {
  std::sort(visited_.begin(), visited_.end(), later);  // producers first
  for (Node* n : visited_) {
    n->on_path = false;
    for (std::size_t i = 0; i < n->input_count() && !n->on_path; ++i) n->on_path = wants(n->edges()[i]);
  }
}

bool BackwardPass::wants(const Edge& edge) const {
  if (!restricted_) return edge.exists();
  if (edge.node) return edge.node->on_path || edge.node->captured;
  return edge.leaf && edge.leaf->captured;
}

Tensor& BackwardPass::place_of(const Edge& edge) {
  if (edge.node) return edge.node->gradients()[edge.output];
  LeafState& leaf = *edge.leaf;
  // Without an owner there is nobody to read grad.
  return leaf.captured || !leaf.hooks.empty() || !leaf.owner ? leaf.incoming : leaf.grad;
}

void BackwardPass::push(Node* node) {
  if (node->queued) return;
  node->queued = true;
  heap_.push_back(node);
  std::push_heap(heap_.begin(), heap_.end(), later);
}

void BackwardPass::run() {
  if (restricted_) find_paths();
  std::size_t next_leaf_seed = 0;
  for (const Tensor& root : roots_) {
    const TensorImpl& t = *root.impl();
    if (t.grad_node) {
      push(t.grad_node);
      continue;
    }
    Edge edge;
    edge.leaf = t.leaf;
    if (wants(edge)) deliver(edge, leaf_seeds_[next_leaf_seed]);
    ++next_leaf_seed;
    if (--t.leaf->uses == 0) finish_leaf(*t.leaf);
  }
  while (!heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    Node* n = heap_.back();
    heap_.pop_back();
    process(*n);
  }
}

void BackwardPass::process(Node& n) {
  if (n.has_extras()) apply_extras(n);
  if (n.captured)
    for (Captured& c : captured_)
      if (c.node == &n) c.gradient = n.gradients()[c.output];
  bool any = false;
  for (std::size_t j = 0; j < n.output_count(); ++j) any |= n.gradients()[j].defined();
  if (any && (!restricted_ || n.on_path)) {
    const ModuleScope scope(n.module());
    const DifferentiationScope differentiating(n);
    try {
      if (!create_ && n.function().has_fused_backward()) run_fused(n);
      else run_graph(n);
    } catch (Error& error) {
      const Tensor* none = nullptr;
      const bool of_an_op = !error.op().empty();
      annotate(error, n.info(), n.module(), &none, 0, n.at());
      auto* shortage = dynamic_cast<OutOfMemory*>(&error);
      DeviceRuntime& runtime = n.outputs()[0].record->storage->runtime();
      if (shortage && !of_an_op && !runtime.manager()) advise_budget(*shortage, runtime, {backward_bytes(runtime, n), {&n}});
      throw;
    }
  }
  for (std::size_t j = 0; j < n.output_count(); ++j) n.gradients()[j] = Tensor();
  if (!retain_) n.release_saved();
  for (std::size_t i = 0; i < n.input_count(); ++i) {
    const Edge& edge = n.edges()[i];
    if (edge.node) push(edge.node);
    else if (edge.leaf && --edge.leaf->uses == 0) finish_leaf(*edge.leaf);
  }
}

static void pin_operands(Node& n, Pins& pins) {
  for (std::size_t i = 0; i < n.input_count(); ++i)
    if (Storage* saved = n.inputs()[i].saved; saved && n.saves_input(i)) pins.add(*saved);
  for (std::size_t j = 0; j < n.output_count(); ++j) {
    if (Storage* saved = n.outputs()[j].saved; saved && n.saves_output(j)) pins.add(*saved);
    if (n.gradients()[j].defined()) pins.add(n.gradients()[j].storage());
  }
}

void BackwardPass::run_fused(Node& n) {
  const std::size_t inputs = n.input_count();
  if (!(n.info().flags & op_any_grad_layout)) {
    for (std::size_t j = 0; j < n.output_count(); ++j) {
      Tensor& g = n.gradients()[j];
      if (!g.defined()) continue;
      const TensorImpl& y = *n.outputs()[j].record;
      if (g.impl()->contiguous && y.contiguous) continue;
      const Strides strides = dense_strides(y);
      if (!laid_out(g, y.shape, strides)) g = detail::copy_gradient(g, strides);
    }
  }
  SmallVector<GradSlot, 4> slots(inputs);
  SmallVector<Tensor, 4> targets(inputs);
  Pins pins;  // go before the targets do
  DeviceRuntime& runtime = n.outputs()[0].record->storage->runtime();
  pins.begin(runtime);
  if (pins.managed()) pin_operands(n, pins);

  std::size_t fresh_bytes = runtime.block_bytes(n.backward_workspace);
  for (std::size_t i = 0; i < inputs; ++i) {
    const Edge& edge = n.edges()[i];
    if (!wants(edge)) continue;
    const TensorImpl& x = *n.inputs()[i].record;
    Tensor& place = place_of(edge);
    const bool leaf_place = edge.leaf && &place == &edge.leaf->grad;
    bool repeated = false;
    for (std::size_t k = 0; k < i; ++k) repeated |= slots[k].view.present && n.edges()[k].node == edge.node && n.edges()[k].leaf == edge.leaf && n.edges()[k].output == edge.output;
    slots[i].view.present = true;
    if (!place.defined() && !repeated && leaf_place && edge.leaf->grad_slot.defined()) {
      targets[i] = edge.leaf->grad_slot;
    } else if (place.defined() && !repeated && i < 32 && !(n.overwrites_grad >> i & 1u) && laid_out(place, x.shape, dense_strides(x)) &&
               (leaf_place ? !place.impl()->requires_grad() : is_private(place))) {
      targets[i] = place;
      slots[i].accumulate = true;
    } else {
      fresh_bytes += runtime.block_bytes(static_cast<std::size_t>(x.numel) * size_of(x.dtype));
    }
    if (targets[i].defined()) pins.add(targets[i].storage(), true);
  }
  if (pins.managed()) pins.reserve(fresh_bytes);
  for (std::size_t i = 0; i < inputs; ++i) {
    if (!slots[i].view.present) continue;
    if (!targets[i].defined()) {
      const TensorImpl& x = *n.inputs()[i].record;
      targets[i] = detail::allocate(x.storage->device(), x.shape, x.dtype, dense_strides(x), OwnerClass::gradient);
      pins.add(targets[i].storage());
    }
    slots[i].view = targets[i].impl()->view();
  }
  Launcher::backward(n, slots, targets.data());
  pins.end();
  for (std::size_t i = 0; i < inputs; ++i) {
    if (!slots[i].view) continue;
    Tensor& place = place_of(n.edges()[i]);
    if (!place.defined()) place = std::move(targets[i]);
    else if (!targets[i].is_same(place)) deliver(n.edges()[i], std::move(targets[i]));
  }
}

void BackwardPass::run_graph(Node& n) {
  TensorList grads;
  for (std::size_t j = 0; j < n.output_count(); ++j) grads.push_back(std::move(n.gradients()[j]));
  const GradMode mode(create_);
  TensorList results = n.function().backward_graph(GradContext(n, grads, create_));
  grads.clear();  // so that a gradient passed on is not mistaken for a shared one
  if (results.size() > n.input_count())
    TASUKI_THROW(InternalError, n.info().name, " returned ", results.size(), " gradients for ", n.input_count(), " inputs");
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (!results[i].defined() || !wants(n.edges()[i])) continue;
    const TensorImpl& x = *n.inputs()[i].record;
    if (results[i].shape() != x.shape || results[i].dtype() != x.dtype)
      TASUKI_THROW(InternalError, "the backward_graph of ", n.info().name, " made ", results[i].describe(), " for input ", i, ", which is ", name_of(x.dtype), x.shape);
    deliver(n.edges()[i], std::move(results[i]));
  }
}

void BackwardPass::deliver(const Edge& edge, Tensor g) {
  Tensor& place = place_of(edge);
  add_to(place, edge.leaf && &place == &edge.leaf->grad ? edge.leaf : nullptr, std::move(g));
}

void BackwardPass::add_to(Tensor& place, const LeafState* leaf, Tensor g) {
  if (!place.defined()) {
    if (leaf && leaf->grad_slot.defined() && !create_) {
      detail::copy_gradient_into(leaf->grad_slot, g);
      place = leaf->grad_slot;
    } else {
      place = leaf && !create_ ? own_copy(std::move(g)) : std::move(g);
    }
  } else if (!create_ && (leaf ? !place.impl()->requires_grad() : is_private(place) && is_dense(place.shape(), place.strides()))) {
    detail::add_gradient_into(place, g);
  } else {
    const GradMode mode(create_);
    place = detail::add_gradients(place, g);
  }
}

void BackwardPass::apply_extras(Node& n) {
  for (OutputExtras& e : n.extras()) {
    Tensor& g = n.gradients()[e.output];
    if (!g.defined()) continue;
    if (e.hook) {
      replace_by_hook(g, e.hook, n.info().name);
    } else {
      const GradMode mode(create_);
      e.state->grad = e.state->grad.defined() ? detail::add_gradients(e.state->grad, g) : create_ ? g : detail::copy_gradient(g, strides_like(g));
    }
  }
}

void BackwardPass::finish_leaf(LeafState& leaf) {
  if (!leaf.hooks.empty() && leaf.incoming.defined()) {
    for (auto& hook : leaf.hooks) replace_by_hook(leaf.incoming, hook, "a leaf");
    if (!leaf.captured && leaf.owner) add_to(leaf.grad, &leaf, std::move(leaf.incoming));
  }
  if (restricted_ || leaf.post_accumulate_hooks.empty() || !leaf.owner) return;
  leaf.owner->retain();
  const Tensor handle = Tensor::adopt(leaf.owner);
  for (auto& hook : leaf.post_accumulate_hooks) hook(handle);
}

Tensor BackwardPass::take(const Tensor& input) {
  const TensorImpl& t = *input.impl();
  if (!t.grad_node) return t.leaf->incoming;
  for (const Captured& c : captured_)
    if (c.node == t.grad_node && c.output == t.output_number) return c.gradient;
  return {};
}

// ---- what users call

namespace {

void check_root(const Tensor& output, SourceLocation at) {
  if (!output.defined() || !output.requires_grad())
    refuse(AutogradError(detail::concat({"expected  a tensor that depends on one that requires a gradient\nactual    ", output.describe(),
                                         ", which nothing on the tape computed\nis it made under NoGrad, detached, or does no input have requires_grad_()?"})),
           "backward", at);
}

Tensor seed_for(const Tensor& output, const Tensor& gradient, SourceLocation at) {
  if (!gradient.defined()) {
    if (output.numel() != 1)
      refuse(ShapeError(detail::concat({"expected  a tensor of one element, or a gradient to start from\nactual    ", output.describe(),
                                        "\nreduce it first (ts::sum, ts::mean), or pass the gradient"})),
             "backward", at);
    return detail::ones_like_gradient(output);
  }
  if (gradient.shape() != output.shape() || gradient.dtype() != output.dtype() || gradient.device() != output.device())
    refuse(ShapeError(detail::concat({"expected  a gradient like the output, ", output.describe(), "\nactual    ", gradient.describe()})), "backward", at);
  return gradient;
}

}  // namespace

namespace {

using Afterwards = SmallVector<Callback<void()>, 1>;
constinit thread_local Afterwards* afterwards = nullptr;  // of the innermost backward() of this thread

class AfterwardsScope {
 public:
  AfterwardsScope() : outer_(std::exchange(afterwards, &mine_)) {}
  ~AfterwardsScope() { afterwards = outer_; }
  void run() {
    for (std::size_t i = 0; i < mine_.size(); ++i) mine_[i]();
  }

 private:
  Afterwards mine_;
  Afterwards* outer_;
};

}  // namespace

void after_backward(Callback<void()> what) {
  if (!afterwards) TASUKI_THROW(AutogradError, "after_backward() was called outside a backward pass\ncall it from a hook");
  afterwards->push_back(std::move(what));
}

void backward(const std::vector<Tensor>& outputs, const std::vector<Tensor>& gradients, const BackwardOptions& options, SourceLocation at) {
  if (!gradients.empty() && gradients.size() != outputs.size())
    TASUKI_THROW(ValueError, "expected  one gradient per output\nactual    ", gradients.size(), " gradients for ", outputs.size(), " outputs");
  for (const Tensor& y : outputs) check_root(y, at);
  BackwardPass pass(options, at);
  for (std::size_t i = 0; i < outputs.size(); ++i) pass.seed(outputs[i], seed_for(outputs[i], gradients.empty() ? Tensor() : gradients[i], at));
  pass.survey();
  AfterwardsScope scope;
  pass.run();
  scope.run();
}

std::vector<Tensor> grad(const std::vector<Tensor>& outputs, const std::vector<Tensor>& inputs, const GradOptions& options, SourceLocation at) {
  if (!options.grad_outputs.empty() && options.grad_outputs.size() != outputs.size())
    TASUKI_THROW(ValueError, "expected  one gradient per output\nactual    ", options.grad_outputs.size(), " gradients for ", outputs.size(), " outputs");
  for (const Tensor& y : outputs) check_root(y, at);
  for (std::size_t i = 0; i < inputs.size(); ++i)
    if (!inputs[i].defined() || !inputs[i].requires_grad())
      refuse(AutogradError(detail::concat({"expected  inputs that require a gradient\nactual    input ", i, ", ", inputs[i].describe(), ", does not"})), "grad", at);
  BackwardPass pass({options.retain_graph, options.create_graph}, at);
  for (std::size_t i = 0; i < outputs.size(); ++i)
    pass.seed(outputs[i], seed_for(outputs[i], options.grad_outputs.empty() ? Tensor() : options.grad_outputs[i], at));
  pass.survey();
  pass.capture(inputs);
  pass.run();
  std::vector<Tensor> results;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    results.push_back(pass.take(inputs[i]));
    if (!results.back().defined() && !options.allow_unused)
      refuse(AutogradError(detail::concat({"no output depends on input ", i, ", ", inputs[i].describe(), "\npass {.allow_unused = true} to get an undefined gradient for it"})), "grad", at);
  }
  return results;
}

}  // namespace tasuki
