#pragma once
#include <string_view>

namespace tasuki {

/// A copy of the text that lives as long as the program; equal texts give equal pointers. For names that nodes and traces keep.
const char* intern(std::string_view text);

/// The path of the module whose forward runs on this thread ("encoder.fc2"), or "".
const char* current_module();

/// Sets current_module for a scope. nn's layers open one in their operator(); a user's module does with nn::Scope.
class ModuleScope {
 public:
  explicit ModuleScope(const char* interned_path);
  ~ModuleScope();
  ModuleScope(const ModuleScope&) = delete;
  ModuleScope& operator=(const ModuleScope&) = delete;

 private:
  const char* outer_;
};

/// The rank that error texts name; negative (the default) when the process is alone.
void set_error_rank(int rank);

}  // namespace tasuki
