// The ops of rearranging.py.
#include "tasuki/ops/aggregate.hpp"
#include "tasuki/ops/diagonal.hpp"
#include "tasuki/ops/embedding.hpp"
#include "tasuki/ops/histogram.hpp"
#include "tasuki/ops/index.hpp"
#include "tasuki/ops/pad.hpp"
#include "tasuki/ops/rearrange.hpp"
#include "tasuki/ops/scan.hpp"
#include "tasuki/ops/scatter.hpp"
#include "tasuki/ops/sort.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/numerics/ops.hpp"

namespace tasuki::numerics {
namespace {

Out both(const SortResult& r) { return {r.values, r.indices}; }
Out both(const CumulativeExtremumResult& r) { return {r.values, r.indices}; }
Tensor histogram_edges(const Tensor& x) { return tensor({-2.0, -0.5, 0.25, 1.5}, {.dtype = x.dtype()}); }
Out all_of(const UniqueResult& r) { return {r.values, r.inverse, r.counts}; }

/// The indices that `brackets` of rearranging.py made: four attributes an entry, from the k-th on, and the operands from the second on.
std::vector<Index> entries(In in, Attributes a, std::size_t k) {
  std::vector<Index> list;
  std::size_t next = 1;
  for (; k < a.size(); k += 4) switch (small(a[k])) {
      case 0: list.push_back(whole(a[k + 1])); break;
      case 1: list.push_back(Slice(whole(a[k + 1]), whole(a[k + 2]), whole(a[k + 3]))); break;
      case 2: list.push_back(ellipsis); break;
      case 3: list.push_back(newaxis); break;
      default: list.push_back(in[next++]);
    }
  return list;
}

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
      {"quantile", ONE(quantile(in[0], a[0], small(a[1]), a[2] != 0, static_cast<QuantileInterpolation>(small(a[3]))))},
      {"bucketize", ONE(bucketize(in[0], in[1], a[0] != 0))},
      {"histogram", ONE(histogram(in[0], histogram_edges(in[0]), {.weight = a[0] != 0 ? in[1] : Tensor()}).hist)},
      {"bincount", ONE(bincount(in[0], {}, whole(a[0])))},
      {"weighted_bincount", ONE(bincount(in[0], in[1]))},
      {"logcumsumexp", ONE(logcumsumexp(in[0], small(a[0])))},
      {"cummax", ALL(both(cummax(in[0], small(a[0]))))},
      {"cummin", ALL(both(cummin(in[0], small(a[0]))))},
      {"index", ONE(index(in[0], entries(in, a, 0)))},
      {"index_put", ONE(index_put(in[0], entries(in, a, 1), in.back(), a[0] != 0))},
      {"index_fill", ONE(index_fill(in[0], small(a[0]), in[1], a[1]))},
      {"index_copy", ONE(index_copy(in[0], small(a[0]), in[1], in[2]))},
      {"embedding_bag", ONE(embedding_bag(in[0], in[1], {.mode = static_cast<EmbeddingBagMode>(small(a[0])), .padding_idx = whole(a[1])}))},
      {"embedding_bag_with_offsets", ONE(embedding_bag(in[0], in[1], in[2], {.mode = static_cast<EmbeddingBagMode>(small(a[0]))}))},
      {"repeat_interleave", ONE(repeat_interleave(in[0], whole(a[0]), small(a[1])))},
      {"repeat_interleave_each", ONE(repeat_interleave(in[0], in[1], small(a[0])))},
      {"rot90", ONE(rot90(in[0], small(a[0]), rest(a, 1)))},
      {"fliplr", ONE(fliplr(in[0]))},
      {"flipud", ONE(flipud(in[0]))},
      {"diff", ONE(diff(in[0], whole(a[0]), small(a[1])))},
      {"channel_shuffle", ONE(channel_shuffle(in[0], whole(a[0])))},
      {"diag", ONE(diag(in[0], whole(a[0])))},
      {"diag_embed", ONE(diag_embed(in[0], whole(a[0]), small(a[1]), small(a[2])))},
      {"trace", ONE(trace(in[0]))},
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
