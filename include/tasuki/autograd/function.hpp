#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <new>
#include <type_traits>
#include <utility>

#include "tasuki/core/error.hpp"
#include "tasuki/core/small_vector.hpp"
#include "tasuki/core/view.hpp"
#include "tasuki/runtime/runtime.hpp"
#include "tasuki/tensor/tensor.hpp"

/// How an op is written. An op is a struct derived from Function whose fields are its attributes:
///
///     struct Scale final : ts::Function {
///       double factor;
///       explicit Scale(double f) : factor(f) {}
///       static constexpr ts::OpInfo op{"scale", "x"};
///       const ts::OpInfo& info() const override { return op; }
///       ts::Spec infer(const ts::Operands& in) override { return ts::Spec::like(in[0]); }
///       void forward(ts::Launch& l) override { ... l.in(0).as<float>() ... l.out(0).as<float>() ... }
///       ts::TensorList backward_graph(const ts::GradContext& c) override { return {c.grad(0) * factor}; }
///     };
///     ts::Tensor scale(const ts::Tensor& x, double factor, ts::SourceLocation at = ts::SourceLocation::current()) {
///       return ts::apply(Scale{factor}, {&x}, at);
///     }
///
/// `apply` checks, infers, launches and records. Without gradients the struct stays on the stack; with them it moves into a node
/// of the tape. An op gives its gradient as backward_graph (in ops: works for any order), as backward (fused kernels), or both.
namespace tasuki {

class Node;

enum OpFlags : unsigned {
  op_plain = 0,
  op_random = 1,            ///< draws random numbers; replay draws the same
  op_nondeterministic = 2,  ///< the same inputs may give different bits
  op_not_differentiable = 4,
  op_any_grad_layout = 8,   ///< backward takes gradients of any strides; otherwise they come laid out as the output is
  op_mixed_devices = 16,    ///< operands may be on different devices (copies between them); forward runs at once, on the host
  op_overwrites = 32,       ///< in place, and what the target held before has no part in the result
};

/// What an op is, whatever its attributes. One static constant per op.
struct OpInfo {
  const char* name;      ///< "softmax"
  const char* operands;  ///< "x, weight, bias", for errors and dumps; a list operand is named once
  unsigned flags = op_plain;
};

struct OutputSpec {
  Shape shape;
  DType dtype = DType::f32;
  Strides strides;              ///< meaningful when dense_rows is false
  bool row_major = true;
  bool hidden = false;          ///< made for backward, not returned (statistics, indices, masks); hidden ones come last
  OutputSpec() = default;
  OutputSpec(const Shape& s, DType d) : shape(s), dtype(d) {}
  OutputSpec(const Shape& s, DType d, const Strides& st) : shape(s), dtype(d), strides(st), row_major(false) {}
  static OutputSpec hidden_of(const Shape& s, DType d) {
    OutputSpec o(s, d);
    o.hidden = true;
    return o;
  }
};

/// What infer answers: outputs, scratch bytes, and what backward will want to see again.
struct Spec {
  SmallVector<OutputSpec, 2> outputs;
  std::size_t workspace = 0;           ///< scratch bytes of forward
  std::size_t backward_workspace = 0;  ///< scratch bytes of backward
  std::uint32_t save_inputs = 0;       ///< bit i: backward reads input i
  std::uint32_t save_outputs = 0;      ///< bit j: backward reads output j
  std::uint32_t overwrites_grad = 0;   ///< bit i: backward can only write the gradient of input i, not add to it
  std::uint32_t mutates = 0;           ///< bit i: forward also writes into input i (running statistics), which is absent on replay
  bool in_place = false;               ///< output 0 is input 0, written over
  bool on_device = false;              ///< outputs go to `device`; otherwise where the inputs are
  Device device;
  double flops = 0;                    ///< floating point operations of forward
  double backward_flops = 0;           ///< of backward, all gradients wanted

  Spec() = default;
  Spec(const Shape& shape, DType dtype) { outputs.emplace_back(shape, dtype); }
  /// One output laid out like `x` where x is dense, else row-major.
  static Spec like(const Tensor& x) { return like(x, x.dtype()); }
  static Spec like(const Tensor& x, DType dtype);
};

/// The inputs of an op during infer; optional ones may be undefined.
class Operands {
 public:
  Operands(const Tensor* const* tensors, std::size_t count, bool recording)
      : tensors_(tensors), count_(count), recording_(recording) {}
  const Tensor& operator[](std::size_t i) const { return *tensors_[i]; }
  std::size_t size() const { return count_; }
  /// True when this launch will be recorded and input i wants a gradient: then save what that gradient needs.
  bool needs_grad(std::size_t i) const;
  /// True when this launch will be recorded.
  bool recording() const { return recording_; }

 private:
  const Tensor* const* tensors_;
  std::size_t count_;
  bool recording_;
};

/// What forward sees: addresses and layouts only, so that it can run later, on another thread, and again.
class Launch {
 public:
  const View& in(std::size_t i) const { return views_[i]; }
  const View& out(std::size_t j) const { return views_[inputs_ + j]; }
  std::size_t input_count() const { return inputs_; }
  std::size_t output_count() const { return views_.size() - inputs_; }
  void* workspace() const { return workspace_; }
  Device device() const { return device_; }
  StreamId stream() const { return stream_; }
  /// The launch repeats an earlier one: touch no persistent state.
  bool is_replay() const { return replay_; }

