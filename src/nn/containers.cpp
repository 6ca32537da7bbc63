#include "tasuki/nn/containers.hpp"

#include <algorithm>

#include "tasuki/core/error.hpp"
#include "tasuki/tensor/creation.hpp"

namespace tasuki::nn {

namespace {

/// "ModuleList encoder.blocks"
std::string described(const Module& m) { return m.type_name() + (*m.path() ? " " : "") + m.path(); }

void check_index(const Module& m, const char* what, std::size_t i, std::size_t size) {
  if (i >= size) TASUKI_THROW(IndexError, "expected  an index below ", size, ", the number of ", what, " in ", described(m), "\nactual    ", i);
}

/// `names` as "a, b".
[[noreturn]] void no_such_name(const Module& m, std::string_view name, const std::string& names) {
  TASUKI_THROW(IndexError, "expected  a name in ", described(m), ", which has ", names.empty() ? "none" : names.c_str(), "\nactual    \"", std::string(name), "\"");
}

}  // namespace

void detail::wrong_type(const Module& container, const std::string& element, const Module& found) {
  TASUKI_THROW(ValueError, "module ", element, " of ", described(container), " is a ", found.type_name(), ", not what at<...>() or each<...>() asked for");
}

Module& ModuleList::operator[](std::size_t i) const {
  check_index(*this, "modules", i, size());
  return *entries_[i].module;
}
void ModuleList::take(const Entry& original) {
  Module& placed = own(std::to_string(entries_.size()), original.clone(*original.module));
  entries_.push_back({&placed, original.clone});
}
ModulePtr ModuleList::clone() const {
  const CloneContext context;
  ModuleList* list = new ModuleList;
  ModulePtr copy(list);
  for (const Entry& e : entries_) list->take(e);
  context.copy_state(*this, *copy);
  return copy;
}

Module* ModuleDict::find(std::string_view name) const {
  for (const Entry& e : entries_)
    if (e.named.name == name) return e.named.module;
  return nullptr;
}
Module& ModuleDict::operator[](std::string_view name) const {
  if (Module* found = find(name)) return *found;
  std::string names;
  for (const Entry& e : entries_) names += (names.empty() ? "" : ", ") + e.named.name;
  no_such_name(*this, name, names);
}
ModulePtr ModuleDict::clone() const {
  const CloneContext context;
  ModuleDict* dict = new ModuleDict;
  ModulePtr copy(dict);
  for (const Entry& e : entries_) {
    Module& placed = dict->own(e.named.name, e.clone(*e.named.module));
    dict->entries_.push_back({{e.named.name, &placed}, e.clone});
  }
  context.copy_state(*this, *copy);
  return copy;
}

const Tensor& ParameterList::append(const Tensor& initial) {
  const std::size_t number = own_parameter(std::to_string(size_), initial);
  ++size_;
  return owned_parameter(number);
}
const Tensor& ParameterList::operator[](std::size_t i) const {
  check_index(*this, "parameters", i, size());
  return owned_parameter(i);
}
ModulePtr ParameterList::clone() const {
  const CloneContext context;
  ParameterList* list = new ParameterList;
  ModulePtr copy(list);
  for (const Tensor& p : *this) list->append(empty_like(p.detach()));
  context.copy_state(*this, *copy);
  return copy;
}

const Tensor& ParameterDict::insert(std::string_view name, const Tensor& initial) {
  const std::size_t number = own_parameter(name, initial);
  names_.emplace_back(name);
  return owned_parameter(number);
}
bool ParameterDict::contains(std::string_view name) const { return std::find(names_.begin(), names_.end(), name) != names_.end(); }
const Tensor& ParameterDict::operator[](std::string_view name) const {
  for (std::size_t i = 0; i < names_.size(); ++i)
    if (names_[i] == name) return owned_parameter(i);
  std::string all_names;
  for (const std::string& n : names_) all_names += (all_names.empty() ? "" : ", ") + n;
  no_such_name(*this, name, all_names);
}
ModulePtr ParameterDict::clone() const {
  const CloneContext context;
  ParameterDict* dict = new ParameterDict;
  ModulePtr copy(dict);
  for (const auto& [name, p] : *this) dict->insert(name, empty_like(p.detach()));
  context.copy_state(*this, *copy);
  return copy;
}

Module& Sequential::operator[](std::size_t i) const {
  check_index(*this, "modules", i, size());
  return *entries_[i].module;
}
Tensor Sequential::operator()(const Tensor& x, SourceLocation at) const {
  Scope s{this};
  Tensor y = s.enter(x);
  for (const Entry& e : entries_) y = e.call(*e.module, y, at);
  return s.leave(std::move(y));
}
void Sequential::take(const Entry& original) {
  Module& placed = own(std::to_string(entries_.size()), original.clone(*original.module));
  entries_.push_back({&placed, original.call, original.clone});
}
ModulePtr Sequential::clone() const {
  const CloneContext context;
  Sequential* list = new Sequential;
  ModulePtr copy(list);
  for (const Entry& e : entries_) list->take(e);
  // Once more over the whole, so that what modules share with each other is shared in the copy too.
  context.copy_state(*this, *copy);
  return copy;
}

}  // namespace tasuki::nn
