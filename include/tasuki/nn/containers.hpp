#pragma once
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tasuki/nn/module.hpp"

namespace tasuki::nn {

namespace detail {

/// A container's elements one after the other: what get(container, i) answers.
template <class Container, class Element>
struct ElementIterator {
  const Container* container;
  Element (*get)(const Container&, std::size_t);
  std::size_t i;
  Element operator*() const { return get(*container, i); }
  ElementIterator& operator++() {
    ++i;
    return *this;
  }
  bool operator==(const ElementIterator&) const = default;
};
template <class Iterator>
struct Elements {
  Iterator first, last;
  Iterator begin() const { return first; }
  Iterator end() const { return last; }
};

/// An element of a container as what it is; throws ValueError when it is something else.
[[noreturn]] void wrong_type(const Module& container, const std::string& element, const Module& found);
template <class M>
M& as(const Module& container, const std::string& element, Module& found) {
  if (M* m = dynamic_cast<M*>(&found)) return *m;
  wrong_type(container, element, found);
}

}  // namespace detail

/// Modules on the heap, named "0", "1", ... It is not called itself: a user's forward decides what its modules do.
///
///     ts::nn::ModuleList blocks{this, "blocks"};
///     for (int i = 0; i < 12; ++i) blocks.append(Block{768});
///     ... for (Block& block : blocks.each<Block>()) x = block(x);
class ModuleList : public Module {
 public:
  ModuleList() = default;
  ModuleList(Module* parent, std::string_view name) : Module(parent, name) {}
  /// Moves a module to the end and returns it in its place.
  template <class M>
    requires(std::is_base_of_v<Module, M> && !std::is_const_v<M>)
  M& append(M&& module) {
    M& placed = static_cast<M&>(own(std::to_string(entries_.size()), ModulePtr(new M(std::move(module)))));
    entries_.push_back({&placed, &detail::clone_on_heap<M>});
    return placed;
  }
  std::size_t size() const { return entries_.size(); }
  Module& operator[](std::size_t i) const;
  /// The i-th module as what it is. Throws ValueError when it is something else.
  template <class M>
  M& at(std::size_t i) const {
    return detail::as<M>(*this, std::to_string(i), (*this)[i]);
  }
  /// All of them, as what they are: for (Block& block : blocks.each<Block>()) ...
  template <class M>
  auto each() const {
    using Iterator = detail::ElementIterator<ModuleList, M&>;
    return detail::Elements<Iterator>{{this, &nth<M>, 0}, {this, &nth<M>, size()}};
  }
  using Iterator = detail::ElementIterator<ModuleList, Module&>;
  Iterator begin() const { return {this, &nth<Module>, 0}; }
  Iterator end() const { return {this, &nth<Module>, size()}; }
  ModulePtr clone() const override;

 private:
  struct Entry {
    Module* module;
    ModulePtr (*clone)(const Module&);
  };
  template <class M>
  static M& nth(const ModuleList& list, std::size_t i) {
    return list.at<M>(i);
  }
  void take(const Entry& original);
  std::vector<Entry> entries_;
};

/// Modules on the heap under names of one's own, in the order in which they came. Not called itself, as a ModuleList.
///
///     ts::nn::ModuleDict heads{this, "heads"};
///     heads.insert("digits", ts::nn::Linear{64, 10});
///     y = heads.at<ts::nn::Linear>("digits")(x);
///     for (auto [name, head] : heads) ...              // a std::string and a Module*
class ModuleDict : public Module {
 public:
  ModuleDict() = default;
  ModuleDict(Module* parent, std::string_view name) : Module(parent, name) {}
  /// Moves a module in and returns it in its place. Throws ValueError for a name that is taken, empty, or contains a dot.
  template <class M>
    requires(std::is_base_of_v<Module, M> && !std::is_const_v<M>)
  M& insert(std::string_view name, M&& module) {
    M& placed = static_cast<M&>(own(name, ModulePtr(new M(std::move(module)))));
    entries_.push_back({{std::string(name), &placed}, &detail::clone_on_heap<M>});
    return placed;
  }
  std::size_t size() const { return entries_.size(); }
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  /// Throws IndexError, which lists the names, for one that is not there.
  Module& operator[](std::string_view name) const;
  template <class M>
  M& at(std::string_view name) const {
    return detail::as<M>(*this, "\"" + std::string(name) + "\"", (*this)[name]);
  }
  using Iterator = detail::ElementIterator<ModuleDict, const NamedModule&>;
  Iterator begin() const { return {this, &nth, 0}; }
  Iterator end() const { return {this, &nth, size()}; }
  ModulePtr clone() const override;

