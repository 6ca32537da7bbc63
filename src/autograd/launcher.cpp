#include "src/autograd/launcher.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string_view>
#include <vector>

#include "src/autograd/deferred.hpp"
#include "src/autograd/grad_mode_state.hpp"
#include "src/autograd/out_of_memory.hpp"
#include "src/runtime/pins.hpp"
#include "tasuki/core/context.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {

// ---- listeners

namespace {

std::atomic<bool> anyone_listens{false};
/// Nobody is called under the lock: a listener may take locks of its own, under which others launch.
struct Audience {
  std::mutex mutex;
  SmallVector<LaunchListener*, 4> listeners;
  std::uint64_t generation = 0;    ///< counts removals
  int calls[2] = {0, 0};           ///< in progress, that began in an even and in an odd generation
  std::condition_variable quiet;
};
Audience& audience() {
  static Audience& a = *new Audience;
  return a;
}

bool listening() { return anyone_listens.load(std::memory_order_relaxed); }

void tell(const LaunchRecord& record, void (LaunchListener::*what)(const LaunchRecord&)) {
  struct Call {
    Audience& a = audience();
    SmallVector<LaunchListener*, 4> listeners;
    int turn;
    Call() {
      const std::lock_guard lock(a.mutex);
      listeners = a.listeners;
      turn = static_cast<int>(a.generation % 2);
      ++a.calls[turn];
    }
    ~Call() {
      const std::lock_guard lock(a.mutex);
      if (--a.calls[turn] == 0) a.quiet.notify_all();
    }
  } const call;
  for (LaunchListener* listener : call.listeners) (listener->*what)(record);
}

}  // namespace

void add_listener(LaunchListener& listener) {
  Audience& a = audience();
  const std::lock_guard lock(a.mutex);
  a.listeners.push_back(&listener);
  anyone_listens.store(true, std::memory_order_relaxed);
}

void remove_listener(LaunchListener& listener) {
  Audience& a = audience();
  std::unique_lock lock(a.mutex);
  SmallVector<LaunchListener*, 4> others;
  for (LaunchListener* l : a.listeners)
    if (l != &listener) others.push_back(l);
  a.listeners = others;
  anyone_listens.store(!others.empty(), std::memory_order_relaxed);
  // Calls that began before know it still. New ones are counted apart, so that they cannot keep it waiting.
  const int turn = static_cast<int>(a.generation % 2);
  a.quiet.wait(lock, [&] { return a.calls[1 - turn] == 0; });
  ++a.generation;
  a.quiet.wait(lock, [&] { return a.calls[turn] == 0; });
}

const char* name_of(LaunchPhase phase) {
  switch (phase) {
    case LaunchPhase::forward: return "forward";
    case LaunchPhase::backward: return "backward";
    case LaunchPhase::replay: return "replay";
  }
  return "?";
}

// ---- errors

void annotate(Error& error, const OpInfo& info, const char* module, const Tensor* const* inputs, std::size_t count, SourceLocation at) {
  std::string line;
  std::string_view names = info.operands;
  for (std::size_t i = 0; i < count; ++i) {
    const auto comma = names.find(", ");
    const std::string_view name = names.substr(0, comma);
    if (comma != std::string_view::npos) names.remove_prefix(comma + 2);
    if (!inputs[i]->defined()) continue;
    if (!line.empty()) line += "   ";
    if (i >= 8) {
      line += "and " + std::to_string(count - i) + " more";
      break;
    }
    line += name;
    line += ": " + inputs[i]->describe();
  }
  error.add_op(info.name, module, std::move(line), at);
}

// ---- pieces of a launch

namespace {

/// Scratch bytes for the length of a launch.
class Workspace {
 public:
  Workspace(DeviceRuntime& runtime, std::size_t bytes) : runtime_(runtime), bytes_(bytes), data_(bytes ? runtime.allocate(bytes) : nullptr) {}
  ~Workspace() {
    if (data_) runtime_.deallocate(data_, bytes_);
  }
  Workspace(const Workspace&) = delete;
  void* data() const { return data_; }

