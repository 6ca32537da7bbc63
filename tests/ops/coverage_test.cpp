// Every public op has a case. tests/structure/op_table.py holds this list against the headers under include/tasuki/ops.
#include <algorithm>
#include <set>

#include "tests/support/op_case.hpp"

using namespace tasuki::testing;

namespace {

const char* const ops[] = {
#define TASUKI_UNARY(name) #name,
#include "tasuki/tensor/unary_names.inc"
#include "tasuki/ops/unary_functions.inc"
#undef TASUKI_UNARY
    "leaky_relu", "elu", "celu", "softplus", "softshrink", "hardtanh", "clamp", "clamp_min", "clamp_max",                     // unary, with parameters
    "softsign", "hardshrink", "threshold", "softmin", "glu", "gumbel_softmax", "rrelu",                       // activations made of others
    "add", "sub", "mul", "div", "pow", "maximum", "minimum",                                         // binary
    "polygamma", "nan_to_num", "prelu", "addcmul", "addcdiv",                                         //
    "bitwise_and", "bitwise_or", "bitwise_xor", "bitwise_not", "bitwise_left_shift", "bitwise_right_shift",  //
    "logical_and", "logical_or", "logical_xor", "logical_not",                                      //
    "floor_divide", "fmod", "remainder", "atan2", "hypot", "logaddexp", "lerp", "isnan", "isinf", "isfinite", "masked_fill",  //
    "eq", "ne", "lt", "le", "gt", "ge", "isclose", "where",                                                     // comparisons, choice
    "sum", "sum_to", "mean", "var", "max", "min", "amax", "amin", "argmax", "argmin",                // reductions
    "prod", "std", "norm", "logsumexp", "count_nonzero", "any", "all", "histc", "cumsum", "cumprod",          //
    "normalize", "var_mean", "std_mean", "aminmax", "nansum", "nanmean", "logcumsumexp", "cummax", "cummin", "histogram", "bincount",
    "cholesky", "solve", "inverse", "det", "lu", "lu_factor", "qr", "svd", "eigh", "pinv", "slogdet", "matrix_power",                                              // small matrices
    "matmul", "linear", "einsum", "bmm", "outer", "kron", "interpolate",                             // dense
    "mm", "mv", "dot", "addmm", "baddbmm", "tensordot", "bilinear", "cross", "cdist", "diag", "diag_embed", "trace",  //
    "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",        // convolution
    "max_pool1d", "max_pool2d", "max_pool3d", "avg_pool1d", "avg_pool2d", "avg_pool3d",              // pooling
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d",                             //
    "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d", "lp_pool1d", "lp_pool2d", "lp_pool3d",  //
    "max_pool1d_with_indices", "max_pool2d_with_indices", "max_pool3d_with_indices",                //
    "adaptive_max_pool1d_with_indices", "adaptive_max_pool2d_with_indices", "adaptive_max_pool3d_with_indices",
    "fractional_max_pool2d", "fractional_max_pool3d", "fractional_max_pool2d_with_indices", "fractional_max_pool3d_with_indices",
    "max_unpool1d", "max_unpool2d", "max_unpool3d", "grid_sample", "affine_grid",                    //
    "batch_norm", "layer_norm", "rms_norm", "group_norm", "instance_norm", "softmax", "log_softmax",  // normalization
    "scaled_dot_product_attention", "rotary_embedding",                                              // attention
    "rnn", "lstm", "gru", "rnn_cell", "lstm_cell", "gru_cell",                                       // recurrence
    "cross_entropy", "nll_loss", "mse_loss",                                                         // losses
    "l1_loss", "smooth_l1_loss", "huber_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits", "kl_div", "poisson_nll_loss",
    "soft_margin_loss", "hinge_loss", "hinge_embedding_loss", "sigmoid_focal_loss", "cosine_similarity", "pairwise_distance",
    "cosine_embedding_loss", "triplet_margin_loss", "margin_ranking_loss", "multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss", "dice_loss",
    "ctc_loss", "local_response_norm", "gaussian_nll_loss", "triplet_margin_with_distance_loss",
    "embedding", "embedding_bag", "gather", "index_select", "cat", "stack", "dropout",                                // indexing, joining, noise
    "feature_dropout", "drop_path", "alpha_dropout",                                                 //
    "select", "slice", "narrow", "reshape", "flatten", "transpose", "permute", "expand", "squeeze",  // views
    "unsqueeze", "unfold", "fold", "diagonal", "movedim", "unflatten",                                       //
    "scatter", "scatter_add", "index", "index_put", "index_add", "index_fill", "index_copy", "take_along_dim", "one_hot", "nonzero", "masked_select",  //
    "flip", "roll", "repeat", "tile", "tril", "triu", "pad", "pixel_shuffle", "pixel_unshuffle",     // rearrangements
    "split", "chunk", "unbind", "meshgrid", "hstack", "vstack", "channel_shuffle",                   //
    "repeat_interleave", "rot90", "fliplr", "flipud", "diff",                                        //
    "sort", "argsort", "topk", "kthvalue", "median", "quantile", "searchsorted", "bucketize", "unique",           // orders
    "to", "clone", "contiguous",                                                                     // copies
};

std::set<std::string> ops_with_cases() {
  std::set<std::string> names;
  for (const OpCase& c : all_cases()) names.insert(c.op);
  return names;
}

}  // namespace

TEST_CASE("every op has a case") {
  const std::set<std::string> covered = ops_with_cases();
  for (const char* op : ops) {
    INFO(op);
    CHECK(covered.count(op) == 1);
  }
}

TEST_CASE("every case names an op of the table, and no two have one title") {
  const std::set<std::string> known(std::begin(ops), std::end(ops));
  std::set<std::string> titles;
  for (const OpCase& c : all_cases()) {
    INFO(c.title());
    CHECK(known.count(c.op) == 1);
    CHECK(titles.insert(c.title()).second);
  }
}

TEST_CASE("every differentiable op is tried in f64, where gradcheck can see it") {
  std::set<std::string> differentiable, checked;
  for (const OpCase& c : all_cases()) {
    if (c.flags & no_gradient) continue;
    differentiable.insert(c.op);
    if (std::find(c.dtypes.begin(), c.dtypes.end(), tasuki::f64) != c.dtypes.end()) checked.insert(c.op);
  }
  differentiable.erase("to");  // its cases leave f64 for narrower types, where differences are too coarse to compare with
  CHECK(checked == differentiable);
}
