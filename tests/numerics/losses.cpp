// The ops of losses.py.
#include "tasuki/ops/ctc_loss.hpp"
#include "tasuki/ops/einsum.hpp"
#include "tasuki/ops/linalg.hpp"
#include "tasuki/ops/local_response_norm.hpp"
#include "tasuki/ops/margin_loss.hpp"
#include "tasuki/ops/matmul.hpp"
#include "tasuki/ops/products.hpp"
#include "tasuki/ops/softmax.hpp"
#include "tests/numerics/ops.hpp"

namespace tasuki::numerics {
namespace {

Reduction reduction_of(double v) { return v == 0 ? Reduction::mean : v == 1 ? Reduction::sum : Reduction::none; }

/// Small matrices are f32 or f64, and PyTorch has no ctc_loss of halves: their cases are cast there and back.
Tensor wide(const Tensor& x) { return x.element_size() == 2 ? x.to(f32) : x; }
Out like(const Tensor& x, const Out& results) {
  Out narrow;
  for (const Tensor& y : results) narrow.push_back(y.to(x.dtype()));
  return narrow;
}
Out factors(const QrResult& f) { return {f.q, f.r}; }
Out factors(const EighResult& f) { return {f.values, f.vectors}; }
Out factors(const SvdResult& f) { return {f.u, f.s, f.v}; }
Out factors(const LuResult& f) { return {f.p, f.l, f.u}; }
Out packed_factors(const Tensor& a) {
  const LuFactorResult f = lu_factor(wide(a));
  return {f.lu.to(a.dtype()), f.pivots};
}
Tensor root(const Tensor& a) { return cholesky(matmul(a, a.transpose(-2, -1))); }

const char* const equations[] = {"ij,jk->ik", "bij,bkj->bik", "ii->i", "ij->", "i,j->ij", "ij,j->i", "ab,bc,cd->ad", "bi,nij,bj->bn", "bhqd,bhkd->bhqk", "i,i,i->i"};

Out triplet_with_distance(In in, Attributes a) {
  const auto distance = [](const Tensor& x, const Tensor& y) { return pairwise_distance(x, y); };
  return {triplet_margin_with_distance_loss(in[0], in[1], in[2], distance, {.swap = a[1] != 0, .reduction = reduction_of(a[0])})};
}

}  // namespace

void add_loss_calls(Calls& table) {
  table.insert({
      {"l1_loss", ONE(l1_loss(in[0], in[1], reduction_of(a[0])))},
      {"smooth_l1_loss", ONE(smooth_l1_loss(in[0], in[1], {.beta = a[1], .reduction = reduction_of(a[0])}))},
      {"huber_loss", ONE(huber_loss(in[0], in[1], {.delta = a[1], .reduction = reduction_of(a[0])}))},
      {"binary_cross_entropy", ONE(binary_cross_entropy(in[0], in[1], {.reduction = reduction_of(a[0])}))},
      {"binary_cross_entropy_with_logits", ONE(binary_cross_entropy_with_logits(in[0], in[1], {.reduction = reduction_of(a[0])}))},
      {"kl_div", ONE(kl_div(in[0], in[1], {.reduction = reduction_of(a[0])}))},
      {"kl_div_of_logs", ONE(kl_div(in[0], in[1], {.log_target = true, .reduction = reduction_of(a[0])}))},
      {"poisson_nll_loss", ONE(poisson_nll_loss(in[0], in[1], {.reduction = reduction_of(a[0])}))},
      {"soft_margin_loss", ONE(soft_margin_loss(in[0], in[1], reduction_of(a[0])))},
      {"hinge_loss", ONE(hinge_loss(in[0], in[1], reduction_of(a[0])))},
      {"hinge_embedding_loss", ONE(hinge_embedding_loss(in[0], in[1], {.margin = a[1], .reduction = reduction_of(a[0])}))},
      {"multilabel_soft_margin_loss", ONE(multilabel_soft_margin_loss(in[0], in[1], reduction_of(a[0])))},
      {"sigmoid_focal_loss", ONE(sigmoid_focal_loss(in[0], in[1], {.gamma = a[1], .reduction = reduction_of(a[0])}))},
      {"dice_loss", ONE(dice_loss(in[0], in[1], {.reduction = reduction_of(a[0])}))},
      {"cosine_similarity", ONE(cosine_similarity(in[0], in[1], {.dim = small(a[0])}))},
      {"pairwise_distance", ONE(pairwise_distance(in[0], in[1], {.p = a[0]}))},
      {"cosine_embedding_loss", ONE(cosine_embedding_loss(in[0], in[1], in[2], {.margin = a[1], .reduction = reduction_of(a[0])}))},
      {"triplet_margin_loss", ONE(triplet_margin_loss(in[0], in[1], in[2], {.swap = a[1] != 0, .reduction = reduction_of(a[0])}))},
      {"margin_ranking_loss", ONE(margin_ranking_loss(in[0], in[1], in[2], {.margin = a[1], .reduction = reduction_of(a[0])}))},
      {"multi_margin_loss", ONE(multi_margin_loss(in[0], in[1], {.p = small(a[1]), .reduction = reduction_of(a[0])}))},
      {"ctc_loss", ALL(like(in[0], {ctc_loss(log_softmax(wide(in[0]), 2), in[1], in[2], in[3], {.reduction = reduction_of(a[0])})}))},
      {"local_response_norm", ONE(local_response_norm(in[0], whole(a[0]), {.alpha = 0.5, .beta = 0.6, .k = 1.5}))},
      {"gaussian_nll_loss", ONE(gaussian_nll_loss(in[0], in[1], in[2], {.full = a[1] != 0, .reduction = reduction_of(a[0])}))},
      {"triplet_margin_with_distance_loss", triplet_with_distance},
      {"mm", ONE(mm(in[0], in[1]))},
      {"mv", ONE(mv(in[0], in[1]))},
      {"dot", ONE(dot(in[0], in[1]))},
      {"addmm", ONE(addmm(in[0], in[1], in[2], {.beta = a[0], .alpha = a[1]}))},
      {"baddbmm", ONE(baddbmm(in[0], in[1], in[2], {.beta = a[0], .alpha = a[1]}))},
      {"tensordot", ONE(tensordot(in[0], in[1], {0, 2}, {1, 0}))},
      {"cross", ONE(cross(in[0], in[1], small(a[0])))},
      {"cdist", ONE(cdist(in[0], in[1], a[0]))},
      {"einsum", ONE(einsum(equations[small(a[0])], in))},
      {"bmm", ONE(bmm(in[0], in[1]))},
      {"outer", ONE(outer(in[0], in[1]))},
      {"kron", ONE(kron(in[0], in[1]))},
      {"multilabel_margin_loss", ONE(multilabel_margin_loss(in[0], in[1], reduction_of(a[0])))},
      {"bilinear", ONE(bilinear(in[0], in[1], in[2], in.size() > 3 ? in[3] : Tensor()))},
      {"lu", ALL(like(in[0], factors(lu(wide(in[0])))))},
      {"lu_factor", ALL(packed_factors(in[0]))},
      {"inverse", ALL(like(in[0], {inverse(wide(in[0]))}))},
      {"det", ALL(like(in[0], {det(wide(in[0]))}))},
      {"solve", ALL(like(in[0], {solve(wide(in[0]), wide(in[1]))}))},
      {"cholesky", ALL(like(in[0], {root(wide(in[0]))}))},
      {"singular_values", ALL(like(in[0], {svd(wide(in[0])).s}))},
      {"svd", ALL(like(in[0], factors(svd(wide(in[0])))))},
      {"eigh", ALL(like(in[0], factors(eigh(wide(in[0]) + wide(in[0]).transpose(-2, -1)))))},
      {"pinv", ALL(like(in[0], {pinv(wide(in[0]))}))},
      {"slogdet", ALL(like(in[0], {slogdet(wide(in[0])).logabsdet}))},
      {"matrix_power", ALL(like(in[0], {matrix_power(wide(in[0]), whole(a[0]))}))},
      {"qr", ALL(like(in[0], factors(qr(wide(in[0])))))},
  });
}

}  // namespace tasuki::numerics
