#pragma once
#include <string>
#include <string_view>
#include <utility>

#include "tasuki/core/error.hpp"

namespace tasuki {

/// f(). An Error that leaves it is told of `op`, its module, the operands that `operands()` describes, and the caller's place.
template <class F, class Operands>
decltype(auto) annotated(std::string_view op, std::string_view module, SourceLocation at, const Operands& operands, F&& f) {
  try {
    return std::forward<F>(f)();
  } catch (Error& error) {
    error.add_op(op, module, operands(), at);
    throw;
  }
}
template <class F>
decltype(auto) annotated(std::string_view op, SourceLocation at, F&& f) {
  return annotated(op, "", at, [] { return std::string(); }, std::forward<F>(f));
}

/// Throws the error of an op, told of the same.
template <class Kind>
[[noreturn]] void refuse(Kind error, std::string_view op, SourceLocation at, std::string operands = {}) {
  error.add_op(op, "", std::move(operands), at);
  throw error;
}

}  // namespace tasuki
