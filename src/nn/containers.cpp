#include "tasuki/nn/containers.hpp"

#include "tasuki/core/error.hpp"

namespace tasuki::nn {

static void check_index(const Module& m, std::size_t i, std::size_t size) {
  if (i >= size) TASUKI_THROW(IndexError, "expected  an index below ", size, ", the number of modules in ", m.type_name(), *m.path() ? " " : "", m.path(), "\nactual    ", i);
}

Module& ModuleList::operator[](std::size_t i) const {
  check_index(*this, i, size());
  return *entries_[i].module;
}
void ModuleList::wrong_type(std::size_t i, const Module& found) const {
  TASUKI_THROW(ValueError, "module ", i, " of ModuleList", *path() ? " " : "", path(), " is a ", found.type_name(), ", not what at<...>() asked for");
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

Module& Sequential::operator[](std::size_t i) const {
  check_index(*this, i, size());
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
