#include "tasuki/ops/margin_loss.hpp"

#include <cmath>

#include "src/ops/composed.hpp"
#include "src/ops/operand_checks.hpp"
#include "src/ops/reduced_loss.hpp"
#include "src/ops/single_precision.hpp"
#include "tasuki/ops/aggregate.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/gather.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/layout.hpp"

namespace tasuki {
namespace {

using At = SourceLocation;

constexpr OpInfo cosine_info{"cosine_similarity", "x1, x2"}, distance_info{"pairwise_distance", "x1, x2"}, embedding_info{"cosine_embedding_loss", "x1, x2, target"};
constexpr OpInfo triplet_info{"triplet_margin_loss", "anchor, positive, negative"}, triplet_distance_info{"triplet_margin_with_distance_loss", "anchor, positive, negative"}, ranking_info{"margin_ranking_loss", "x1, x2, target"};
constexpr OpInfo multi_info{"multi_margin_loss", "x, labels"}, multilabel_info{"multilabel_soft_margin_loss", "x, target"}, dice_info{"dice_loss", "x, target"};

/// Floating, and of one dtype.
void check_pair(const Tensor& a, const char* a_name, const Tensor& b, const char* b_name) {
  ops::check_floating(a, a_name);
  ops::check_dtype(b, b_name, a.dtype());
}

Tensor distance(const Tensor& a, const Tensor& b, double p, double eps, bool keepdim, At at) {
  (void)broadcast_shapes(a.shape(), b.shape());  // an error names the loss, and not the difference within
  return norm(a.sub({b, at}).add({eps, at}), p, -1, keepdim, at);
}

template <class Distance, class Options>
Tensor triplet_loss(const OpInfo& info, const Tensor& anchor, const Tensor& positive, const Tensor& negative, Distance&& distance_of, const Options& o, At at) {
  return ops::composed(info, {&anchor, &positive, &negative}, at, [&] {
    check_pair(anchor, "anchor", positive, "positive");
    ops::check_dtype(negative, "negative", anchor.dtype());
    Tensor far = distance_of(anchor, negative);
    if (o.swap) far = minimum(far, {distance_of(positive, negative), at});
    return ops::reduced(relu(distance_of(anchor, positive) - far + o.margin, at), o.reduction, at);
  });
}

}  // namespace

Tensor cosine_similarity(const Tensor& x1, const Tensor& x2, const CosineSimilarityOptions& o, At at) {
  return ops::composed(cosine_info, {&x1, &x2}, at, [&] {
    check_pair(x1, "x1", x2, "x2");
    const Shape common = broadcast_shapes(x1.shape(), x2.shape());
    const int d = normalize_dim(o.dim, common.ndim());
    // In the gradients of nearly parallel vectors most digits cancel: halves have none to lose.
    const Tensor a = ops::widened(x1, at).expand(common, at), b = ops::widened(x2, at).expand(common, at);
    const auto length = [&](const Tensor& t) { return maximum(norm(t, 2, d, false, at), {o.eps, at}); };
    return sum(a.mul({b, at}), d, false, at).div({length(a).mul({length(b), at}), at}).to(x1.dtype(), at);
  });
}

Tensor pairwise_distance(const Tensor& x1, const Tensor& x2, const PairwiseDistanceOptions& o, At at) {
  return ops::composed(distance_info, {&x1, &x2}, at, [&] {
    check_pair(x1, "x1", x2, "x2");
    return distance(x1, x2, o.p, o.eps, o.keepdim, at);
  });
}

Tensor cosine_embedding_loss(const Tensor& x1, const Tensor& x2, const Tensor& target, const CosineEmbeddingLossOptions& o, At at) {
  return ops::composed(embedding_info, {&x1, &x2, &target}, at, [&] {
    check_pair(x1, "x1", x2, "x2");
    ops::check_dtype(target, "target", x1.dtype());
    TASUKI_CHECK_OP(ShapeError, x1.shape(), ==, x2.shape());
    if (x1.ndim() < 1 || x1.ndim() > 2) TASUKI_THROW(ShapeError, "expected  vectors, [d] or [n, d]\nactual    ", x1.shape());
    ops::check_shape(target, "target", x1.ndim() == 1 ? Shape() : Shape{x1.size(0)});
    if (ops::is_half(x1)) return cosine_embedding_loss(ops::widened(x1, at), ops::widened(x2, at), ops::widened(target, at), o, at).to(x1.dtype(), at);
    // PyTorch's form: the squares get the epsilon.
    const auto square_of = [&](const Tensor& t) { return sum(t.square(at), -1, false, at).add({1e-12, at}); };
    const Tensor cosine = sum(x1.mul({x2, at}), -1, false, at).div({square_of(x1).mul({square_of(x2), at}).sqrt(at), at});
    const Tensor similar = (1 - cosine) * ((target + 1) * 0.5), different = relu(cosine - o.margin, at) * ((1 - target) * 0.5);
    return ops::reduced(similar + different, o.reduction, at);
  });
}

Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative, const TripletMarginLossOptions& o, At at) {
  return triplet_loss(triplet_info, anchor, positive, negative, [&](const Tensor& a, const Tensor& b) { return distance(a, b, o.p, o.eps, false, at); }, o, at);
}