 private:
  struct Entry {
    NamedModule named;
    ModulePtr (*clone)(const Module&);
  };
  static const NamedModule& nth(const ModuleDict& dict, std::size_t i) { return dict.entries_[i].named; }
  Module* find(std::string_view name) const;
  std::vector<Entry> entries_;
};

/// Parameters of a number that is known when the program runs, named "0", "1", ...
///
///     ts::nn::ParameterList scales{this, "scales"};
///     for (int i = 0; i < depth; ++i) scales.append(ts::ones({64}));
///     ... x = x * scales[i];
class ParameterList : public Module {
 public:
  ParameterList() = default;
  ParameterList(Module* parent, std::string_view name) : Module(parent, name) {}
  /// Makes a parameter of a leaf and puts it at the end. Throws AutogradError for a tensor that was computed, DTypeError for integers.
  const Tensor& append(const Tensor& initial);
  std::size_t size() const { return size_; }
  const Tensor& operator[](std::size_t i) const;
  using Iterator = detail::ElementIterator<ParameterList, const Tensor&>;
  Iterator begin() const { return {this, &nth, 0}; }
  Iterator end() const { return {this, &nth, size()}; }
  ModulePtr clone() const override;

 private:
  static const Tensor& nth(const ParameterList& list, std::size_t i) { return list[i]; }
  std::size_t size_ = 0;
};

/// The same under names of one's own, in the order in which they came.
///
///     ts::nn::ParameterDict gains{this, "gains"};
///     gains.insert("left", ts::ones({64}));
///     ... x = x * gains["left"];
///     for (auto [name, gain] : gains) ...              // a std::string and a Tensor
class ParameterDict : public Module {
 public:
  ParameterDict() = default;
  ParameterDict(Module* parent, std::string_view name) : Module(parent, name) {}
  /// As ParameterList::append. Throws ValueError for a name that is taken, empty, or contains a dot.
  const Tensor& insert(std::string_view name, const Tensor& initial);
  std::size_t size() const { return names_.size(); }
  bool contains(std::string_view name) const;
  /// Throws IndexError, which lists the names, for one that is not there.
  const Tensor& operator[](std::string_view name) const;
  using Iterator = detail::ElementIterator<ParameterDict, NamedTensor>;
  Iterator begin() const { return {this, &nth, 0}; }
  Iterator end() const { return {this, &nth, size()}; }
  ModulePtr clone() const override;

 private:
  static NamedTensor nth(const ParameterDict& dict, std::size_t i) { return {dict.names_[i], dict.owned_parameter(i)}; }
  std::vector<std::string> names_;
};

/// Modules on the heap, named "0", "1", ..., called one after the other:
///
///     ts::nn::Sequential net{ts::nn::Linear{784, 100}, ts::nn::ReLU{}, ts::nn::Linear{100, 10}};
///     net.append(ts::nn::LogSoftmax{1});
///     auto y = net(x);
///
/// Any struct that derives from Module and can be called with a tensor fits in.
class Sequential : public Module {
 public:
  Sequential() = default;
  Sequential(Module* parent, std::string_view name) : Module(parent, name) {}
  template <class... M>
    requires(sizeof...(M) > 0 && (std::is_base_of_v<Module, M> && ...))
  explicit Sequential(M&&... modules) {
    (append(std::move(modules)), ...);
  }
  template <class... M>
    requires(sizeof...(M) > 0 && (std::is_base_of_v<Module, M> && ...))
  Sequential(Module* parent, std::string_view name, M&&... modules) : Module(parent, name) {
    (append(std::move(modules)), ...);
  }
  /// Moves a module to the end.
  template <class M>
    requires(std::is_base_of_v<Module, M> && !std::is_const_v<M>)
  Sequential& append(M&& module) {
    Module& placed = own(std::to_string(entries_.size()), ModulePtr(new M(std::move(module))));
    entries_.push_back({&placed, &call<M>, &detail::clone_on_heap<M>});
    return *this;
  }
  std::size_t size() const { return entries_.size(); }
  Module& operator[](std::size_t i) const;
  Tensor operator()(const Tensor& x, SourceLocation at = SourceLocation::current()) const;
  ModulePtr clone() const override;

 private:
  struct Entry {
    Module* module;
    Tensor (*call)(Module&, const Tensor&, SourceLocation);
    ModulePtr (*clone)(const Module&);
  };
  // Layers of the library take the caller's place as well, so that errors name the user's line and not one in here.
  template <class M>
  static Tensor call(Module& m, const Tensor& x, SourceLocation at) {
    if constexpr (std::is_invocable_v<M&, const Tensor&, SourceLocation>) return static_cast<M&>(m)(x, at);
    else return static_cast<M&>(m)(x);
  }
  void take(const Entry& original);
  std::vector<Entry> entries_;
};

}  // namespace tasuki::nn
