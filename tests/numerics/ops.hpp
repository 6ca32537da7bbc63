#pragma once
#include <map>
#include <string>
#include <vector>

#include "tasuki/ops/spatial.hpp"
#include "tasuki/tensor/tensor.hpp"

namespace tasuki::numerics {

using In = const std::vector<Tensor>&;
using Attributes = const std::vector<double>&;
using Out = std::vector<Tensor>;

/// How an op of generate.py is called: operands in its order, attributes as it writes them.
using Call = Out (*)(In in, Attributes a);
using Calls = std::map<std::string, Call>;

/// By the name of the file, without dtype.
const Calls& calls();
/// Those of rearranging.py; part of calls().
void add_rearranging_calls(Calls& table);
/// Those of recurrence.py and sampling.py; part of calls().
void add_sampling_calls(Calls& table);
/// Those of losses.py; part of calls().
void add_loss_calls(Calls& table);

inline std::int64_t whole(double v) { return static_cast<std::int64_t>(v); }
inline int small(double v) { return static_cast<int>(v); }
/// Attributes from the k-th on, as sizes or dimensions.
inline Dims rest(Attributes a, std::size_t k) {
  Dims dims;
  for (; k < a.size(); ++k) dims.push_back(whole(a[k]));
  return dims;
}

/// The k-th list of attributes, a number for each of `dims` dimensions.
inline SpatialInts numbers(Attributes a, std::size_t k, int dims) {
  k *= static_cast<std::size_t>(dims);
  if (dims == 1) return whole(a[k]);
  return dims == 2 ? SpatialInts{whole(a[k]), whole(a[k + 1])} : SpatialInts{whole(a[k]), whole(a[k + 1]), whole(a[k + 2])};
}

/// Calls of one result, and of a list of them.
#define ONE(expression) [](In in, [[maybe_unused]] Attributes a) -> Out { return {expression}; }
#define ALL(expression) [](In in, [[maybe_unused]] Attributes a) -> Out { return expression; }

}  // namespace tasuki::numerics