Tensor triplet_margin_with_distance_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                                         function_ref<Tensor(const Tensor&, const Tensor&)> distance, const TripletMarginWithDistanceLossOptions& o, At at) {
  return triplet_loss(triplet_distance_info, anchor, positive, negative, distance, o, at);
}

Tensor margin_ranking_loss(const Tensor& x1, const Tensor& x2, const Tensor& target, const MarginRankingLossOptions& o, At at) {
  return ops::composed(ranking_info, {&x1, &x2, &target}, at, [&] {
    check_pair(x1, "x1", x2, "x2");
    ops::check_dtype(target, "target", x1.dtype());
    TASUKI_CHECK_OP(ShapeError, x1.shape(), ==, x2.shape());
    ops::check_shape(target, "target", x1.shape());
    return ops::reduced(relu((x2 - x1) * target + o.margin, at), o.reduction, at);
  });
}

Tensor multi_margin_loss(const Tensor& x, const Tensor& labels, const MultiMarginLossOptions& o, At at) {
  return ops::composed(multi_info, {&x, &labels}, at, [&] {
    ops::check_floating(x, "x");
    ops::check_index_dtype(labels, "labels");
    if (x.ndim() < 1 || x.ndim() > 2) TASUKI_THROW(ShapeError, "expected  scores, [classes] or [n, classes]\nactual    ", x.shape());
    ops::check_shape(labels, "labels", x.ndim() == 1 ? Shape() : Shape{x.size(0)});
    if (o.p != 1 && o.p != 2) TASUKI_THROW(ValueError, "expected  p of 1 or 2\nactual    ", o.p);
    const Tensor own = gather(x, -1, labels.unsqueeze(-1, at), at), excess = relu(x - own + o.margin, at);
    // The label's own term is margin^p, whatever x is.
    const Tensor total = sum(o.p == 1 ? excess : excess.square(at), -1, false, at).sub({std::pow(std::max(o.margin, 0.0), o.p), at});
    return ops::reduced(total / x.size(-1), o.reduction, at);
  });
}

Tensor multilabel_soft_margin_loss(const Tensor& x, const Tensor& target, Reduction reduction, At at) {
  return ops::composed(multilabel_info, {&x, &target}, at, [&] {
    TASUKI_CHECK_OP(ShapeError, x.ndim(), >=, 1);
    TASUKI_CHECK_OP(ShapeError, x.shape(), ==, target.shape());
    return ops::reduced(mean(binary_cross_entropy_with_logits(x, target, {.reduction = Reduction::none}, at), -1, false, at), reduction, at);
  });
}

Tensor dice_loss(const Tensor& x, const Tensor& target, const DiceLossOptions& o, At at) {
  return ops::composed(dice_info, {&x, &target}, at, [&] {
    check_pair(x, "x", target, "target");
    TASUKI_CHECK_OP(ShapeError, x.shape(), ==, target.shape(), "dice_loss does not broadcast");
    TASUKI_CHECK_OP(ShapeError, x.ndim(), >=, 3, "[samples, classes, ...]");
    const Tensor a = x.flatten(2, -1, at), b = target.flatten(2, -1, at);
    const Tensor overlap = sum(a * b, -1, false, at) * 2 + o.smooth, both = sum(a, -1, false, at) + sum(b, -1, false, at) + o.smooth;
    return ops::reduced(1 - overlap / both, o.reduction, at);
  });
}

}  // namespace tasuki
