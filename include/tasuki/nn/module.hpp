#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "tasuki/core/context.hpp"
#include "tasuki/core/function_ref.hpp"
#include "tasuki/tensor/named_tensor.hpp"
#include "tasuki/tensor/tensor.hpp"

/// Networks. A network is a struct that derives from Module, has layers as members, and is called like a function:
///
///     struct Net : ts::nn::Module {
///       ts::nn::Linear fc1{this, "fc1", 784, 100}, fc2{this, "fc2", 100, 10};
///       ts::nn::Parameter scale{this, "scale", ts::ones({10})};
///       ts::Tensor operator()(const ts::Tensor& x) { return fc2(ts::relu(fc1(x))) * scale; }
///     };
///
/// Modules move and do not copy: a copy that shared its parameters, or silently did not, would be a trap. ts::nn::clone(net) makes a
/// deep copy. Members are found by their offset from the module, so a module may be moved freely, but only members may be given
/// `this`: a layer in a std::vector or behind a pointer belongs into a ModuleList or a Sequential, which own their children.
namespace tasuki::nn {

class Module;
class Scope;
class ScopeWatcher;

/// Sole owner of a module on the heap.
class ModulePtr {
 public:
  ModulePtr() = default;
  explicit ModulePtr(Module* module) : module_(module) {}
  ModulePtr(ModulePtr&& o) noexcept : module_(std::exchange(o.module_, nullptr)) {}
  ModulePtr& operator=(ModulePtr&& o) noexcept {
    std::swap(module_, o.module_);
    return *this;
  }
  inline ~ModulePtr();
  Module* get() const { return module_; }
  Module* operator->() const { return module_; }
  Module& operator*() const { return *module_; }
  explicit operator bool() const { return module_ != nullptr; }

 private:
  Module* module_ = nullptr;
};

/// A module and its path in the one it was found from ("" for that one itself).
struct NamedModule {
  std::string name;
  Module* module;
};

/// Called before a module's forward; a defined return value replaces the input.
using ForwardPreHook = Callback<Tensor(const Module& module, const Tensor& input)>;
/// Called after a module's forward; a defined return value replaces the output.
using ForwardHook = Callback<Tensor(const Module& module, const Tensor& input, const Tensor& output)>;

class Module {
 public:
  Module() = default;
  /// A member of `parent`, under a name that is unique there. Throws ValueError for a name that is taken, empty, or contains a dot.
  Module(Module* parent, std::string_view name);
  Module(Module&& o) noexcept;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  Module& operator=(Module&&) = delete;
  virtual ~Module();

  /// A deep copy: its own parameters and buffers with the same values (and the same ties between them), the same mode. Hooks stay
  /// behind. Layers and containers of the library have it; ts::nn::clone gives it to a user's struct as well. A struct that must
  /// be cloned inside a container and has no default constructor overrides it: `return clone_as(*this, width, depth);`
  virtual ModulePtr clone() const;

  // -- what it holds. A parameter that several modules share is listed once, under its first name.
  std::vector<Tensor> parameters() const;
  std::vector<Tensor> buffers() const;
  std::vector<NamedTensor> named_parameters() const;
  std::vector<NamedTensor> named_buffers() const;
  /// Parameters and buffers as they are saved: each once, in the order in which they were registered.
  std::vector<NamedTensor> named_state() const;
  /// The paths under which a tensor can be found, shared ones under each of their names.
  std::vector<NamedTensor> named_state_with_aliases() const;
  std::vector<Module*> children() const;
  /// This module and all below it, parents first.
  std::vector<NamedModule> named_modules() const;
  std::int64_t parameter_count() const;

  /// "encoder.fc2": where it is in the network, as of the last walk over that network (parameters(), to(), train(), ...).
  const char* path() const { return path_; }
  /// The class without namespaces: "Linear".
  std::string type_name() const;

  // -- what is done to all of it
  /// Training mode (the default) or evaluation: dropout and batch normalization differ.
  Module& train(bool on = true);
  Module& eval() { return train(false); }
  bool is_training() const { return training_; }
  /// Moves parameters, buffers and gradients. The tensors stay the same handles, so that optimizers keep theirs.
  Module& to(Device device);
  /// Casts floating parameters, buffers and gradients; again inside the same handles.
  Module& to(DType dtype);
  /// Takes all parameters out of training, or back in. Optimizers skip those without gradients.
  Module& freeze() { return set_requires_grad(false); }
  Module& unfreeze() { return set_requires_grad(true); }
  void zero_grad() const;
  /// Calls f on every module, children before their parents: net.apply([](ts::nn::Module& m) { ... }).
  Module& apply(function_ref<void(Module&)> f);

