#pragma once
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tasuki/nn/module.hpp"

namespace tasuki::nn {

/// Modules on the heap, named "0", "1", ... It is not called itself: a user's forward decides what its modules do.
///
///     ts::nn::ModuleList blocks{this, "blocks"};
///     for (int i = 0; i < 12; ++i) blocks.append(Block{768});
///     ... for (std::size_t i = 0; i < blocks.size(); ++i) x = blocks.at<Block>(i)(x);
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
    Module& found = (*this)[i];
    if (M* m = dynamic_cast<M*>(&found)) return *m;
    wrong_type(i, found);
  }
  ModulePtr clone() const override;

 private:
  struct Entry {
    Module* module;
    ModulePtr (*clone)(const Module&);
  };
  void take(const Entry& original);
  [[noreturn]] void wrong_type(std::size_t i, const Module& found) const;
  std::vector<Entry> entries_;
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
