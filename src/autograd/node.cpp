#include "tasuki/autograd/node.hpp"

#include <algorithm>
#include <new>

#include "src/autograd/launcher.hpp"
#include "src/core/pool.hpp"
#include "tasuki/core/context.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {

// ---- leaves

void LeafState::retain() noexcept { count_up(references); }
void LeafState::release() noexcept {
  if (count_down(references)) delete this;
}
LeafState& LeafState::of(TensorImpl& impl) {
  if (!impl.leaf) {
    impl.leaf = new LeafState;
    impl.leaf->owner = &impl;
  }
  return *impl.leaf;
}

// ---- making a node

Node* Node::create(Function& op, const detail::FunctionTraits& traits, std::size_t inputs, std::size_t outputs, SourceLocation at) {
  if (outputs > 32) TASUKI_THROW(InternalError, "an op has at most 32 outputs, not ", outputs);
  const auto round = [](std::size_t n) { return (n + 15) / 16 * 16; };
  const std::size_t edges_at = round(sizeof(Node)), inputs_at = edges_at + inputs * sizeof(Edge), outputs_at = inputs_at + inputs * sizeof(Slot);
  const std::size_t gradients_at = outputs_at + outputs * sizeof(Slot), op_at = round(gradients_at + outputs * sizeof(Tensor));
  const std::size_t bytes = op_at + traits.size;
  char* block = static_cast<char*>(pool_allocate(bytes));
  Node* n = new (block) Node;
  n->block_bytes_ = static_cast<std::uint32_t>(bytes);
  n->input_count_ = static_cast<std::uint32_t>(inputs);
  n->output_count_ = static_cast<std::uint32_t>(outputs);
  n->edges_ = new (block + edges_at) Edge[inputs];
  n->inputs_ = new (block + inputs_at) Slot[inputs];
  n->outputs_ = new (block + outputs_at) Slot[outputs];
  n->gradients_ = new (block + gradients_at) Tensor[outputs];
  n->function_ = traits.move_to(block + op_at, op);
  static std::uint64_t next_sequence = 0;
  n->sequence_ = __atomic_add_fetch(&next_sequence, 1, __ATOMIC_RELAXED);
  n->at_ = at;
  n->module_ = current_module();
  return n;
}

void Node::connect(std::size_t i, const Tensor& x, bool save) {
  TensorImpl* t = x.impl();
  if (!t) return;
  t->retain_record();
  Slot& slot = inputs_[i];
  slot.record = t;
  slot.version = t->storage->version();
  if (save) {
    slot.saved = t->storage;
    slot.saved->retain_bytes();
  }
  Edge& edge = edges_[i];
  if (t->grad_node) {
    edge.node = t->grad_node;
    edge.node->retain();
    edge.output = t->output_number;
  } else if (t->wants_grad) {
    edge.leaf = &LeafState::of(*t);
    edge.leaf->retain();
  }
}

void Node::connect_overwritten(const Tensor& x, bool save) {
  connect(0, x, save);
  if (save) return;
  const TensorImpl& t = *x.impl();
  Storage* before = Storage::record_of(*t.storage);
  if (before->producer() != t.grad_node) before->set_producer(nullptr, 0);  // only the edge keeps a producer alive
  before->retain_bytes();
  TensorImpl* record = TensorImpl::create(before, t.offset, t.dtype, t.shape, t.strides);
  record->retain_record();
  record->release();  // the description stays, without bytes
  inputs_[0].record->release_record();
  inputs_[0].record = record;
}

void Node::produce(std::size_t j, const Tensor& y, bool save) {
  TensorImpl* t = y.impl();
  t->retain_record();
  Slot& slot = outputs_[j];
  slot.record = t;
  slot.version = t->storage->version();
  if (save) {
    slot.saved = t->storage;
    slot.saved->retain_bytes();
  }
  if (!is_view) t->storage->set_producer(this, static_cast<std::uint8_t>(j));
}

