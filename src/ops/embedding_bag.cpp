// Of ops/embedding.hpp: rows of a table by the bag.
#include <limits>

#include "src/ops/composed.hpp"
#include "src/ops/operand_checks.hpp"
#include "src/ops/single_precision.hpp"
#include "tasuki/ops/aggregate.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/compare.hpp"
#include "tasuki/ops/embedding.hpp"
#include "tasuki/ops/scatter.hpp"
#include "tasuki/ops/sort.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/creation.hpp"

namespace tasuki {
namespace {

using At = SourceLocation;

constexpr OpInfo info{"embedding_bag", "indices, weight, offsets"};

void check(const Tensor& indices, const Tensor& weight, const EmbeddingBagOptions& o) {
  ops::check_index_dtype(indices, "indices");
  ops::check_floating(weight, "weight");
  if (!o.per_sample_weights.defined()) return;
  TASUKI_CHECK(ValueError, o.mode == EmbeddingBagMode::sum, "per_sample_weights go with the mode sum");
  ops::check_dtype(o.per_sample_weights, "per_sample_weights", weight.dtype());
  ops::check_shape(o.per_sample_weights, "per_sample_weights", indices.shape());
}

/// Bags of rows as they are, whose sum or mean rounds once by itself.
bool is_plain(const EmbeddingBagOptions& o) { return o.padding_idx < 0 && !o.per_sample_weights.defined(); }

/// The rows, in f32 for halves unless they are plain, those of the padding 0, times the weights.
Tensor rows_of(const Tensor& indices, const Tensor& weight, const EmbeddingBagOptions& o, At at) {
  Tensor rows = embedding(indices, weight, {.padding_idx = o.padding_idx}, at);
  if (is_plain(o)) return rows;
  rows = ops::widened(rows, at);
  if (o.padding_idx >= 0) rows = masked_fill(rows, indices.eq({o.padding_idx, at}).unsqueeze(-1, at), 0, at);
  return o.per_sample_weights.defined() ? rows.mul({ops::widened(o.per_sample_weights, at).unsqueeze(-1, at), at}) : rows;
}

/// 1 for each index that counts.
Tensor counted(const Tensor& indices, const Tensor& rows, std::int64_t padding, At at) {
  return padding < 0 ? ones(indices.shape(), {.dtype = rows.dtype(), .device = rows.device()}, at) : indices.ne({padding, at}).to(rows.dtype(), at);
}

}  // namespace

Tensor embedding_bag(const Tensor& indices, const Tensor& weight, const EmbeddingBagOptions& o, At at) {
  return ops::composed(info, {&indices, &weight}, at, [&] {
    check(indices, weight, o);
    if (indices.ndim() != 2) TASUKI_THROW(ShapeError, "expected  indices [bags, length], or offsets beside a vector\nactual    ", indices.shape());
    const Tensor rows = rows_of(indices, weight, o, at);
    if (is_plain(o) && indices.size(1) > 0) {
      if (o.mode == EmbeddingBagMode::max) return max(rows, 1, false, at).values;
      return o.mode == EmbeddingBagMode::sum ? sum(rows, 1, false, at) : mean(rows, 1, false, at);
    }
    const Tensor counts = sum(counted(indices, rows, o.padding_idx, at), 1, true, at);
    if (o.mode != EmbeddingBagMode::max) {
      const Tensor total = sum(rows, 1, false, at);
      return (o.mode == EmbeddingBagMode::sum ? total : total.div({clamp_min(counts, 1, at), at})).to(weight.dtype(), at);
    }
    const Tensor empty_bags = counts.eq({0, at});
    if (indices.size(1) == 0) return sum(rows, 1, false, at).to(weight.dtype(), at);
    constexpr double least = -std::numeric_limits<double>::infinity();
    const Tensor candidates = o.padding_idx < 0 ? rows : masked_fill(rows, indices.eq({o.padding_idx, at}).unsqueeze(-1, at), least, at);
    return masked_fill(max(candidates, 1, false, at).values, empty_bags, 0, at).to(weight.dtype(), at);
  });
}

Tensor embedding_bag(const Tensor& indices, const Tensor& weight, const Tensor& offsets, const EmbeddingBagOptions& o, At at) {
  return ops::composed(info, {&indices, &weight, &offsets}, at, [&] {
    check(indices, weight, o);
    ops::check_index_dtype(offsets, "offsets");
    TASUKI_CHECK_OP(ShapeError, indices.ndim(), ==, 1);
    TASUKI_CHECK_OP(ShapeError, offsets.ndim(), ==, 1);
    TASUKI_CHECK(ValueError, o.mode != EmbeddingBagMode::max, "bags with offsets have a mean and a sum");
    if (offsets.numel() > 0 && offsets[0].to(i64, at).item<std::int64_t>(at) != 0) TASUKI_THROW(ValueError, "expected  offsets that begin with 0\nactual    ", offsets[0].to(i64, at).item<std::int64_t>(at));
    const Tensor rows = ops::widened(rows_of(indices, weight, o, at), at);
    const Tensor places = arange(0, indices.size(0), 1, {.dtype = offsets.dtype(), .device = offsets.device()}, at);
    const Tensor bags = searchsorted(offsets, places, true, at).sub({1, at});
    const auto gathered = [&](const Tensor& each) {
      Shape shape = each.shape();
      shape[0] = offsets.size(0);
      return index_add(zeros(shape, {.dtype = rows.dtype(), .device = rows.device()}, at), 0, bags, each, 1, at);
    };
    Tensor y = gathered(rows);
    if (o.mode == EmbeddingBagMode::mean) y = y.div({clamp_min(gathered(counted(indices, rows, o.padding_idx, at).unsqueeze(-1, at)), 1, at), at});
    return y.to(weight.dtype(), at);
  });
}

}  // namespace tasuki
