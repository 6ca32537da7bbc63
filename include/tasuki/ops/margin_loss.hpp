#pragma once
#include "tasuki/core/function_ref.hpp"
#include "tasuki/ops/pointwise_loss.hpp"
#include "tasuki/ops/reduction.hpp"
#include "tasuki/tensor/tensor.hpp"

/// Losses of samples: distances and similarities of vectors, margins between scores, the overlap of masks. Floating dtypes, any
/// strides. Made of other ops, each of which saves what it needs; differentiable any number of times, deterministic. Errors: ShapeError,
/// DTypeError when the operands do not fit together.
namespace tasuki {

/// x1 . x2 / (max(|x1|, eps) max(|x2|, eps)) along `dim`; the operands broadcast.
struct CosineSimilarityOptions {
  int dim = 1;
  double eps = 1e-8;
};
Tensor cosine_similarity(const Tensor& x1, const Tensor& x2, const CosineSimilarityOptions& options = {}, SourceLocation at = SourceLocation::current());

/// The p-norm of x1 - x2 + eps along the last dimension; the operands broadcast.
struct PairwiseDistanceOptions {
  double p = 2, eps = 1e-6;
  bool keepdim = false;
};
Tensor pairwise_distance(const Tensor& x1, const Tensor& x2, const PairwiseDistanceOptions& options = {}, SourceLocation at = SourceLocation::current());

/// 1 - cos(x1, x2) where target is 1, max(0, cos(x1, x2) - margin) where it is -1. x1, x2: [n, d] or [d]; target: [n] or [], of x's dtype.
struct CosineEmbeddingLossOptions {
  double margin = 0;
  Reduction reduction = Reduction::mean;
};
Tensor cosine_embedding_loss(const Tensor& x1, const Tensor& x2, const Tensor& target, const CosineEmbeddingLossOptions& options = {},
                             SourceLocation at = SourceLocation::current());

/// max(0, d(anchor, positive) - d(anchor, negative) + margin), d the pairwise_distance; with `swap`, of the negative's distances to
/// anchor and positive the smaller one counts.
struct TripletMarginLossOptions {
  double margin = 1, p = 2, eps = 1e-6;
  bool swap = false;
  Reduction reduction = Reduction::mean;
};
Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative, const TripletMarginLossOptions& options = {},
                           SourceLocation at = SourceLocation::current());

/// The same with a distance of one's own: any function of two tensors that gives the distances of their samples.
struct TripletMarginWithDistanceLossOptions {
  double margin = 1;
  bool swap = false;
  Reduction reduction = Reduction::mean;
};
Tensor triplet_margin_with_distance_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                                         function_ref<Tensor(const Tensor&, const Tensor&)> distance,
                                         const TripletMarginWithDistanceLossOptions& options = {}, SourceLocation at = SourceLocation::current());

/// max(0, margin - target (x1 - x2)): target 1 wants x1 to be larger, -1 x2.
struct MarginRankingLossOptions {
  double margin = 0;
  Reduction reduction = Reduction::mean;
};
Tensor margin_ranking_loss(const Tensor& x1, const Tensor& x2, const Tensor& target, const MarginRankingLossOptions& options = {},
                           SourceLocation at = SourceLocation::current());

/// sum over the other classes of max(0, margin - x[label] + x[i])^p / classes, p 1 or 2. x: [n, classes] or [classes]; labels: i64 or
/// i32, [n] or []. IndexError names a label out of range.
struct MultiMarginLossOptions {
  int p = 1;
  double margin = 1;
  Reduction reduction = Reduction::mean;
};
Tensor multi_margin_loss(const Tensor& x, const Tensor& labels, const MultiMarginLossOptions& options = {}, SourceLocation at = SourceLocation::current());

/// sum over the labels l and the classes i that are none of max(0, 1 - x[l] + x[i]) / classes. x: [n, classes] or [classes]; labels: i64
/// or i32, of the same shape, of which those before the first -1 count. Saves x and labels. IndexError names a label out of range.
Tensor multilabel_margin_loss(const Tensor& x, const Tensor& labels, Reduction reduction = Reduction::mean, SourceLocation at = SourceLocation::current());

/// The mean over the classes (last dimension) of binary_cross_entropy_with_logits.
Tensor multilabel_soft_margin_loss(const Tensor& x, const Tensor& target, Reduction reduction = Reduction::mean,
                                   SourceLocation at = SourceLocation::current());

/// 1 - (2 sum(x target) + smooth) / (sum(x) + sum(target) + smooth) of probabilities, over all but the first two dimensions: the
/// overlap of each sample's and class's mask. Milletari et al. 2016, Sorensen's form.
struct DiceLossOptions {
  double smooth = 1;
  Reduction reduction = Reduction::mean;
};
Tensor dice_loss(const Tensor& x, const Tensor& target, const DiceLossOptions& options = {}, SourceLocation at = SourceLocation::current());

}  // namespace tasuki
