#pragma once
#include "tasuki/autograd/listener.hpp"
#include "tasuki/autograd/node.hpp"

namespace tasuki {

/// The choke point: every kernel of every op runs through here, forward, backward and replay. It pins operands, makes outputs and
/// workspace before anything starts, launches, bumps versions, and reports to the listeners.
class Launcher {
 public:
  /// check -> infer -> launch -> record. All outputs, hidden ones removed.
  static void apply(Function& op, const detail::FunctionTraits& traits, const Tensor* const* inputs, std::size_t count, SourceLocation at,
                    TensorList& outputs);
  /// Puts an op of one or more views on the tape: all `views` share x's storage.
  static void record_views(Function& op, const detail::FunctionTraits& traits, const Tensor& x, const Tensor* views, std::size_t count, SourceLocation at);
  /// Repeats a node's forward on given operands. With `into`, output j is written over into[j], where that is not nullptr.
  static TensorList replay(Node& node, const TensorList& operands, Storage* const* into = nullptr);
  /// Runs a node's fused backward into prepared slots. `pins` holds its operands already.
  static void backward(Node& node, const SmallVector<GradSlot, 4>& slots, const Tensor* targets);

 private:
  static void check_in_place(const OpInfo& info, const Tensor& target, bool recording);
  /// Puts an op that has run on the tape. True when an output has taken over the caller's reference to the node.
  static bool record(Node* node, const Spec& spec, const Tensor* const* inputs, const TensorList& outputs);
};

namespace detail {
/// A handle on `storage`, laid out as `record` describes.
Tensor handle_on(const TensorImpl& record, Storage& storage);
}  // namespace detail

/// Adds op, module, operands and place to an error that passes through.
void annotate(Error& error, const OpInfo& info, const char* module, const Tensor* const* inputs, std::size_t count, SourceLocation at);

}  // namespace tasuki
