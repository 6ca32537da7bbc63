#include "kernels/linear_index.hpp"

#include "kernels/lines.hpp"
#include "kernels/visit.hpp"

namespace tasuki::kernels::cpu {

bool linear_index(const View& index, std::int64_t size, std::int64_t step, const View& out, bool accumulate) {
  if (out.numel == 0) return true;
  const View* operands[] = {&out, &index};
  const Lines lines = lines_along(out.ndim ? out.ndim - 1 : 0, operands, 2);
  bool valid = true;
  visit_index(index.dtype, [&]<class I>(I) {
    for_blocks(lines, true, lines.row.size, [&](const LineBlock& block) {
      bool inside = true;
      for (std::int64_t row = block.row_begin; row < block.row_end; ++row) {
        std::int64_t* to = out.as<std::int64_t>() + block.at[0] + row * lines.row.stride[0];
        const I* from = index.as<const I>() + block.at[1] + row * lines.row.stride[1];
        for (std::int64_t i = block.line_begin; i < block.line_end; ++i) {
          const auto number = static_cast<std::int64_t>(from[i * lines.line.stride[1]]);
          inside &= number >= -size && number < size;
          std::int64_t& place = to[i * lines.line.stride[0]];
          place = (number < 0 ? number + size : number) * step + (accumulate ? place : 0);
        }
      }
      if (!inside) __atomic_store_n(&valid, false, __ATOMIC_RELAXED);
    });
  });
  return valid;
}

}  // namespace tasuki::kernels::cpu