SmallVector<OutputExtras, 1>& Node::extras() {
  if (!extras_) extras_ = new SmallVector<OutputExtras, 1>;
  return *extras_;
}

// ---- unpacking

void Node::overwritten(const Slot& slot, bool output, std::size_t i) const {
  const char* writer = slot.record->storage->last_writer();
  const std::string advice = slot.record->wants_grad ? "update a parameter after the last backward of the graphs that were computed from it"
                                                     : detail::concat({"use the out-of-place form of ", writer ? writer : "the write", ", or write into a clone()"});
  throw AutogradError(detail::concat(
      {"backward of ", info().name, " needs its ", output ? "output" : "input", " ", i, " as it was, but ", writer ? writer : "a write through data()",
       " has overwritten it\nexpected  version ", slot.version, " of ", name_of(slot.record->dtype), slot.record->shape, "\nactual    version ",
       slot.record->storage->version(), "\n", advice}));
}

void Node::used_up() const {
  throw AutogradError(detail::concat({"backward of ", info().name, " ran before, and what it saved was released"
                                      "\npass {.retain_graph = true} to the first backward to run it again"}));
}

View Node::saved_view(const Slot& slot, bool output, std::size_t i) {
  if (!slot.saved) {
    if (consumed) used_up();
    TASUKI_THROW(InternalError, info().name, " reads its ", output ? "output " : "input ", i, " in backward and did not save it");
  }
  if (slot.record->storage != slot.saved)
    throw AutogradError(detail::concat({"backward of ", info().name, " needs its ", output ? "output " : "input ", i,
                                        ", but that tensor was moved to another place (to(), or an optimizer made for it) after the forward pass"
                                        "\nmove modules and make optimizers before the forward pass"}));
  if (slot.saved->version() != slot.version) overwritten(slot, output, i);
  return slot.record->view();
}

Tensor detail::handle_on(const TensorImpl& record, Storage& storage) {
  storage.retain();
  storage.retain_bytes();
  return Tensor::adopt(TensorImpl::create(&storage, record.offset, record.dtype, record.shape, record.strides));
}

static Tensor handle_on(const Slot& slot) { return detail::handle_on(*slot.record, *slot.record->storage); }

Tensor Node::unpack_input(std::size_t i, bool with_edges) {
  const Slot& slot = inputs_[i];
  if (!slot.record) return {};
  saved_view(slot, false, i);
  Tensor x = handle_on(slot);
  if (with_edges) {
    const Edge& edge = edges_[i];
    TensorImpl& t = *x.impl();
    if (edge.node) {
      edge.node->retain();
      t.grad_node = edge.node;
      t.output_number = edge.output;
    } else if (edge.leaf) {
      edge.leaf->retain();
      t.leaf = edge.leaf;  // the same leaf under a second description: gradients meet there
      t.wants_grad = true;
    }
  }
  return x;
}

Tensor Node::unpack_output(std::size_t j, bool with_edges) {
  const Slot& slot = outputs_[j];
  saved_view(slot, true, j);
  Tensor y = handle_on(slot);
  if (with_edges && is_floating(y.dtype())) {
    retain();
    y.impl()->grad_node = this;
    y.impl()->output_number = static_cast<std::uint8_t>(j);
  }
  return y;
}

bool GradContext::needs(std::size_t i) const { return node_.edges()[i].exists(); }
Tensor GradContext::in(std::size_t i) const { return node_.unpack_input(i, recorded_); }
Tensor GradContext::out(std::size_t j) const { return node_.unpack_output(j, recorded_); }
const Shape& GradContext::in_shape(std::size_t i) const { return node_.inputs()[i].record->shape; }
DType GradContext::in_dtype(std::size_t i) const { return node_.inputs()[i].record->dtype; }
Device GradContext::in_device(std::size_t i) const { return node_.inputs()[i].record->storage->device(); }
std::size_t GradContext::input_count() const { return node_.input_count(); }