  // -- parameters computed from others; see nn/parametrize.hpp
  /// Makes the parameter `name` a function of raw ones, which take its place among the parameters. `parametrization` is a Parametrization.
  void parametrize(std::string_view name, ModulePtr parametrization);
  /// Makes it a parameter of its own again, with its present value.
  void remove_parametrization(std::string_view name);

  // -- hooks: on layers and containers of the library, and on a user's module whose forward uses a Scope with enter and leave
  std::size_t register_forward_pre_hook(ForwardPreHook hook);
  std::size_t register_forward_hook(ForwardHook hook);
  /// Removes a hook by the number that its registration returned.
  void remove_hook(std::size_t number);

 protected:
  /// Registers a tensor that is a member of this module. Parameter and Buffer do it by themselves.
  void register_parameter(std::string_view name, Tensor& member);
  void register_buffer(std::string_view name, Tensor& member);
  /// Takes a parameter that is no member of the class, for layers that know only when they run how many they have: its number, for
  /// owned_parameter.
  std::size_t own_parameter(std::string_view name, const Tensor& initial);
  const Tensor& owned_parameter(std::size_t number) const { return tensor(slots_[number]); }
  /// Takes a child onto the heap; for containers.
  Module& own(std::string_view name, ModulePtr child);
  /// A new M(arguments...) with this module's parameters, buffers and mode, for an override of clone.
  template <class M, class... Arguments>
  static ModulePtr clone_as(const M& original, Arguments&&... arguments);

 private:
  friend class Scope;
  friend class Parameter;
  friend class Buffer;
  friend class CloneContext;
  struct Child {
    std::string name;
    std::ptrdiff_t offset;  // of a member; unused when owned
    ModulePtr owned;
  };
  struct Slot {
    std::string name;
    std::ptrdiff_t offset;  // of a member; unused when owned
    bool is_buffer;
    bool is_owned = false;
    bool is_computed = false;  // from the parameters of a parametrization
    mutable Tensor owned{};
  };
  struct Hooks;

  struct Parametrized;
  Module& set_requires_grad(bool on);
  void compute_parametrized() const;
  void copy_parametrizations_to(Module& copy) const;
  Module* child(const Child& c) const;
  Tensor& tensor(const Slot& s) const;
  void check_name(std::string_view name) const;
  void register_slot(std::string_view name, Tensor& member, bool is_buffer);
  void visit(function_ref<void(const std::string&, Module&)> f) const;
  void visit_tensors(function_ref<void(const std::string&, Tensor&, bool is_buffer)> f) const;
  void reseat_all(function_ref<Tensor(const Tensor&)> convert);
  Tensor before_forward(const Tensor& x) const;
  Tensor after_forward(const Tensor& x, Tensor y) const;

  std::vector<Child> children_;
  std::vector<Slot> slots_;
  mutable const char* path_ = "";  // interned
  Hooks* hooks_ = nullptr;
  bool training_ = true;
};

inline ModulePtr::~ModulePtr() { delete module_; }

/// A parameter of a user's own module; it registers itself. Assigning a tensor keeps the name; assigning another Parameter ties the two.
///
///     ts::nn::Parameter scale{this, "scale", ts::ones({64})};
class Parameter : public Tensor {
 public:
  Parameter(Module* owner, std::string_view name, const Tensor& initial = {});
  Parameter(const Parameter&) = default;
  Parameter(Parameter&&) = default;
  Parameter& operator=(const Parameter&) = default;
  Parameter& operator=(Parameter&&) = default;
  /// Throws AutogradError unless `value` is a leaf: a parameter is not computed from other tensors.
  Parameter& operator=(const Tensor& value);
};

/// A tensor that belongs to the state of a module and is saved with it, but not trained: running statistics, tables.
class Buffer : public Tensor {
 public:
  Buffer(Module* owner, std::string_view name, const Tensor& initial = {});
  Buffer(const Buffer&) = default;
  Buffer(Buffer&&) = default;
  Buffer& operator=(const Buffer&) = default;
  Buffer& operator=(Buffer&&) = default;
  Buffer& operator=(const Tensor& value) {
    Tensor::operator=(value);
    return *this;
  }
};

/// The forward of a module: while it lives, nodes, traces and errors name the module's path. Layers of the library open one; a
/// user's module opts in with one line, and passes input and output through it to have hooks as well:
///
///     ts::Tensor operator()(const ts::Tensor& x) {
///       ts::nn::Scope s{this};
///       return s.leave(fc2(ts::relu(fc1(s.enter(x)))));
///     }
class Scope {
 public:
  explicit Scope(const Module* module) : module_(*module), names_(module->path_), watched_(watcher != nullptr) {
    if (watched_) [[unlikely]]
      watch_enter();
  }
  ~Scope() {
    if (watched_) [[unlikely]]
      watch_exit();
  }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

