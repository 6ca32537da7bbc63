#pragma once
#include <cstddef>
#include <cstdint>

#include "tasuki/autograd/function.hpp"
#include "tasuki/autograd/leaf.hpp"
#include "tasuki/core/source_location.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki {

/// Where the gradient of an input goes: to an output of another node, to a leaf, or nowhere.
struct Edge {
  Node* node = nullptr;        // owned
  LeafState* leaf = nullptr;   // owned
  std::uint8_t output = 0;
  bool exists() const { return node || leaf; }
};

/// What a node knows of an input or output: always how it was laid out and which storage and version it was (the recipe for a
/// replay); when saved, also the bytes.
struct Slot {
  TensorImpl* record = nullptr;  // owned as a record
  Storage* saved = nullptr;      // owned bytes reference; nullptr when not saved or already released
  std::uint32_t version = 0;
};

/// Hooks and retained gradients of a computed tensor; few nodes have any.
struct OutputExtras {
  std::uint8_t output;
  Callback<Tensor(const Tensor&)> hook;  // empty: retain the gradient in `state`
  LeafState* state = nullptr;            // owned
};

/// Storages that a replay fills in place, rather than making temporaries.
class ReplaySink {
 public:
  virtual ~ReplaySink() = default;
  /// Asked for every dropped output of every node that must run; true after the storage was given bytes (contents undefined).
  virtual bool accept(Storage& dropped) = 0;
  /// The contents are there (`complete`), or the replay failed and they are not.
  virtual void filled(Storage& storage, bool complete) = 0;
};

/// One recorded op: the op itself, edges for the gradient, slots for operands. One block of memory from the pool; released
/// iteratively, so that a graph of any depth can be dropped.
class Node {
 public:
  static Node* create(Function& op, const detail::FunctionTraits& traits, std::size_t inputs, std::size_t outputs, SourceLocation at);

  void retain() noexcept { count_up(references_); }
  void release() noexcept {
    if (count_down(references_)) drop();
  }

  /// Keeps the op, but none of its operands, beyond the node: for launches that are still to run.
  void retain_function() noexcept { count_up(function_references_); }
  void release_function() noexcept {
    if (count_down(function_references_)) free_block();
  }

  Function& function() const { return *function_; }
  const OpInfo& info() const { return function_->info(); }
  std::uint64_t sequence() const { return sequence_; }
  SourceLocation at() const { return at_; }
  const char* module() const { return module_; }
  std::size_t input_count() const { return input_count_; }
  std::size_t output_count() const { return output_count_; }
  Edge* edges() { return edges_; }
  Slot* inputs() { return inputs_; }
  Slot* outputs() { return outputs_; }
  /// Gradients that have arrived for the outputs in the present backward pass.
  Tensor* gradients() { return gradients_; }
  SmallVector<OutputExtras, 1>& extras();
  bool has_extras() const { return extras_ != nullptr; }

  /// What a launch of this node's op needs besides its operands.
  std::size_t workspace = 0, backward_workspace = 0;
  double flops = 0, backward_flops = 0;
  std::uint32_t save_inputs = 0, save_outputs = 0, overwrites_grad = 0, mutates = 0;
  bool is_view = false;   ///< shares its input's storage; there is nothing to launch
  bool in_place = false;
  bool consumed = false;  ///< a backward pass has released what was saved

  // Of the backward pass in progress.
  std::uint64_t pass = 0;    ///< last pass that visited it
  bool queued = false;
  bool on_path = false;      ///< leads to one of the inputs that grad(outputs, inputs) asked for
  bool captured = false;     ///< is one of them

  void connect(std::size_t input, const Tensor& x, bool save);
  /// connect(0, x) for an op that is about to overwrite x.
  void connect_overwritten(const Tensor& x, bool save);
  void produce(std::size_t output, const Tensor& y, bool save);
  /// A saved operand as a tensor; with `edges`, on the tape as it was. Throws AutogradError when it was overwritten or released.
  Tensor unpack_input(std::size_t i, bool with_edges);
  Tensor unpack_output(std::size_t j, bool with_edges);
  bool saves_input(std::size_t i) const { return i < 32 && (save_inputs >> i & 1u) && inputs_[i].record; }
  bool saves_output(std::size_t j) const { return save_outputs >> j & 1u; }
  /// Throws as unpack does; returns the view of a storage that the caller has pinned otherwise.
  View saved_view(const Slot& slot, bool output, std::size_t index);
  void release_saved() noexcept;

  /// Runs the op again from its recipe, following it back to bytes that exist, and returns fresh outputs (hidden ones too),
  /// bitwise equal to the first ones. No persistent state is touched. Throws AutogradError when the bytes it starts from are gone.
  TensorList replay();
  /// The same, as far as it takes to fill dropped storages: `sink` says which ones.
  void replay_into(ReplaySink& sink);
  /// Lists the storages whose bytes a replay would start from; false when it is not possible.
  bool find_replay_sources(SmallVector<Storage*, 8>& sources);

 private:
  Node() = default;
  void drop() noexcept;
  void destroy() noexcept;
  void free_block() noexcept;
  [[noreturn]] void overwritten(const Slot& slot, bool output, std::size_t index) const;
  [[noreturn]] void used_up() const;

  Function* function_ = nullptr;
  Edge* edges_ = nullptr;
  Slot *inputs_ = nullptr, *outputs_ = nullptr;
  Tensor* gradients_ = nullptr;
  SmallVector<OutputExtras, 1>* extras_ = nullptr;
  std::uint64_t sequence_ = 0;
  SourceLocation at_;
  const char* module_ = "";
  Node* next_dropped_ = nullptr;
  std::uint32_t block_bytes_ = 0, input_count_ = 0, output_count_ = 0;
  unsigned references_ = 1, function_references_ = 1;
};

/// The outputs of the op that computed `tensor`, made again by Node::replay.
TensorList replay(const Tensor& tensor);

}  // namespace tasuki
