#pragma once
#include <vector>

#include "tests/support/op_case.hpp"

namespace tasuki::testing {

/// The reference of a reduction: f(values along the reduced dimensions) for each output. Bit d of mask: dimension d is reduced.
template <class F>
auto reduced(unsigned mask, bool keepdim, F f) {
  return [=](const HostArrays& in) -> HostArrays {
    const Shape& s = in[0].shape;
    Shape kept, full;
    for (int d = 0; d < s.ndim(); ++d) {
      const bool gone = mask >> d & 1u;
      full.push_back(gone ? 1 : s[d]);
      if (!gone || keepdim) kept.push_back(gone ? 1 : s[d]);
    }
    HostArray out(kept);
    std::vector<std::vector<double>> groups(out.values.size());
    for (std::int64_t i = 0; i < in[0].numel(); ++i) {
      std::int64_t rest = i, position = 0, step = 1;
      for (int d = s.ndim() - 1; d >= 0; --d) {
        position += full[d] == 1 ? 0 : rest % s[d] * step;
        step *= full[d];
        rest /= s[d];
      }
      groups[static_cast<std::size_t>(position)].push_back(in[0][i]);
    }
    for (std::size_t k = 0; k < groups.size(); ++k) out.values[k] = f(groups[k]);
    return out;
  };
}

}  // namespace tasuki::testing
