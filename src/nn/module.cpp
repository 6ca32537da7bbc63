#include "tasuki/nn/module.hpp"
#include "tasuki/nn/parametrize.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <typeinfo>
#include <unordered_set>

#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/autograd/leaf.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki::nn {

struct Module::Hooks {
  struct Pre {
    std::size_t number;
    ForwardPreHook call;
  };
  struct Post {
    std::size_t number;
    ForwardHook call;
  };
  std::size_t registered = 0;
  std::vector<Pre> before;
  std::vector<Post> after;
  std::vector<Parametrized*> parametrized;  // owned by the child "parametrizations"
};

/// The raw parameters of one parameter, and the function of them, as its child "0".
struct Module::Parametrized final : Module {
  Parametrized(std::size_t number, ModulePtr function, const std::vector<Tensor>& raw) : slot(number), count(raw.size()) {
    for (std::size_t i = 0; i < count; ++i) own_parameter(count == 1 ? "original" : "original" + std::to_string(i), raw[i]);
    compute = &static_cast<Parametrization&>(own("0", std::move(function)));
  }
  Tensor value() const {
    std::vector<Tensor> raw;
    for (std::size_t i = 0; i < count; ++i) raw.push_back(owned_parameter(i));
    return compute->compute(raw);
  }
  std::size_t slot, count;
  Parametrization* compute;
};

// Addresses as numbers: the members belong to classes that this file does not know, so there is no array to point into.
static std::ptrdiff_t distance(const void* from, const void* to) {
  return static_cast<std::ptrdiff_t>(reinterpret_cast<std::uintptr_t>(to) - reinterpret_cast<std::uintptr_t>(from));
}
template <class T>
static T* at_offset(const void* from, std::ptrdiff_t offset) {
  return reinterpret_cast<T*>(reinterpret_cast<std::uintptr_t>(from) + static_cast<std::uintptr_t>(offset));
}
static std::string join(std::string_view path, std::string_view name) {
  std::string joined(path);
  if (!path.empty() && !name.empty()) joined += '.';
  joined += name;
  return joined;
}

// ---- construction and registration

Module::Module(Module* parent, std::string_view name) {
  if (!parent) TASUKI_THROW(ValueError, "module \"", name, "\" was given no parent; pass `this` of the module that it is a member of");
  parent->check_name(name);
  path_ = intern(name);  // until a walk over the whole network gives the full one
  parent->children_.push_back({std::string(name), distance(parent, this), ModulePtr()});
}

Module::Module(Module&& o) noexcept
    : children_(std::move(o.children_)),
      slots_(std::move(o.slots_)),
      path_(o.path_),
      hooks_(std::exchange(o.hooks_, nullptr)),
      training_(o.training_) {
  o.children_.clear();
  o.slots_.clear();
}

Module::~Module() { delete hooks_; }

void Module::check_name(std::string_view name) const {
  const auto refuse = [&](std::string_view why) {
    TASUKI_THROW(ValueError, type_name(), *path_ ? tasuki::detail::concat({" at ", path_}) : std::string(), " cannot have a member named \"", name, "\"\n", why);
  };
  if (name.empty()) refuse("a name is what errors, checkpoints and summaries show; give it one");
  if (name.find('.') != std::string_view::npos) refuse("dots separate the names in a path such as encoder.fc2");
  const auto taken = [&](const auto& list) { return std::any_of(list.begin(), list.end(), [&](const auto& e) { return e.name == name; }); };
  if (taken(children_) || taken(slots_)) refuse("it already has one; names of layers, parameters and buffers differ within a module");
}

void Module::register_slot(std::string_view name, Tensor& member, bool is_buffer) {
  check_name(name);
  const std::ptrdiff_t offset = distance(this, &member);
  for (const Slot& s : slots_)
    if (!s.is_owned && s.offset == offset)
      TASUKI_THROW(ValueError, "the tensor registered as \"", name, "\" is already registered as \"", s.name, "\" in ", type_name(),
                   "\nto share a parameter between modules, assign it: decoder.weight = encoder.weight");
  slots_.push_back({std::string(name), offset, is_buffer});
  if (member.defined()) member.storage().set_owner(is_buffer ? OwnerClass::buffer : OwnerClass::parameter);
}
void Module::register_parameter(std::string_view name, Tensor& member) { register_slot(name, member, false); }
void Module::register_buffer(std::string_view name, Tensor& member) { register_slot(name, member, true); }

