#pragma once
#include <cstddef>
#include <map>

#include "tasuki/optim/optimizer.hpp"
#include "tasuki/optim/step_share.hpp"

namespace tasuki::optim {

/// Throws ValueError for an optimizer that cannot update parameters in pieces.
inline void check_is_elementwise(const Optimizer& optimizer) {
  if (!optimizer.is_elementwise())
    TASUKI_THROW(ValueError, "expected  an optimizer that treats each element by itself, to update parameters in pieces\nactual    ", optimizer.name(), "\nif it does, override is_elementwise()");
}

/// The numbers of pieces, by that of their parameter.
using PieceNumbers = std::multimap<std::size_t, std::size_t>;
inline PieceNumbers piece_numbers(const StepShare& share) {
  PieceNumbers numbers;
  for (std::size_t p = 0; p < share.pieces().size(); ++p) numbers.emplace(share.pieces()[p].parameter, p);
  return numbers;
}

/// f(number) for each piece of a parameter; false when there is none.
template <class F>
bool for_each_piece(const PieceNumbers& numbers, std::size_t parameter, const F& f) {
  const auto [first, last] = numbers.equal_range(parameter);
  for (auto p = first; p != last; ++p) f(p->second);
  return first != last;
}

}  // namespace tasuki::optim
