#include "tasuki/autograd/flat_layout.hpp"

#include <algorithm>

#include "src/runtime/pins.hpp"
#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/autograd/leaf.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/tensor/layout.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki {

namespace {

std::size_t aligned(std::size_t bytes) { return (bytes + FlatLayout::alignment - 1) / FlatLayout::alignment * FlatLayout::alignment; }

/// True when the tensor is all of its storage, so that moving it takes nothing away from other tensors.
bool owns_its_storage(const Tensor& t) {
  return t.storage_offset() == 0 && t.nbytes() == t.storage().bytes() && is_dense(t.shape(), t.strides());
}

Tensor tensor_in(Arena& arena, std::size_t offset, DType dtype, const Shape& shape, const Strides& strides, OwnerClass owner) {
  const std::size_t bytes = static_cast<std::size_t>(shape.numel()) * size_of(dtype);
  return Tensor::adopt(TensorImpl::create(Storage::in_arena(arena, offset, bytes, owner), 0, dtype, shape, strides));
}

/// Same strides on both sides, so bytes are bytes.
void copy_bytes(const Tensor& to, const Tensor& from) {
  if (from.nbytes() == 0) return;
  DeviceRuntime& runtime = to.storage().runtime();
  Pins pins;
  pins.add(from.storage());
  pins.add(to.storage(), true);
  runtime.copy_async(to.impl()->address(), from.impl()->address(), from.nbytes(), DeviceRuntime::CopyKind::device_to_device);
}

/// Zeroes the padding behind each tensor of a group, so that what runs over a whole range finds numbers. `wider`: as in make_state.
void clear_padding(Arena& arena, const std::vector<FlatLayout::Entry>& entries, std::size_t group, std::size_t wider = 1) {
  static constexpr char zeros[2 * FlatLayout::alignment] = {};
  DeviceRuntime& runtime = arena.runtime();
  for (const FlatLayout::Entry& e : entries) {
    const std::size_t gap = (aligned(e.bytes) - e.bytes) * wider, offset = (e.offset + e.bytes) * wider;
    if (e.group != group || gap == 0) continue;
    if (runtime.manager()) runtime.commit({arena.data(), arena.bytes(), offset, gap});  // an arena under a budget begins without bytes
    runtime.copy_async(static_cast<char*>(arena.data()) + offset, zeros, gap, DeviceRuntime::CopyKind::host_to_device);
  }
}

void move_into(const Tensor& parameter, const Tensor& place) {
  copy_bytes(place, parameter);
  Storage& storage = place.storage();
  storage.retain();
  storage.retain_bytes();
  parameter.impl()->reseat(&storage, 0, parameter.dtype(), parameter.shape(), parameter.strides());
}

}  // namespace

FlatLayout::FlatLayout(const std::vector<Tensor>& parameters) {
  entries_.reserve(parameters.size());
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Tensor& p = parameters[i];
    if (!p.defined()) TASUKI_THROW(ValueError, "parameter ", i, " of ", parameters.size(), " is undefined");
    if (!is_floating(p.dtype())) TASUKI_THROW(DTypeError, "parameter ", i, " is ", p.describe(), "; only floating tensors are trained");
    if (!p.is_leaf())
      TASUKI_THROW(AutogradError, "parameter ", i, " (", p.describe(), ") was computed by a recorded op; give the leaf that it was computed from");
    bool repeated = false;
    for (const Entry& e : entries_) repeated |= e.parameter.is_same(p);
    if (!repeated) entries_.push_back({p, Tensor(), 0, 0, 0, false, {}, {}});
  }
  pack();
}

FlatLayout::~FlatLayout() {
  // Gradients that a user still holds stay valid; the next backward simply makes new ones.
  release_gradient_slots();
}

void FlatLayout::release_gradient_slots() {
  for (Entry& e : entries_) {
    if (!e.gradient.defined()) continue;
    if (LeafState* leaf = e.parameter.impl()->leaf; leaf && leaf->grad_slot.is_same(e.gradient)) leaf->grad_slot = Tensor();
    e.gradient = Tensor();
  }
  for (Group& g : groups_) g.gradients = nullptr;
}