static void check_leaf(const Tensor& value, const char* what) {
  if (!value.is_leaf())
    TASUKI_THROW(AutogradError, "expected  a leaf for ", what, "\nactual    ", value.describe(), ", which a recorded op computed\nuse detach() to start from its values");
}

std::size_t Module::own_parameter(std::string_view name, const Tensor& initial) {
  check_name(name);
  check_leaf(initial, "a parameter");
  if (!is_floating(initial.dtype())) TASUKI_THROW(DTypeError, "expected  a parameter of a floating dtype\nactual    ", initial.describe(), ", as \"", name, "\" of ", type_name());
  initial.requires_grad_(true);
  initial.storage().set_owner(OwnerClass::parameter);
  slots_.push_back({std::string(name), 0, false, true, false, initial});
  return slots_.size() - 1;
}

Module& Module::own(std::string_view name, ModulePtr owned) {
  check_name(name);
  Module& child = *owned;
  child.path_ = intern(name);
  children_.push_back({std::string(name), 0, std::move(owned)});
  return child;
}

Parameter::Parameter(Module* owner, std::string_view name, const Tensor& initial) {
  if (initial.defined()) *this = initial;
  owner->register_parameter(name, *this);
}
Parameter& Parameter::operator=(const Tensor& value) {
  if (value.defined()) {
    check_leaf(value, "a parameter");
    value.requires_grad_(true);
    value.storage().set_owner(OwnerClass::parameter);
  }
  Tensor::operator=(value);
  return *this;
}

Buffer::Buffer(Module* owner, std::string_view name, const Tensor& initial) : Tensor(initial) {
  if (initial.defined()) check_leaf(initial, "a buffer");
  owner->register_buffer(name, *this);
}

// ---- walks

Module* Module::child(const Child& c) const { return c.owned ? c.owned.get() : at_offset<Module>(this, c.offset); }
Tensor& Module::tensor(const Slot& s) const { return s.is_owned ? s.owned : *at_offset<Tensor>(this, s.offset); }

void Module::visit(function_ref<void(const std::string&, Module&)> f) const {
  const std::string base = path_;
  const auto go = [&](const auto& self, const std::string& path, Module& m) -> void {
    f(path, m);
    for (const Child& c : m.children_) {
      Module& child = *m.child(c);
      const std::string child_path = join(path, c.name);
      const std::string full = join(base, child_path);
      if (full != child.path_) child.path_ = intern(full);
      self(self, child_path, child);
    }
  };
  go(go, "", const_cast<Module&>(*this));
}

void Module::visit_tensors(function_ref<void(const std::string&, Tensor&, bool)> f) const {
  visit([&](const std::string& path, Module& m) {
    for (const Slot& s : m.slots_)
      if (!s.is_computed && m.tensor(s).defined()) f(join(path, s.name), m.tensor(s), s.is_buffer);
  });
}

namespace {
/// True the first time it sees a tensor.
class Once {
 public:
  bool operator()(const Tensor& t) { return seen_.insert(t.impl()).second; }

 private:
  std::unordered_set<const TensorImpl*> seen_;
};
}  // namespace

std::vector<NamedTensor> Module::named_parameters() const {
  std::vector<NamedTensor> list;
  Once first;
  visit_tensors([&](const std::string& name, Tensor& t, bool is_buffer) {
    if (!is_buffer && first(t)) list.push_back({name, t});
  });
  return list;
}
std::vector<NamedTensor> Module::named_buffers() const {
  std::vector<NamedTensor> list;
  Once first;
  visit_tensors([&](const std::string& name, Tensor& t, bool is_buffer) {
    if (is_buffer && first(t)) list.push_back({name, t});
  });
  return list;
}
std::vector<NamedTensor> Module::named_state() const {
  std::vector<NamedTensor> list;
  Once first;
  visit_tensors([&](const std::string& name, Tensor& t, bool) {
    if (first(t)) list.push_back({name, t});
  });
  return list;
}
std::vector<NamedTensor> Module::named_state_with_aliases() const {
  std::vector<NamedTensor> list;
  visit_tensors([&](const std::string& name, Tensor& t, bool) { list.push_back({name, t}); });
  return list;
}