 private:
  DeviceRuntime& runtime_;
  std::size_t bytes_;
  void* data_;
};

/// Of the device that the operands share, or that the op has chosen.
DeviceRuntime& runtime_for(const OpInfo& info, const Spec& spec, const Tensor* const* inputs, std::size_t count) {
  DeviceRuntime* runtime = spec.on_device ? &runtime_of(spec.device) : nullptr;
  for (std::size_t i = 0; i < count; ++i) {
    const TensorImpl* t = inputs[i]->impl();
    if (!t) continue;
    DeviceRuntime& own = t->storage->runtime();
    if (!runtime) runtime = &own;
    else if (&own != runtime && !(info.flags & op_mixed_devices))
      TASUKI_THROW(DeviceError, "expected  all operands on one device\nactual    ", runtime->device(), " and ", own.device(), "\nmove one of them with .to(device)");
  }
  return runtime ? *runtime : runtime_of(spec.device);
}

LaunchOperand operand_of(const TensorImpl* t, Access access) {
  return t ? LaunchOperand{t->view(), t->storage, access} : LaunchOperand{View{}, nullptr, access};
}

/// Of input i in a forward launch.
Access input_access(const OpInfo& info, const Spec& spec, std::size_t i) {
  if (spec.in_place && i == 0) return info.flags & op_overwrites ? Access::write : Access::read_write;
  return i < 32 && spec.mutates >> i & 1u ? Access::read_write : Access::read;
}

struct Report {
  SmallVector<LaunchOperand, 6> inputs, outputs;
  LaunchRecord record{};
  void tell(void (LaunchListener::*what)(const LaunchRecord&)) {
    record.inputs = inputs.data();
    record.input_count = inputs.size();
    record.outputs = outputs.data();
    record.output_count = outputs.size();
    tasuki::tell(record, what);
  }
};

}  // namespace

void Launcher::check_in_place(const OpInfo& info, const Tensor& target, bool recording) {
  const TensorImpl& t = *target.impl();
  for (int d = 0; d < t.shape.ndim() && t.numel > 0; ++d)
    if (t.strides[d] == 0 && t.shape[d] > 1 && t.numel != 0)
      TASUKI_THROW(ValueError, "the target is expanded: several of its elements share one place\nwrite into a clone() instead");
  if (!grad_mode_enabled) return;
  if (t.wants_grad)
    TASUKI_THROW(AutogradError, info.name, " would overwrite a leaf that requires a gradient\nwrap it in ts::NoGrad to change a parameter, or use the out-of-place form");
  if (t.is_view && (recording || t.requires_grad()))
    TASUKI_THROW(AutogradError, info.name, " would write through a differentiable view, which the tape cannot follow\nuse the out-of-place form, or write before making the view");
  if (t.storage->views && (recording || t.requires_grad()))
    TASUKI_THROW(AutogradError, info.name, " would overwrite a tensor that has live differentiable views, which the tape cannot follow\nuse the out-of-place form, or let the views go first");
}

/// What a launch is about to allocate.
static std::size_t fresh_bytes(const DeviceRuntime& runtime, const Spec& spec) {
  std::size_t bytes = runtime.block_bytes(spec.workspace);
  if (!spec.in_place)
    for (const OutputSpec& o : spec.outputs) bytes += runtime.block_bytes(static_cast<std::size_t>(o.shape.numel()) * size_of(o.dtype));
  return bytes;
}

/// Says what a budget would do, where there is none.
static void advise(OutOfMemory& error, const Tensor* const* inputs, std::size_t count, std::size_t wanted) {
  Shortage shortage{wanted};
  SmallVector<const Storage*, 8> storages;
  DeviceRuntime* runtime = nullptr;
  for (std::size_t i = 0; i < count; ++i) {
    const TensorImpl* t = inputs[i]->impl();
    if (!t || std::find(storages.begin(), storages.end(), t->storage) != storages.end()) continue;
    runtime = &t->storage->runtime();
    storages.push_back(t->storage);
    shortage.bytes += runtime->block_bytes(t->storage->bytes());
    if (t->grad_node) shortage.tape.push_back(t->grad_node);
  }
  if (!runtime || runtime->manager()) return;
  if (differentiated_node) shortage.tape.push_back(differentiated_node);
  advise_budget(error, *runtime, shortage);
}

// ---- forward