 private:
  friend class Launcher;
  friend class DeferredLaunch;
  SmallVector<View, 6> views_;
  std::size_t inputs_ = 0;
  void* workspace_ = nullptr;
  Device device_;
  StreamId stream_ = 0;
  bool replay_ = false;
};

/// Where backward puts a gradient: dense, shaped like the input; write it, or add to what is there.
struct GradSlot {
  View view;
  bool accumulate = false;
};

/// What a fused backward sees.
class Backward {
 public:
  /// True when the gradient of input i is wanted.
  bool needs(std::size_t i) const { return slots_[i].view.present; }
  GradSlot grad(std::size_t i) const { return slots_[i]; }
  /// Gradient of output j; absent (false) when nothing depended on it: it counts as zeros.
  const View& grad_out(std::size_t j) const { return grads_out_[j]; }
  /// Saved input i and output j; absent when not saved.
  const View& in(std::size_t i) const { return inputs_[i]; }
  const View& out(std::size_t j) const { return outputs_[j]; }
  void* workspace() const { return workspace_; }
  Device device() const { return device_; }
  StreamId stream() const { return stream_; }

 private:
  friend class Launcher;
  friend class DeferredLaunch;
  SmallVector<GradSlot, 4> slots_;
  SmallVector<View, 4> inputs_;
  SmallVector<View, 2> outputs_, grads_out_;
  void* workspace_ = nullptr;
  Device device_;
  StreamId stream_ = 0;
};

using TensorList = SmallVector<Tensor, 3>;

/// What a backward in ops sees: tensors, on the tape when the backward pass itself is recorded.
class GradContext {
 public:
  explicit GradContext(Node& node, const TensorList& grads, bool recorded) : node_(node), grads_(grads), recorded_(recorded) {}
  /// Gradient of output j; undefined when nothing depended on it.
  const Tensor& grad(std::size_t j) const { return grads_[j]; }
  bool needs(std::size_t i) const;
  /// Saved input i and output j. Throws AutogradError when it was overwritten, naming both ops.
  Tensor in(std::size_t i) const;
  Tensor out(std::size_t j) const;
  /// Always known, saved or not.
  const Shape& in_shape(std::size_t i) const;
  DType in_dtype(std::size_t i) const;
  Device in_device(std::size_t i) const;
  std::size_t input_count() const;
  /// The backward pass is being recorded (create_graph).
  bool recorded() const { return recorded_; }

 private:
  Node& node_;
  const TensorList& grads_;
  bool recorded_;
};

/// Base of every op; see the top of this file. Fields must be movable and fixed once infer has run: a node repeats forward with them.
class Function {
 public:
  virtual ~Function() = default;
  virtual const OpInfo& info() const = 0;
  /// Checks the operands (throw ShapeError, DTypeError, ...) and answers what forward will make. May fix further fields.
  virtual Spec infer(const Operands& in) = 0;
  /// Runs kernels from l.in to l.out. Called again on replay.
  virtual void forward(Launch& l) = 0;
  /// True when backward() is there; otherwise backward_graph serves all passes.
  virtual bool has_fused_backward() const { return false; }
  virtual void backward(Backward& b);
  /// One gradient per input, undefined for those not needed or zero. The default says that the op cannot be differentiated this way.
  virtual TensorList backward_graph(const GradContext& c);
  /// "dim=1, keepdim=false", for dumps; may stay empty.
  virtual std::string attributes() const { return {}; }
};

namespace detail {

struct FunctionTraits {
  std::size_t size;
  Function* (*move_to)(void* place, Function& from);
};
template <class F>
inline constexpr FunctionTraits traits_of{sizeof(F), [](void* place, Function& from) -> Function* {
                                            return new (place) F(std::move(static_cast<F&>(from)));
                                          }};
Tensor apply_one(Function& op, const FunctionTraits& traits, const Tensor* const* inputs, std::size_t count, SourceLocation at);
TensorList apply_all(Function& op, const FunctionTraits& traits, const Tensor* const* inputs, std::size_t count, SourceLocation at);

}  // namespace detail

/// Runs an op of one (visible) output.
template <class F>
  requires(std::is_base_of_v<Function, F>)
Tensor apply(F op, std::initializer_list<const Tensor*> inputs, SourceLocation at = SourceLocation::current()) {
  return detail::apply_one(op, detail::traits_of<F>, inputs.begin(), inputs.size(), at);
}
/// Runs an op on a list of operands.
template <class F>
  requires(std::is_base_of_v<Function, F>)
Tensor apply(F op, const std::vector<Tensor>& inputs, SourceLocation at = SourceLocation::current()) {
  SmallVector<const Tensor*, 8> list;
  for (const Tensor& t : inputs) list.push_back(&t);
  return detail::apply_one(op, detail::traits_of<F>, list.data(), list.size(), at);
}
/// Runs an op of several visible outputs.
template <class F>
  requires(std::is_base_of_v<Function, F>)
TensorList apply_all(F op, std::initializer_list<const Tensor*> inputs, SourceLocation at = SourceLocation::current()) {
  return detail::apply_all(op, detail::traits_of<F>, inputs.begin(), inputs.size(), at);
}

}  // namespace tasuki