static std::vector<Tensor> without_names(std::vector<NamedTensor> named) {
  std::vector<Tensor> list;
  list.reserve(named.size());
  for (NamedTensor& n : named) list.push_back(std::move(n.tensor));
  return list;
}
std::vector<Tensor> Module::parameters() const { return without_names(named_parameters()); }
std::vector<Tensor> Module::buffers() const { return without_names(named_buffers()); }

std::vector<Module*> Module::children() const {
  std::vector<Module*> list;
  for (const Child& c : children_) list.push_back(child(c));
  return list;
}
std::vector<NamedModule> Module::named_modules() const {
  std::vector<NamedModule> list;
  visit([&](const std::string& path, Module& m) { list.push_back({path, &m}); });
  return list;
}
std::int64_t Module::parameter_count() const {
  std::int64_t count = 0;
  for (const Tensor& p : parameters()) count += p.numel();
  return count;
}

std::string Module::type_name() const {
  int status = 0;
  char* demangled = abi::__cxa_demangle(typeid(*this).name(), nullptr, nullptr, &status);
  std::string name = status == 0 ? demangled : typeid(*this).name();
  std::free(demangled);
  name = name.substr(0, name.find('<'));
  const auto scope = name.rfind("::");
  return scope == std::string::npos ? name : name.substr(scope + 2);
}

// ---- what is done to all of it

Module& Module::train(bool on) {
  visit([&](const std::string&, Module& m) { m.training_ = on; });
  return *this;
}

Module& Module::apply(function_ref<void(Module&)> f) {
  std::vector<NamedModule> all = named_modules();
  for (auto m = all.rbegin(); m != all.rend(); ++m) f(*m->module);
  return *this;
}

void Module::zero_grad() const {
  for (const Tensor& p : parameters()) p.zero_grad();
}

Module& Module::set_requires_grad(bool on) {
  for (const Tensor& p : parameters()) p.requires_grad_(on);
  return *this;
}

void Module::reseat_all(function_ref<Tensor(const Tensor&)> convert) {
  const NoGrad off;
  for (const NamedTensor& n : named_state()) {
    TensorImpl& t = *n.tensor.impl();
    const Tensor converted = convert(n.tensor);
    if (converted.impl() == &t) continue;
    const TensorImpl& c = *converted.impl();
    const OwnerClass owner = t.storage->owner();
    c.storage->retain();
    c.storage->retain_bytes();
    t.reseat(c.storage, c.offset, c.dtype, c.shape, c.strides);
    t.storage->set_owner(owner);
    if (t.leaf) {
      t.leaf->grad_slot = Tensor();  // of another device or type: the optimizer's layout makes a new one at its next step
      if (t.leaf->grad.defined()) t.leaf->grad = convert(t.leaf->grad);
    }
  }
}
Module& Module::to(Device device) {
  reseat_all([&](const Tensor& t) { return t.device() == device ? t : t.to(device); });
  return *this;
}
Module& Module::to(DType dtype) {
  if (!is_floating(dtype)) TASUKI_THROW(DTypeError, "expected  a floating dtype for a module\nactual    ", dtype);
  reseat_all([&](const Tensor& t) { return !is_floating(t.dtype()) || t.dtype() == dtype ? t : t.to(dtype); });
  return *this;
}

// ---- clone

ModulePtr Module::clone() const { detail::cannot_clone(*this); }

void detail::cannot_clone(const Module& module) {
  TASUKI_THROW(ValueError, module.type_name(), " cannot be cloned from here, because only its constructor knows how it is made",
               "\nuse ts::nn::clone(net, constructor arguments...), or override clone() in ", module.type_name(),
               ": return clone_as(*this, constructor arguments...)");
}

// ---- parametrizations

static constexpr const char* parametrizations = "parametrizations";