void Launcher::apply(Function& op, const detail::FunctionTraits& traits, const Tensor* const* inputs, std::size_t count, SourceLocation at,
                     TensorList& outputs) {
  const OpInfo& info = op.info();
  if (differentiated_node) at = differentiated_node->at();
  Node* node = nullptr;
  struct Undo {
    Node*& node;
    ~Undo() {
      if (node) node->release();
    }
  } undo{node};
  try {
    bool recording = false;
    if (grad_mode_enabled && !(info.flags & op_not_differentiable))
      for (std::size_t i = 0; i < count && !recording; ++i) recording = inputs[i]->defined() && inputs[i]->impl()->requires_grad();

    Spec spec = op.infer(Operands(inputs, count, recording));
    DeviceRuntime& runtime = runtime_for(info, spec, inputs, count);
    const Device device = runtime.device();
    if (spec.in_place) check_in_place(info, *inputs[0], recording);

    try {
      Pins pins;
      pins.begin(runtime);
      for (std::size_t i = 0; i < count; ++i)
        if (const TensorImpl* t = inputs[i]->impl()) pins.add(*t->storage, (spec.in_place && i == 0) || (i < 32 && spec.mutates >> i & 1u));
      if (pins.managed()) pins.reserve(fresh_bytes(runtime, spec));

      const OwnerClass owner = recording ? OwnerClass::activation : OwnerClass::temporary;
      std::size_t visible = 0;
      if (spec.in_place) {
        outputs.push_back(*inputs[0]);
        visible = 1;
      } else {
        for (const OutputSpec& o : spec.outputs) {
          outputs.push_back(o.row_major ? detail::allocate(device, o.shape, o.dtype, owner) : detail::allocate(device, o.shape, o.dtype, o.strides, owner));
          Storage& storage = *outputs.back().impl()->storage;
          storage.set_last_writer(info.name);
          pins.add(storage);
          visible += !o.hidden;
        }
      }

      Launch l;
      l.inputs_ = count;
      for (std::size_t i = 0; i < count; ++i) {
        const TensorImpl* t = inputs[i]->impl();
        l.views_.push_back(t ? t->view() : View{});
      }
      for (const Tensor& y : outputs) l.views_.push_back(y.impl()->view());
      const Workspace workspace(runtime, spec.workspace);
      l.workspace_ = workspace.data();
      l.device_ = device;

      Function* live = &op;
      if (recording) {
        node = Node::create(op, traits, count, outputs.size(), at);
        live = &node->function();
        // What an in-place op reads can only be made again from here on; the storage itself moves to the next version.
        if (spec.in_place) node->connect_overwritten(*inputs[0], spec.save_inputs & 1u);
        for (std::size_t i = spec.in_place ? 1 : 0; i < count; ++i) node->connect(i, *inputs[i], i < 32 && (spec.save_inputs >> i & 1u));
      }

      const auto launch = [&] {
        if (DeferredLaunch::wanted(device, info)) [[unlikely]] DeferredLaunch::forward(*live, &traits, node, l, {&info, current_module(), at, device, spec.flops, spec.mutates});
        else live->forward(l);
      };
      if (listening()) [[unlikely]] {
        Report report;
        const LaunchPhase phase = differentiated_node ? LaunchPhase::backward : LaunchPhase::forward;
        report.record = {&info, phase, current_module(), at, device, 0, nullptr, 0, nullptr, 0, spec.workspace, spec.flops, recording};
        for (std::size_t i = 0; i < count; ++i) report.inputs.push_back(operand_of(inputs[i]->impl(), input_access(info, spec, i)));
        for (const Tensor& y : outputs) report.outputs.push_back(operand_of(y.impl(), spec.in_place ? input_access(info, spec, 0) : Access::write));
        report.tell(&LaunchListener::before_launch);
        launch();
        report.tell(&LaunchListener::after_launch);
      } else {
        launch();
      }

      if (spec.in_place) inputs[0]->impl()->storage->mark_written(info.name);
      for (std::size_t i = 0; spec.mutates >> i; ++i)
        if (spec.mutates >> i & 1u) inputs[i]->impl()->storage->mark_written(info.name);

      if (recording && record(node, spec, inputs, outputs)) node = nullptr;
      pins.end();
      while (outputs.size() > visible) outputs.pop_back();
    } catch (OutOfMemory& error) {
      advise(error, inputs, count, fresh_bytes(runtime, spec));
      throw;
    }
  } catch (Error& error) {
    annotate(error, info, current_module(), inputs, count, at);
    throw;
  }
}