  /// Runs the pre-hooks; the input that the forward is to use.
  const Tensor& enter(const Tensor& x) {
    if (!module_.hooks_) [[likely]]
      return x;
    input_ = module_.before_forward(x);
    return input_;
  }
  /// Runs the hooks; what the forward is to return.
  Tensor leave(Tensor y) {
    if (module_.hooks_) [[unlikely]]
      y = module_.after_forward(input_, std::move(y));
    if (watched_) [[unlikely]]
      watch_output(y);
    return y;
  }

 private:
  friend class ScopeWatcher;
  void watch_enter();
  void watch_output(const Tensor& y);
  void watch_exit();
  static constinit thread_local ScopeWatcher* watcher;  // constinit: read without a call to an initializer

  const Module& module_;
  ModuleScope names_;
  Tensor input_;
  bool watched_;
};

/// Told of every Scope on its thread while it lives; what the summary is made with.
class ScopeWatcher {
 public:
  ScopeWatcher() : outer_(std::exchange(Scope::watcher, this)) {}
  virtual ~ScopeWatcher() { Scope::watcher = outer_; }
  ScopeWatcher(const ScopeWatcher&) = delete;
  ScopeWatcher& operator=(const ScopeWatcher&) = delete;
  virtual void entered(const Module&) {}
  virtual void left(const Module&, const Tensor& /*output*/) {}
  virtual void exited(const Module&) {}

 private:
  ScopeWatcher* outer_;
};

/// Makes `copy`, fresh from its constructor, equal to an original of the same structure. Initializers that ran meanwhile must not
/// move the default random stream: constructing the context remembers it, and finishing puts it back.
class CloneContext {
 public:
  CloneContext();
  ~CloneContext();
  void copy_state(const Module& original, Module& copy) const;

 private:
  std::uint64_t seed_, offset_;
};

template <class M, class... Arguments>
ModulePtr Module::clone_as(const M& original, Arguments&&... arguments) {
  const CloneContext context;
  ModulePtr copy(new M(std::forward<Arguments>(arguments)...));
  context.copy_state(original, *copy);
  return copy;
}

namespace detail {
template <class M>
inline constexpr bool overrides_clone = std::is_same_v<decltype(&M::clone), ModulePtr (M::*)() const>;
[[noreturn]] void cannot_clone(const Module& module);

/// A deep copy on the heap, of any module whose class is known here.
template <class M>
ModulePtr clone_on_heap(const Module& original) {
  if constexpr (overrides_clone<M>) {
    return original.clone();
  } else if constexpr (std::is_default_constructible_v<M>) {
    const CloneContext context;
    ModulePtr copy(new M);
    context.copy_state(original, *copy);
    return copy;
  } else {
    cannot_clone(original);
  }
}
}  // namespace detail

/// A deep copy of a network: `Net average = ts::nn::clone(net);`. A user's struct is constructed again, from the arguments given
/// here (none for a default constructor), and then gets the original's parameters, buffers and mode: other members are what the
/// constructor makes them. Throws ValueError when the arguments make a network of another structure.
template <class M, class... Arguments>
  requires(std::is_base_of_v<Module, M>)
M clone(const M& original, Arguments&&... arguments) {
  if constexpr (sizeof...(Arguments) == 0 && detail::overrides_clone<M>) {
    const ModulePtr copy = original.clone();
    return M(std::move(static_cast<M&>(*copy)));
  } else {
    static_assert(std::is_constructible_v<M, Arguments...>,
                  "ts::nn::clone constructs the network again: give it the arguments of the constructor after the network");
    const CloneContext context;
    M copy(std::forward<Arguments>(arguments)...);
    context.copy_state(original, copy);
    return copy;
  }
}

}  // namespace tasuki::nn
