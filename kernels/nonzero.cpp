#include "kernels/nonzero.hpp"

#include <algorithm>
#include <vector>

#include "kernels/gather.hpp"
#include "kernels/index_values.hpp"
#include "kernels/parallel.hpp"

namespace tasuki::kernels::cpu {

void nonzero(const View& flags, const View& indices) {
  constexpr std::int64_t grain = 32768;
  const bool* set = flags.as<const bool>();
  const int ndim = flags.ndim;
  std::vector<std::int64_t> before(static_cast<std::size_t>((flags.numel + grain - 1) / grain) + 1);  // set flags before each chunk
  parallel_for(flags.numel, grain, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t count = 0;
    for (std::int64_t i = begin; i < end; ++i) count += set[i];
    before[static_cast<std::size_t>(begin / grain) + 1] = count;
  });
  for (std::size_t i = 1; i < before.size(); ++i) before[i] += before[i - 1];
  parallel_for(flags.numel, grain, [&](std::int64_t begin, std::int64_t end) {
    std::int64_t* to = indices.as<std::int64_t>() + before[static_cast<std::size_t>(begin / grain)] * ndim;
    const std::int64_t row = ndim ? std::max<std::int64_t>(flags.shape[ndim - 1], 1) : 1;
    for (std::int64_t i = begin; i < end;) {
      std::int64_t leading[8], rest = i / row;
      for (int d = ndim - 2; d >= 0; rest /= flags.shape[d--]) leading[d] = rest % flags.shape[d];
      const std::int64_t last = std::min(end, (i / row + 1) * row);
      for (std::int64_t column = i % row; i < last; ++i, ++column) {
        if (!set[i] || ndim == 0) continue;
        for (int d = 0; d < ndim - 1; ++d) to[d] = leading[d];
        to[ndim - 1] = column;
        to += ndim;
      }
    }
  });
}

void one_hot(const View& labels, const View& out) {
  zero_dense(out);
  const TASUKI_ISA::IndexValues label(labels);
  const std::int64_t classes = out.size(-1);
  for (std::int64_t i = 0; i < labels.numel; ++i) {
    std::int64_t at = 0, rest = i;
    for (int d = labels.ndim - 1; d >= 0; rest /= labels.shape[d--]) at += rest % labels.shape[d] * labels.strides[d];
    out.as<std::int64_t>()[i * classes + label[at]] = 1;
  }
}

}  // namespace tasuki::kernels::cpu