// ---- letting go

static void release_slot(Slot& slot) noexcept {
  if (slot.saved) {
    Storage* s = slot.saved;
    slot.saved = nullptr;
    s->release_bytes();
  }
}

void Node::release_saved() noexcept {
  if (!save_inputs && !save_outputs) return;  // nothing to lose: another backward may pass here
  consumed = true;
  for (std::size_t i = 0; i < input_count_; ++i) release_slot(inputs_[i]);
  for (std::size_t j = 0; j < output_count_; ++j) release_slot(outputs_[j]);
}

void Node::drop() noexcept {
  // A node's edges may hold the last reference to the next one, and so on for a million nodes: a list instead of recursion.
  constinit static thread_local Node* waiting = nullptr;
  constinit static thread_local bool draining = false;
  next_dropped_ = waiting;
  waiting = this;
  if (draining) return;
  draining = true;
  while (Node* n = waiting) {
    waiting = n->next_dropped_;
    n->destroy();
  }
  draining = false;
}

void Node::destroy() noexcept {
  for (std::size_t i = 0; i < input_count_; ++i) {
    release_slot(inputs_[i]);
    if (inputs_[i].record) inputs_[i].record->release_record();
    if (edges_[i].node) edges_[i].node->release();
    if (edges_[i].leaf) edges_[i].leaf->release();
  }
  for (std::size_t j = 0; j < output_count_; ++j) {
    if (TensorImpl* record = outputs_[j].record) {
      if (record->storage->producer() == this) record->storage->set_producer(nullptr, 0);
      release_slot(outputs_[j]);
      record->release_record();
    }
    gradients_[j].~Tensor();
  }
  if (extras_) {
    for (OutputExtras& e : *extras_)
      if (e.state) e.state->release();
    delete extras_;
  }
  release_function();
}

void Node::free_block() noexcept {
  function_->~Function();
  const std::size_t bytes = block_bytes_;
  this->~Node();
  pool_free(this, bytes);
}

// ---- replay

namespace {

/// Whether the operand that a slot describes can be read; bytes in a lower tier count, dropped ones do not.
bool has_the_bytes(const Slot& slot) {
  const Storage& s = *slot.record->storage;
  return s.has_bytes() && s.residency() != Residency::dropped && s.version() == slot.version;
}

/// Whether a replay reads input i. What forward changes (running statistics) is in a later state by then.
bool is_replayed_from(const Node& n, const Slot& slot, std::size_t i) { return slot.record && !(i < 32 && n.mutates >> i & 1u); }

/// Nodes in the order in which they must run so that a target can, and what they leave behind.
struct ReplayPlan {
  SmallVector<Node*, 16> order;
  SmallVector<TensorList, 16> made;
  // Why there is no plan:
  const Node* blocked = nullptr;
  std::size_t blocked_input = 0;
  const char* why = nullptr;