bool Launcher::record(Node* node, const Spec& spec, const Tensor* const* inputs, const TensorList& outputs) {
  node->workspace = spec.workspace;
  node->backward_workspace = spec.backward_workspace;
  node->flops = spec.flops;
  node->backward_flops = spec.backward_flops;
  node->save_inputs = spec.save_inputs;
  node->save_outputs = spec.save_outputs;
  node->overwrites_grad = spec.overwrites_grad;
  node->mutates = spec.mutates;
  node->in_place = spec.in_place;
  if (spec.in_place) {
    TensorImpl* t = inputs[0]->impl();
    if (t->grad_node) t->grad_node->release();  // the node's edge holds it now
    t->grad_node = nullptr;
  }
  bool taken_over = false;
  for (std::size_t j = 0; j < outputs.size(); ++j) {
    node->produce(j, outputs[j], spec.save_outputs >> j & 1u);
    const bool hidden = !spec.in_place && spec.outputs[j].hidden;
    if (!hidden && is_floating(outputs[j].impl()->dtype)) {
      if (taken_over) node->retain();
      taken_over = true;
      outputs[j].impl()->grad_node = node;
      outputs[j].impl()->output_number = static_cast<std::uint8_t>(j);
    }
  }
  return taken_over;
}

void Launcher::record_views(Function& op, const detail::FunctionTraits& traits, const Tensor& x, const Tensor* views, std::size_t count, SourceLocation at) {
  Node* node = Node::create(op, traits, 1, count, at);
  node->is_view = true;
  node->connect(0, x, false);
  for (std::size_t j = 0; j < count; ++j) {
    TensorImpl& y = *views[j].impl();
    node->produce(j, views[j], false);
    if (j > 0) node->retain();  // the first takes over the creation reference
    y.grad_node = node;
    y.output_number = static_cast<std::uint8_t>(j);
    y.is_view = true;
    ++y.storage->views;
  }
}

// ---- replay

TensorList Launcher::replay(Node& node, const TensorList& operands, Storage* const* into) {
  SmallVector<const Tensor*, 6> pointers;
  for (const Tensor& t : operands) pointers.push_back(&t);
  const OpInfo& info = node.info();
  try {
    TensorList outputs;
    Pins pins;  // go before the outputs do
    for (const Tensor& t : operands)
      if (t.defined()) pins.add(*t.impl()->storage);
    for (std::size_t j = 0; j < node.output_count(); ++j) {
      const TensorImpl& was = *node.outputs()[j].record;
      if (into && into[j]) outputs.push_back(detail::handle_on(was, *into[j]));
      else outputs.push_back(node.in_place ? operands[0] : detail::allocate(was.storage->device(), was.shape, was.dtype, was.strides, OwnerClass::temporary));
      pins.add(*outputs.back().impl()->storage);
    }
    const bool over_a_copy = node.in_place && !outputs[0].shares_storage(operands[0]);
    Launch l;
    l.inputs_ = operands.size();
    l.replay_ = true;
    l.device_ = node.outputs()[0].record->storage->device();
    for (const Tensor& t : operands) l.views_.push_back(t.defined() ? t.impl()->view() : View{});
    for (const Tensor& y : outputs) l.views_.push_back(y.impl()->view());
    if (over_a_copy) {
      runtime_of(l.device_).copy_async(outputs[0].impl()->storage->data(), operands[0].impl()->storage->data(), outputs[0].impl()->storage->bytes(),
                                       DeviceRuntime::CopyKind::device_to_device);
      l.views_[0] = outputs[0].impl()->view();
    }
    const Workspace workspace(runtime_of(l.device_), node.workspace);
    l.workspace_ = workspace.data();
    const auto launch = [&] {
      const Device device = l.device_;
      if (DeferredLaunch::wanted(device, info)) [[unlikely]] DeferredLaunch::forward(node.function(), nullptr, &node, l, {&info, node.module(), node.at(), device, node.flops});
      else node.function().forward(l);
    };
    if (listening()) [[unlikely]] {
      Report report;
      report.record = {&info, LaunchPhase::replay, node.module(), node.at(), l.device_, 0, nullptr, 0, nullptr, 0, node.workspace, node.flops, true};
      for (const Tensor& t : operands) report.inputs.push_back(operand_of(t.impl(), Access::read));
      for (const Tensor& y : outputs) report.outputs.push_back(operand_of(y.impl(), Access::write));
      report.tell(&LaunchListener::before_launch);
      launch();
      report.tell(&LaunchListener::after_launch);
    } else {
      launch();
    }
    return outputs;
  } catch (Error& error) {
    annotate(error, info, node.module(), pointers.data(), pointers.size(), node.at());
    throw;
  }
}

