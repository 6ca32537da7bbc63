#include "tasuki/core/context.hpp"

#include <mutex>
#include <set>
#include <string>

namespace tasuki {

namespace {
constinit thread_local const char* module_path = "";
}

const char* intern(std::string_view text) {
  // Never destroyed: nodes of static tensors may name their module after main has returned.
  static std::mutex& mutex = *new std::mutex;
  static auto& texts = *new std::set<std::string, std::less<>>;
  if (text.empty()) return "";
  const std::lock_guard lock(mutex);
  auto found = texts.find(text);
  if (found == texts.end()) found = texts.emplace(text).first;
  return found->c_str();
}

const char* current_module() { return module_path; }

ModuleScope::ModuleScope(const char* interned_path) : outer_(module_path) { module_path = interned_path; }
ModuleScope::~ModuleScope() { module_path = outer_; }

}  // namespace tasuki