  explicit ReplayPlan(Node& target);
  std::size_t step_of(const Node* node) const {
    for (std::size_t k = 0; k < order.size(); ++k)
      if (order[k] == node) return k;
    return order.size();
  }
  /// Runs step k; everything that no later step reads is let go.
  void run(std::size_t k, Storage* const* into);
};

ReplayPlan::ReplayPlan(Node& target) {
  SmallVector<Node*, 16> stack{&target};
  while (!stack.empty()) {
    Node* n = stack.back();
    stack.pop_back();
    if (step_of(n) != order.size()) continue;
    order.push_back(n);
    for (std::size_t i = 0; i < n->input_count(); ++i) {
      const Slot& slot = n->inputs()[i];
      if (!is_replayed_from(*n, slot, i) || has_the_bytes(slot)) continue;
      const Storage& s = *slot.record->storage;
      if (s.version() != slot.version) why = "were overwritten";
      else if (!s.producer()) why = "are gone, and nothing on the tape made them";
      else if (s.producer()->outputs()[s.producer_output()].version != s.version()) why = "are gone, and were changed after the op that made them";
      if (why) {
        blocked = n;
        blocked_input = i;
        return;
      }
      stack.push_back(s.producer());
    }
  }
  // Producers precede consumers in sequence.
  std::sort(order.begin(), order.end(), [](const Node* a, const Node* b) { return a->sequence() < b->sequence(); });
}

void ReplayPlan::run(std::size_t k, Storage* const* into) {
  Node& n = *order[k];
  TensorList operands;
  for (std::size_t i = 0; i < n.input_count(); ++i) {
    const Slot& slot = n.inputs()[i];
    if (!is_replayed_from(n, slot, i)) {
      operands.emplace_back();
      continue;
    }
    // An earlier step may have filled the storage itself.
    const Storage& s = *slot.record->storage;
    const std::size_t source = has_the_bytes(slot) ? order.size() : step_of(s.producer());
    operands.push_back(source == order.size() ? handle_on(slot)
                                              : detail::alias(made[source][s.producer_output()], slot.record->offset, slot.record->shape, slot.record->strides));
  }
  made.push_back(Launcher::replay(n, operands, into));
  for (std::size_t past = 0; past < k; ++past) {
    bool read_later = false;
    for (std::size_t later = k + 1; later < order.size() && !read_later; ++later)
      for (std::size_t i = 0; i < order[later]->input_count() && !read_later; ++i) {
        const TensorImpl* record = order[later]->inputs()[i].record;
        read_later = record && record->storage->producer() == order[past];
      }
    if (!read_later) made[past].clear();
  }
}

}  // namespace

TensorList Node::replay() {
  if (is_view) TASUKI_THROW(AutogradError, info().name, " makes a view: there is nothing to replay");
  ReplayPlan steps(*this);
  if (steps.blocked)
    throw AutogradError(detail::concat({steps.blocked->info().name, " cannot be replayed: the bytes of its input ", steps.blocked_input, " ", steps.why}));
  for (std::size_t k = 0; k < steps.order.size(); ++k) steps.run(k, nullptr);
  return steps.made.back();
}

void Node::replay_into(ReplaySink& sink) {
  ReplayPlan steps(*this);
  if (steps.blocked)
    throw InternalError(detail::concat({steps.blocked->info().name, " must be replayed and cannot: the bytes of its input ", steps.blocked_input, " ", steps.why}));
  for (std::size_t k = 0; k < steps.order.size(); ++k) {
    Node& n = *steps.order[k];
    SmallVector<Storage*, 4> into(n.output_count());
    const auto finish = [&](bool complete) {
      for (Storage* s : into)
        if (s) sink.filled(*s, complete);
    };
    try {
      for (std::size_t j = 0; j < n.output_count(); ++j) {
        const Slot& slot = n.outputs()[j];
        Storage& s = *slot.record->storage;
        if (s.residency() == Residency::dropped && s.has_bytes() && s.producer() == &n && s.version() == slot.version && sink.accept(s)) into[j] = &s;
      }
      steps.run(k, into.data());
    } catch (...) {
      finish(false);
      throw;
    }
    finish(true);
  }
}

bool Node::find_replay_sources(SmallVector<Storage*, 8>& sources) {
  const ReplayPlan steps(*this);
  if (steps.blocked) return false;
  for (const Node* n : steps.order)
    for (std::size_t i = 0; i < n->input_count(); ++i) {
      const Slot& slot = const_cast<Node*>(n)->inputs()[i];
      if (is_replayed_from(*n, slot, i) && has_the_bytes(slot)) sources.push_back(slot.record->storage);
    }
  return true;
}

TensorList replay(const Tensor& tensor) {
  if (!tensor.defined() || !tensor.impl()->grad_node)
    TASUKI_THROW(AutogradError, "only a tensor that a recorded op computed can be replayed, not ", tensor.describe());
  Node* node = tensor.impl()->grad_node;
  return node->replay();
}

}  // namespace tasuki
