#include "benchmarks/ops/cases.hpp"
#include "tasuki/ops/cat.hpp"
#include "tasuki/ops/compare.hpp"
#include "tasuki/ops/diagonal.hpp"
#include "tasuki/ops/gather.hpp"
#include "tasuki/ops/index.hpp"
#include "tasuki/ops/index_select.hpp"
#include "tasuki/ops/rearrange.hpp"
#include "tasuki/ops/scatter.hpp"

namespace tasuki::benchmark {

std::vector<Case> rearranging_cases(const Sizes& s) {
  constexpr std::int64_t columns = Sizes::columns;
  const Operand any{}, half{-2, 2, {s.rows / 2, columns}}, places = indices(columns), some_rows = indices(s.rows, {s.rows});
  return {
      {"gather", {any, places}, OF(gather(in[0], 1, in[1]))},
      {"take_along_dim", {any, places}, OF(take_along_dim(in[0], in[1], 1))},
      {"index_select", {any, some_rows}, OF(index_select(in[0], 0, in[1]))},
      {"index_select of columns", {any, indices(columns, {columns})}, OF(index_select(in[0], 1, in[1]))},
      {"scatter", {any, places, any}, OF(scatter(in[0], 1, in[1], in[2].detach()))},
      {"scatter a number", {any, places}, OF(scatter(in[0], 1, in[1], 1))},
      {"scatter_add", {any, places, any}, OF(scatter_add(in[0], 1, in[1], in[2]))},
      {"index_add", {any, some_rows, any}, OF(index_add(in[0], 0, in[1], in[2]))},
      {"index by two lists", {any, indices(s.rows, {s.rows, 1}), indices(columns, {columns})}, OF(index(in[0], {in[1], in[2]}))},
      {"index by a mask", {any}, OF(index(in[0], {in[0].detach().gt(0)}))},
      {"index_put", {any, some_rows, any}, OF(index_put(in[0], {in[1]}, in[2], true))},
      {"index_fill", {any, indices(columns, {64})}, OF(index_fill(in[0], 1, in[1], 0.5))},
      {"index_copy", {any, some_rows, any}, OF(index_copy(in[0], 0, in[1], in[2].detach())), is_random},
      {"repeat_interleave", {{-2, 2, {s.rows / 4, columns}}}, OF(repeat_interleave(in[0], 4, 0))},
      {"rot90", {any}, OF(rot90(in[0]))},
      {"fliplr", {any}, OF(fliplr(in[0]))},
      {"flipud", {any}, OF(flipud(in[0]))},
      {"channel_shuffle", {{-2, 2, s.images()}}, OF(channel_shuffle(in[0], 8))},
      {"hstack", {half, half}, OF(hstack({in[0], in[1]}))},
      {"vstack", {half, half}, OF(vstack({in[0], in[1]}))},
      {"diag", {{-2, 2, {s.rows}}}, OF(diag(in[0]))},
      {"diag_embed", {{-2, 2, {s.rows / 64, 64}}}, OF(diag_embed(in[0]))},
      {"one_hot", {indices(32, {4096})}, OF(one_hot(in[0], 32)), no_backward | of_integers},
      {"nonzero", {any}, OF(nonzero(in[0].detach().gt(0))), no_backward},
      {"masked_select", {any}, OF(masked_select(in[0], in[0].detach().gt(0)))},
      {"cat", {half, half}, OF(cat({in[0], in[1]}, 1))},
      {"stack", {half, half}, OF(stack({in[0], in[1]}, 1))},
      {"stack of unbind", {any}, OF(stack(unbind(in[0]), 1))},
      {"flip of rows", {any}, OF(flip(in[0], 1))},
      {"flip of columns", {any}, OF(flip(in[0], 0))},
      {"roll", {any}, OF(roll(in[0], {7, 11}, {0, 1}))},
      {"repeat", {{-2, 2, {s.rows / 4, columns}}}, OF(repeat(in[0], {2, 2}))},
      {"tile", {{-2, 2, {s.rows / 4, columns}}}, OF(tile(in[0], {2, 2}))},
      {"tril", {any}, OF(tril(in[0]))},
      {"triu", {any}, OF(triu(in[0]))},
      {"clone", {any}, OF(in[0].clone())},
      {"contiguous of the transposed", {any}, OF(in[0].t().contiguous())},
      {"contiguous of channels last", {{-2, 2, s.images()}}, OF(in[0].contiguous(MemoryFormat::channels_last))},
      {"to f32", {any}, OF(in[0].to(f32))},
      {"to bf16", {any}, OF(in[0].to(bf16))},
      {"to f16", {any}, OF(in[0].to(f16))},
  };
}

}  // namespace tasuki::benchmark