void Module::parametrize(std::string_view name, ModulePtr parametrization) {
  auto* function = dynamic_cast<Parametrization*>(parametrization.get());
  if (!function) TASUKI_THROW(ValueError, "expected  a Parametrization\nactual    ", parametrization ? parametrization->type_name() : "nothing");
  std::size_t number = 0;
  while (number < slots_.size() && (slots_[number].name != name || slots_[number].is_buffer || !tensor(slots_[number]).defined())) ++number;
  if (number == slots_.size()) TASUKI_THROW(ValueError, type_name(), " has no parameter named \"", name, "\"");
  if (slots_[number].is_computed) TASUKI_THROW(ValueError, "the parameter \"", name, "\" of ", type_name(), " has a parametrization already");
  std::vector<Tensor> raw;
  {
    const NoGrad off;
    for (const Tensor& t : function->raw(tensor(slots_[number]).detach())) raw.push_back(t.detach());
  }
  const auto there = std::find_if(children_.begin(), children_.end(), [](const Child& c) { return c.name == parametrizations; });
  Module& list = there == children_.end() ? own(parametrizations, ModulePtr(new Module)) : *child(*there);
  auto& made = static_cast<Parametrized&>(list.own(name, ModulePtr(new Parametrized(number, std::move(parametrization), raw))));
  if (!hooks_) hooks_ = new Hooks;
  hooks_->parametrized.push_back(&made);
  slots_[number].is_computed = true;
  made.train(training_);
  tensor(slots_[number]) = made.value();
}

void Module::remove_parametrization(std::string_view name) {
  const auto of_name = [&](const Parametrized* p) { return slots_[p->slot].name == name; };
  const auto found = hooks_ ? std::find_if(hooks_->parametrized.begin(), hooks_->parametrized.end(), of_name) : std::vector<Parametrized*>::iterator();
  if (!hooks_ || found == hooks_->parametrized.end()) TASUKI_THROW(ValueError, "the parameter \"", name, "\" of ", type_name(), " has no parametrization");
  Slot& slot = slots_[(*found)->slot];
  const NoGrad off;
  const Tensor value = (*found)->value().detach();
  value.requires_grad_(true);
  value.storage().set_owner(OwnerClass::parameter);
  tensor(slot) = value;
  slot.is_computed = false;
  hooks_->parametrized.erase(found);
  const auto named = [](std::string_view wanted) { return [wanted](const Child& c) { return c.name == wanted; }; };
  const auto list = std::find_if(children_.begin(), children_.end(), named(parametrizations));
  std::erase_if(child(*list)->children_, named(name));
  if (child(*list)->children_.empty()) children_.erase(list);
}

void Module::compute_parametrized() const {
  for (const Parametrized* p : hooks_->parametrized) tensor(slots_[p->slot]) = p->value();
}

void Module::copy_parametrizations_to(Module& copy) const {
  if (hooks_)
    for (const Parametrized* p : hooks_->parametrized)
      if (p->slot < copy.slots_.size() && !copy.slots_[p->slot].is_computed)  // a child of a container that cloned itself has it
        copy.parametrize(slots_[p->slot].name, p->compute->clone());
  for (const Child& c : children_)
    for (const Child& other : copy.children_)
      if (c.name == other.name && c.name != parametrizations) child(c)->copy_parametrizations_to(*copy.child(other));
}

// ---- hooks and scopes

std::size_t Module::register_forward_pre_hook(ForwardPreHook hook) {
  if (!hooks_) hooks_ = new Hooks;
  hooks_->before.push_back({++hooks_->registered, std::move(hook)});
  return hooks_->registered;
}
std::size_t Module::register_forward_hook(ForwardHook hook) {
  if (!hooks_) hooks_ = new Hooks;
  hooks_->after.push_back({++hooks_->registered, std::move(hook)});
  return hooks_->registered;
}
void Module::remove_hook(std::size_t number) {
  if (!hooks_) return;
  std::erase_if(hooks_->before, [&](const Hooks::Pre& h) { return h.number == number; });
  std::erase_if(hooks_->after, [&](const Hooks::Post& h) { return h.number == number; });
}

Tensor Module::before_forward(const Tensor& x) const {
  compute_parametrized();
  Tensor input = x;
  for (const Hooks::Pre& hook : hooks_->before)
    if (Tensor replaced = hook.call(*this, input); replaced.defined()) input = std::move(replaced);
  return input;
}
Tensor Module::after_forward(const Tensor& x, Tensor y) const {
  for (const Hooks::Post& hook : hooks_->after)
    if (Tensor replaced = hook.call(*this, x, y); replaced.defined()) y = std::move(replaced);
  return y;
}

constinit thread_local ScopeWatcher* Scope::watcher = nullptr;
void Scope::watch_enter() {
  if (watcher) watcher->entered(module_);
}
void Scope::watch_output(const Tensor& y) {
  if (watcher) watcher->left(module_, y);
}
void Scope::watch_exit() {
  if (watcher) watcher->exited(module_);
}

}  // namespace tasuki::nn