// ---- backward

void Launcher::backward(Node& node, const SmallVector<GradSlot, 4>& slots, const Tensor* targets) {
  Backward b;
  b.slots_ = slots;
  for (std::size_t i = 0; i < node.input_count(); ++i) {
    const Slot& slot = node.inputs()[i];
    b.inputs_.push_back(node.saves_input(i) ? node.saved_view(slot, false, i) : View{});
  }
  for (std::size_t j = 0; j < node.output_count(); ++j) {
    const Slot& slot = node.outputs()[j];
    b.outputs_.push_back(node.saves_output(j) ? node.saved_view(slot, true, j) : View{});
    const TensorImpl* g = node.gradients()[j].impl();
    b.grads_out_.push_back(g ? g->view() : View{});
  }
  b.device_ = node.outputs()[0].record->storage->device();
  const Workspace workspace(runtime_of(b.device_), node.backward_workspace);
  b.workspace_ = workspace.data();
  const auto launch = [&] {
    const Device device = b.device_;
    if (DeferredLaunch::wanted(device, node.info())) [[unlikely]] DeferredLaunch::backward(node, b, {&node.info(), node.module(), node.at(), device, node.backward_flops});
    else node.function().backward(b);
  };
  if (listening()) [[unlikely]] {
    Report report;
    report.record = {&node.info(), LaunchPhase::backward, node.module(), node.at(), b.device_, 0, nullptr, 0, nullptr, 0, node.backward_workspace, node.backward_flops, false};
    const auto saved = [&](const Slot& slot, const View& view) {
      if (view) report.inputs.push_back({view, slot.saved, Access::read});
    };
    for (std::size_t i = 0; i < node.input_count(); ++i) saved(node.inputs()[i], b.inputs_[i]);
    for (std::size_t j = 0; j < node.output_count(); ++j) saved(node.outputs()[j], b.outputs_[j]);
    for (std::size_t j = 0; j < node.output_count(); ++j)
      if (node.gradients()[j].defined()) report.inputs.push_back(operand_of(node.gradients()[j].impl(), Access::read));
    for (std::size_t i = 0; i < node.input_count(); ++i)
      if (slots[i].view) report.outputs.push_back(operand_of(targets[i].impl(), slots[i].accumulate ? Access::read_write : Access::write));
    report.tell(&LaunchListener::before_launch);
    launch();
    report.tell(&LaunchListener::after_launch);
  } else {
    launch();
  }
  for (std::size_t i = 0; i < node.input_count(); ++i)
    if (slots[i].view) targets[i].impl()->storage->mark_written(node.info().name);
}

// ---- what apply() in the header calls

namespace detail {

Tensor apply_one(Function& op, const FunctionTraits& traits, const Tensor* const* inputs, std::size_t count, SourceLocation at) {
  TensorList outputs;
  Launcher::apply(op, traits, inputs, count, at, outputs);
  return std::move(outputs[0]);
}

TensorList apply_all(Function& op, const FunctionTraits& traits, const Tensor* const* inputs, std::size_t count, SourceLocation at) {
  TensorList outputs;
  Launcher::apply(op, traits, inputs, count, at, outputs);
  return outputs;
}

}  // namespace detail

Spec Spec::like(const Tensor& x, DType dtype) {
  const TensorImpl& t = *x.impl();
  Spec spec;
  if (t.contiguous) spec.outputs.emplace_back(t.shape, dtype);
  else spec.outputs.emplace_back(t.shape, dtype, strides_like(x));
  return spec;
}

bool Operands::needs_grad(std::size_t i) const {
  return recording_ && tensors_[i]->defined() && tensors_[i]->impl()->requires_grad();
}

void Function::backward(Backward&) { TASUKI_THROW(InternalError, info().name, " says that it has a fused backward and has none"); }

TensorList Function::backward_graph(const GradContext&) {
  TASUKI_THROW(AutogradError, info().name, has_fused_backward() ? " cannot be differentiated twice: it has no backward_graph" : " has no gradient: it defines neither backward nor backward_graph");
}

}  // namespace tasuki
