// The ops of rearranging.py.
#include "tasuki/ops/aggregate.hpp"
#include "tasuki/ops/pad.hpp"
#include "tasuki/ops/rearrange.hpp"
#include "tasuki/ops/scan.hpp"
#include "tasuki/ops/scatter.hpp"
#include "tasuki/ops/sort.hpp"
#include "tests/numerics/ops.hpp"

namespace tasuki::numerics {
namespace {

Out both(const SortResult& r) { return {r.values, r.indices}; }
Out all_of(const UniqueResult& r) { return {r.values, r.inverse, r.counts}; }

}  // namespace

void add_rearranging_calls(Calls& table) {
  table.insert({
      {"prod", ONE(prod(in[0], rest(a, 1), a[0] != 0))},
      {"std", ONE(tasuki::std(in[0], rest(a, 2), {.correction = whole(a[1]), .keepdim = a[0] != 0}))},
      {"logsumexp", ONE(logsumexp(in[0], rest(a, 1), a[0] != 0))},
      {"norm", ONE(norm(in[0], a[0], rest(a, 2), a[1] != 0))},
      {"norm_of_extremes", ONE(norm(in[0], a[0], rest(a, 2), a[1] != 0))},
      {"norm_of_order_0", ONE(norm(in[0], 0, rest(a, 1), a[0] != 0))},
      {"any", ONE(any(in[0], rest(a, 1), a[0] != 0))},
      {"all", ONE(all(in[0], rest(a, 1), a[0] != 0))},
      {"count_nonzero", ONE(count_nonzero(in[0], rest(a, 1)))},
      {"cumsum", ONE(cumsum(in[0], small(a[0])))},
      {"cumprod", ONE(cumprod(in[0], small(a[0])))},
      {"sort", ALL(both(sort(in[0], small(a[0]), a[1] != 0)))},
      {"argsort", ONE(argsort(in[0], small(a[0]), a[1] != 0))},
      {"median", ALL(both(median(in[0], small(a[0]), a[1] != 0)))},
      {"topk", ALL(both(topk(in[0], whole(a[0]), small(a[1]), {.largest = a[2] != 0})))},
      {"kthvalue", ALL(both(kthvalue(in[0], whole(a[0]), small(a[1]), a[2] != 0)))},
      {"quantile", ONE(quantile(in[0], a[0], small(a[1]), a[2] != 0))},
      {"searchsorted", ONE(searchsorted(in[0], in[1], a[0] != 0))},
      {"unique", ALL(all_of(unique(in[0])))},
      {"nonzero", ONE(nonzero(in[0]))},
      {"scatter", ONE(scatter(in[0], small(a[0]), in[1], in[2]))},
      {"scatter_number", ONE(scatter(in[0], small(a[0]), in[1], a[1]))},
      {"scatter_add", ONE(scatter_add(in[0], small(a[0]), in[1], in[2]))},
      {"index_add", ONE(index_add(in[0], small(a[0]), in[1], in[2], a[1]))},
      {"take_along_dim", ONE(take_along_dim(in[0], in[1], small(a[0])))},
      {"one_hot", ONE(one_hot(in[0], whole(a[0])))},
      {"masked_select", ONE(masked_select(in[0], in[1]))},
      {"pad", ONE(pad(in[0], rest(a, 2), {.mode = static_cast<PadMode>(small(a[0])), .value = a[1]}))},
      {"flip", ONE(flip(in[0], rest(a, 0)))},
      {"roll", ONE(roll(in[0], whole(a[0]), whole(a[1])))},
      {"repeat", ONE(repeat(in[0], rest(a, 0)))},
      {"tile", ONE(tile(in[0], rest(a, 0)))},
      {"tril", ONE(tril(in[0], whole(a[0])))},
      {"triu", ONE(triu(in[0], whole(a[0])))},
      {"pixel_shuffle", ONE(pixel_shuffle(in[0], whole(a[0])))},
      {"pixel_unshuffle", ONE(pixel_unshuffle(in[0], whole(a[0])))},
      {"split", ALL(split(in[0], whole(a[0]), small(a[1])))},
      {"chunk", ALL(chunk(in[0], whole(a[0]), small(a[1])))},
      {"unbind", ALL(unbind(in[0], small(a[0])))},
      {"meshgrid", ALL(meshgrid(in))},
  });
}

}  // namespace tasuki::numerics
