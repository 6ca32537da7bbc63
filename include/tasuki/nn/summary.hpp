#pragma once
#include <string>
#include <vector>

#include "tasuki/core/function_ref.hpp"
#include "tasuki/nn/module.hpp"

namespace tasuki::nn {

/// One module of a network and what its forward did.
struct SummaryRow {
  std::string path;         ///< "" for the network itself
  std::string type;
  Shape output;             ///< of the last call
  bool has_output = false;  ///< false for a module that was not called, or whose forward uses no Scope
  std::int64_t parameters = 0;  ///< of this module alone, without its children
  double macs = 0;              ///< multiply-accumulates launched by this module itself, half its floating point operations
  int calls = 0;
};

struct Summary {
  std::vector<SummaryRow> rows;  ///< parents before children
  std::int64_t parameters = 0, trainable_parameters = 0;
  double macs = 0;
  std::size_t parameter_bytes = 0;
  /// A table with a line for each row and the totals below.
  std::string to_string() const;
};

namespace detail {
Summary summarize(Module& network, function_ref<Tensor()> forward);
}

/// Runs the network once on `input`, in evaluation mode and off the tape, and reports module by module: what came out, how many
/// parameters, how many multiply-accumulates. The network's mode is what it was afterwards.
///
///     std::printf("%s", ts::nn::summary(net, ts::zeros({1, 1, 28, 28})).to_string().c_str());
template <class M>
Summary summary(M& network, const Tensor& input) {
  return detail::summarize(network, [&]() -> Tensor { return network(input); });
}

}  // namespace tasuki::nn
