#include "benchmarks/ops/cases.hpp"
#include "tasuki/ops/cross_entropy.hpp"
#include "tasuki/ops/ctc_loss.hpp"
#include "tasuki/ops/margin_loss.hpp"
#include "tasuki/ops/mse_loss.hpp"
#include "tasuki/ops/nll_loss.hpp"
#include "tasuki/ops/pointwise_loss.hpp"
#include "tasuki/ops/softmax.hpp"
#include "tasuki/ops/unary.hpp"

namespace tasuki::benchmark {

std::vector<Case> loss_cases(const Sizes& s) {
  const Operand any{}, unit{0.1, 0.9}, labels = indices(Sizes::columns, {s.rows}), ones{1, 2, {s.rows}, Kind::index};
  // ctc_loss: 100 steps of 16 sequences, 20 labels each
  const std::int64_t classes = s.elements() / 1600;
  return {
      {"mse_loss", {any, any}, OF(mse_loss(in[0], in[1]))},
      {"l1_loss", {any, any}, OF(l1_loss(in[0], in[1]))},
      {"smooth_l1_loss", {any, any}, OF(smooth_l1_loss(in[0], in[1]))},
      {"huber_loss", {any, any}, OF(huber_loss(in[0], in[1]))},
      {"binary_cross_entropy", {unit, unit}, OF(binary_cross_entropy(in[0], in[1]))},
      {"binary_cross_entropy_with_logits", {any, {0, 1}}, OF(binary_cross_entropy_with_logits(in[0], in[1]))},
      {"kl_div", {{-3, 0}, unit}, OF(kl_div(in[0], in[1]))},
      {"poisson_nll_loss", {any, unit}, OF(poisson_nll_loss(in[0], in[1].detach()))},
      {"soft_margin_loss", {any, {-1, 1}}, OF(soft_margin_loss(in[0], in[1].detach()))},
      {"hinge_loss", {any, {-1, 1}}, OF(hinge_loss(in[0], in[1].detach()))},
      {"hinge_embedding_loss", {any, {0, 2, {}, Kind::index}}, OF(hinge_embedding_loss(in[0], in[1].to(in[0].dtype()) * 2 - 1))},
      {"sigmoid_focal_loss", {any, {0, 1}}, OF(sigmoid_focal_loss(in[0], in[1].detach()))},
      {"cosine_similarity", {any, any}, OF(cosine_similarity(in[0], in[1]))},
      {"pairwise_distance", {any, any}, OF(pairwise_distance(in[0], in[1]))},
      {"cosine_embedding_loss", {{-0.5, 0.5}, {-0.5, 0.5}, ones}, OF(cosine_embedding_loss(in[0], in[1], in[2].to(in[0].dtype())))},
      {"triplet_margin_loss", {any, any, any}, OF(triplet_margin_loss(in[0], in[1], in[2]))},
      {"triplet_margin_with_distance_loss",
       {any, any, any},
       OF(triplet_margin_with_distance_loss(in[0], in[1], in[2], [](const Tensor& a, const Tensor& b) { return pairwise_distance(a, b); }))},
      {"gaussian_nll_loss", {any, any, {0.5, 2}}, OF(gaussian_nll_loss(in[0], in[1], in[2]))},
      {"margin_ranking_loss", {any, any, {1, 2, {}, Kind::index}}, OF(margin_ranking_loss(in[0], in[1], in[2].to(in[0].dtype())))},
      {"multi_margin_loss", {any, labels}, OF(multi_margin_loss(in[0], in[1]))},
      {"multilabel_margin_loss", {any, {-60, 452, {}, Kind::index}}, OF(multilabel_margin_loss(in[0], clamp_min(in[1], -1))), wide_only},
      {"multilabel_soft_margin_loss", {any, {0, 1}}, OF(multilabel_soft_margin_loss(in[0], in[1].detach()))},
      {"dice_loss", {{0.1, 0.9, s.images()}, {0.1, 0.9, s.images()}}, OF(dice_loss(in[0], in[1].detach()))},
      {"cross_entropy", {any, labels}, OF(cross_entropy(in[0], in[1]))},
      {"nll_loss", {any, labels}, OF(nll_loss(in[0], in[1]))},
      {"ctc_loss",
       {{-6, -0.1, {100, 16, classes}}, {1, static_cast<double>(classes), {16, 20}, Kind::index}, {100, 101, {16}, Kind::index}, {20, 21, {16}, Kind::index}},
       OF(ctc_loss(log_softmax(in[0], 2), in[1], in[2], in[3])), wide_only},
  };
}

}  // namespace tasuki::benchmark
