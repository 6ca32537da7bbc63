#include "benchmarks/ops/cases.hpp"
#include "tasuki/ops/activation.hpp"
#include "tasuki/ops/aggregate.hpp"
#include "tasuki/ops/diagonal.hpp"
#include "tasuki/ops/histogram.hpp"
#include "tasuki/ops/rearrange.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/scan.hpp"
#include "tasuki/ops/softmax.hpp"
#include "tasuki/ops/sort.hpp"

namespace tasuki::benchmark {

std::vector<Case> reduction_cases(const Sizes&) {
  const Operand any{}, positive{0.3, 4}, near_one{0.9, 1.1};
  const Operand wholes{0, 1000, {256, Sizes::columns}, Kind::index};
  return {
      {"sum", {positive}, OF(in[0].sum())},
      {"sum of rows", {positive}, OF(in[0].sum({1}))},
      {"sum of columns", {positive}, OF(in[0].sum({0}))},
      {"sum_to", {positive}, OF(sum_to(in[0], {Sizes::columns}))},
      {"mean", {positive}, OF(in[0].mean())},
      {"mean of rows", {positive}, OF(in[0].mean({1}))},
      {"var", {any}, OF(var(in[0]))},
      {"var of rows", {any}, OF(var(in[0], {1}))},
      {"std", {any}, OF(std(in[0]))},
      {"std of rows", {any}, OF(std(in[0], 1))},
      {"max", {any}, OF(max(in[0]))},
      {"min", {any}, OF(min(in[0]))},
      {"max of rows", {any}, OF(max(in[0], 1).values)},
      {"max of columns", {any}, OF(max(in[0], 0).values)},
      {"min of rows", {any}, OF(min(in[0], 1).values)},
      {"amax of rows", {any}, OF(amax(in[0], {1}))},
      {"amin of columns", {any}, OF(amin(in[0], {0}))},
      {"argmax of rows", {any}, OF(argmax(in[0], 1)), no_backward},
      {"argmin of columns", {any}, OF(argmin(in[0], 0)), no_backward},
      {"prod of rows", {near_one}, OF(prod(in[0], 1)), peer_rounds_halves},
      {"prod of columns", {near_one}, OF(prod(in[0], 0)), peer_rounds_halves},
      {"norm", {any}, OF(norm(in[0]))},
      {"norm of rows", {any}, OF(norm(in[0], 2, {1}))},
      {"norm 1 of rows", {any}, OF(norm(in[0], 1, {1}))},
      {"norm 3 of rows", {any}, OF(norm(in[0], 3, {1}))},
      {"logsumexp of rows", {any}, OF(logsumexp(in[0], 1))},
      {"logsumexp of columns", {any}, OF(logsumexp(in[0], 0))},
      {"count_nonzero", {any}, OF(count_nonzero(in[0])), no_backward},
      {"any of rows", {any}, OF(tasuki::any(in[0], 1)), no_backward},
      {"all of columns", {any}, OF(all(in[0], 0)), no_backward},
      {"normalize", {any}, OF(normalize(in[0]))},
      {"var_mean of rows", {any}, OF(var_mean(in[0], 1).var)},
      {"std_mean of rows", {any}, OF(std_mean(in[0], 1).std)},
      {"aminmax of rows", {any}, OF(aminmax(in[0].detach(), 1).max), no_backward},
      {"nansum of rows", {any}, OF(nansum(in[0], 1))},
      {"nanmean of rows", {any}, OF(nanmean(in[0], 1))},
      {"logcumsumexp of rows", {any}, OF(logcumsumexp(in[0], 1))},
      {"cummax of rows", {any}, OF(cummax(in[0], 1).values)},
      {"cummin of columns", {any}, OF(cummin(in[0], 0).values)},
      {"trace", {any}, OF(trace(in[0]))},
      {"diff of rows", {any}, OF(diff(in[0], 1, 1))},
      {"softmin", {any}, OF(softmin(in[0], 1))},
      {"gumbel_softmax", {any}, OF(gumbel_softmax(in[0])), is_random},
      {"histogram", {any}, OF(histogram(in[0].detach(), 100, {.low = -2, .high = 2}).hist), no_backward | is_random | wide_only},
      {"bincount", {{0, 1000, {256 * Sizes::columns}, Kind::index}}, OF(bincount(in[0])), no_backward | of_integers},
      {"bucketize", {any, {-2, 2, {1000}}}, OF(bucketize(in[0].detach(), sort(in[1].detach()).values)), no_backward},
      {"histc", {any}, OF(histc(in[0].detach(), 100, -2, 2)), no_backward | is_random},
      {"cumsum of rows", {any}, OF(cumsum(in[0], 1))},
      {"cumsum of columns", {any}, OF(cumsum(in[0], 0))},
      {"cumprod of rows", {near_one}, OF(cumprod(in[0], 1)), peer_rounds_halves},
      {"softmax", {any}, OF(softmax(in[0], 1))},
      {"log_softmax", {any}, OF(log_softmax(in[0], 1))},
      {"softmax of columns", {any}, OF(softmax(in[0], 0))},
      {"sort of rows", {any}, OF(sort(in[0], 1).values)},
      {"sort of columns", {any}, OF(sort(in[0], 0).values)},
      {"argsort of rows", {any}, OF(argsort(in[0], 1)), no_backward},
      {"topk of rows", {any}, OF(topk(in[0], 10, 1).values)},
      {"kthvalue of rows", {any}, OF(kthvalue(in[0], 100, 1).values)},
      {"median of rows", {any}, OF(median(in[0], 1).values)},
      {"quantile of rows", {any}, OF(quantile(in[0], 0.3, 1)), wide_only},
      {"searchsorted", {{-2, 2, {1000}}, any}, OF(searchsorted(sort(in[0].detach()).values, in[1].detach())), no_backward},
      {"unique", {wholes}, OF(unique(in[0]).values), no_backward | of_integers},
  };
}

}  // namespace tasuki::benchmark