void FlatLayout::pack() {
  const NoGrad off;
  groups_.clear();
  for (Entry& e : entries_) {
    const Tensor& p = e.parameter;
    e.group = groups_.size();
    for (std::size_t g = 0; g < groups_.size(); ++g)
      if (groups_[g].dtype == p.dtype() && groups_[g].device == p.device()) e.group = g;
    if (e.group == groups_.size()) groups_.push_back({p.dtype(), p.device(), 0, nullptr, nullptr});
    e.offset = groups_[e.group].bytes;
    e.bytes = p.nbytes();
    groups_[e.group].bytes += aligned(e.bytes);
  }
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    Group& g = groups_[i];
    g.parameters = Arena::create(runtime_of(g.device), g.bytes, !together_);
    clear_padding(*g.parameters, entries_, i);
  }
  for (Entry& e : entries_) {
    const Tensor& p = e.parameter;
    Group& g = groups_[e.group];
    e.packed = owns_its_storage(p);
    const Strides strides = is_dense(p.shape(), p.strides()) ? p.strides() : contiguous_strides(p.shape());
    e.shape = p.shape();
    e.strides = strides;
    if (e.packed) move_into(p, tensor_in(*g.parameters, e.offset, g.dtype, p.shape(), strides, OwnerClass::parameter));
  }
  make_gradient_slots();
}

void FlatLayout::make_gradient_slots() {
  const NoGrad off;
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    groups_[i].gradients = Arena::create(runtime_of(groups_[i].device), groups_[i].bytes, !together_);
    clear_padding(*groups_[i].gradients, entries_, i);
  }
  for (Entry& e : entries_) {
    Group& g = groups_[e.group];
    e.gradient = tensor_in(*g.gradients, e.offset, g.dtype, e.shape, e.strides, OwnerClass::gradient);
    LeafState& leaf = LeafState::of(*e.parameter.impl());
    leaf.grad_slot = e.gradient;
    if (leaf.grad.defined()) {
      e.gradient.copy_(leaf.grad);
      leaf.grad = e.gradient;
    }
  }
}

void FlatLayout::keep_together() {
  together_ = true;
  bool all_in_place = true;
  for (const Group& g : groups_)
    for (Arena* arena : {g.parameters.get(), g.gradients.get()})
      if (arena) arena->keep_together();
  for (const Entry& e : entries_) {
    all_in_place &= !e.packed || e.parameter.storage().is_in_arena();
    all_in_place &= !e.gradient.defined() || e.gradient.storage().is_in_arena();
  }
  if (!all_in_place) pack();
}

void FlatLayout::drop_gradients() {
  for (const Entry& e : entries_) {
    LeafState& leaf = LeafState::of(*e.parameter.impl());
    leaf.grad = Tensor();
    if (!e.gradient.defined()) continue;
    ResidencyManager* manager = e.gradient.storage().runtime().manager();
    if (!manager || !leaf.grad_slot.is_same(e.gradient)) continue;
    leaf.grad_slot = Tensor();
    if (e.gradient.impl()->handle_unique() && e.gradient.storage().bytes_unique()) manager->discard(e.gradient.storage());
    leaf.grad_slot = e.gradient;
  }
}

bool FlatLayout::is_current(const Entry& e) const {
  const Tensor& p = e.parameter;
  return p.dtype() == groups_[e.group].dtype && p.device() == groups_[e.group].device && p.shape() == e.shape &&
         (p.storage().arena() != nullptr || !e.packed);
}

bool FlatLayout::is_current() const {
  return std::all_of(entries_.begin(), entries_.end(), [this](const Entry& e) { return is_current(e); });
}

bool FlatLayout::refresh() {
  if (is_current()) return false;
  pack();
  return true;
}

std::vector<Tensor> FlatLayout::make_state() const {
  std::vector<intrusive_ptr<Arena>> arenas;
  std::vector<std::size_t> scale;
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    const Group& g = groups_[i];
    // Offsets are those of the parameters, stretched where the state is wider: a multiple of 64 stays one.
    const std::size_t wider = g.dtype == f64 ? 1 : sizeof(float) / size_of(g.dtype);
    scale.push_back(wider);
    arenas.push_back(Arena::create(runtime_of(g.device), g.bytes * wider, true));
    clear_padding(*arenas.back(), entries_, i, wider);
  }
  const NoGrad off;
  std::vector<Tensor> state;
  state.reserve(entries_.size());
  for (const Entry& e : entries_) {
    const DType dtype = groups_[e.group].dtype == f64 ? f64 : f32;
    state.push_back(tensor_in(*arenas[e.group], e.offset * scale[e.group], dtype, e.shape, e.strides, OwnerClass::optimizer));
    state.back().zero_();
  }
  return state;
}

}  // namespace tasuki
