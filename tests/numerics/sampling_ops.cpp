// The ops of recurrence.py and sampling.py.
#include "tasuki/ops/fold.hpp"
#include "tasuki/ops/grid_sample.hpp"
#include "tasuki/ops/pool_indices.hpp"
#include "tasuki/ops/recurrent.hpp"
#include "tests/numerics/ops.hpp"

namespace tasuki::numerics {
namespace {

RecurrentWeights weights(In in, std::size_t first) { return {in[first], in[first + 1], in[first + 2], in[first + 3]}; }
RecurrentOptions layer_options(In in, Attributes a) { return {.reverse = a[0] != 0, .lengths = a[1] != 0 ? in[1].contiguous() : Tensor()}; }
Out rnn_call(In in, Attributes a) {
  const RnnResult r = rnn(in[0], in[6], weights(in, 2), a[2] != 0 ? RecurrentActivation::relu : RecurrentActivation::tanh, layer_options(in, a));
  return {r.y, r.h};
}
Out gru_call(In in, Attributes a) {
  const RnnResult r = gru(in[0], in[6], weights(in, 2), layer_options(in, a));
  return {r.y, r.h};
}
Out lstm_call(In in, Attributes a) {
  const LstmResult r = lstm(in[0], in[6], in[7], weights(in, 2), layer_options(in, a));
  return {r.y, r.h, r.c};
}
Out lstm_cell_call(In in, Attributes) {
  const LstmCellResult r = lstm_cell(in[0], in[5], in[6], weights(in, 1));
  return {r.h, r.c};
}

FoldOptions fold_options(Attributes a) { return {.dilation = numbers(a, 1, 2), .padding = numbers(a, 2, 2), .stride = numbers(a, 3, 2)}; }
Out both(const MaxPoolResult& r) { return {r.values, r.indices}; }
Out max_pool_call(In in, Attributes a) {
  const int n = in[0].ndim() - 2;
  const MaxPoolOptions o{.stride = numbers(a, 1, n), .padding = numbers(a, 2, n), .dilation = numbers(a, 3, n), .ceil_mode = a.back() != 0};
  const auto op = n == 1 ? max_pool1d_with_indices : n == 2 ? max_pool2d_with_indices : max_pool3d_with_indices;
  return both(op(in[0], numbers(a, 0, n), o, SourceLocation::current()));
}
Out adaptive_call(In in, Attributes a) {
  const int n = in[0].ndim() - 2;
  return {(n == 1 ? adaptive_max_pool1d : n == 2 ? adaptive_max_pool2d : adaptive_max_pool3d)(in[0], numbers(a, 0, n), SourceLocation::current())};
}
Out adaptive_with_indices_call(In in, Attributes a) {
  const int n = in[0].ndim() - 2;
  const auto op = n == 1 ? adaptive_max_pool1d_with_indices : n == 2 ? adaptive_max_pool2d_with_indices : adaptive_max_pool3d_with_indices;
  return both(op(in[0], numbers(a, 0, n), SourceLocation::current()));
}
Out unpool_call(In in, Attributes a) {
  const int n = in[0].ndim() - 2;
  return {(n == 1 ? max_unpool1d : n == 2 ? max_unpool2d : max_unpool3d)(in[0], in[1], numbers(a, 0, n), {}, SourceLocation::current())};
}
MaxPoolResult fractional(In in, Attributes a) {
  const int n = in[0].ndim() - 2;
  const auto op = n == 2 ? fractional_max_pool2d_with_indices : fractional_max_pool3d_with_indices;
  return op(in[0], numbers(a, 0, n), {.output = numbers(a, 1, n), .samples = in[1]}, nullptr, SourceLocation::current());
}
Out lp_pool_call(In in, Attributes a) {
  const int n = in[0].ndim() - 2;
  const LpPoolOptions o{.stride = numbers(a, 1, n), .ceil_mode = a.back() != 0};
  return {(n == 1 ? lp_pool1d : n == 2 ? lp_pool2d : lp_pool3d)(in[0], a[a.size() - 2], numbers(a, 0, n), o, SourceLocation::current())};
}
Out grid_sample_call(In in, Attributes a) {
  return {grid_sample(in[0], in[1], {.mode = static_cast<GridSampleMode>(small(a[0])), .padding = static_cast<GridSamplePadding>(small(a[1])), .align_corners = a[2] != 0})};
}

}  // namespace

void add_sampling_calls(Calls& table) {
  table.insert({
      {"rnn", rnn_call},
      {"lstm", lstm_call},
      {"gru", gru_call},
      {"rnn_cell", ONE(rnn_cell(in[0], in[5], weights(in, 1)))},
      {"lstm_cell", lstm_cell_call},
      {"gru_cell", ONE(gru_cell(in[0], in[5], weights(in, 1)))},
      {"unfold_images", ONE(unfold(in[0], numbers(a, 0, 2), fold_options(a)))},
      {"fold", ONE(fold(in[0], numbers(a, 4, 2), numbers(a, 0, 2), fold_options(a)))},
      {"max_pool1d_with_indices", max_pool_call},
      {"max_pool2d_with_indices", max_pool_call},
      {"max_pool3d_with_indices", max_pool_call},
      {"adaptive_max_pool1d", adaptive_call},
      {"adaptive_max_pool2d", adaptive_call},
      {"adaptive_max_pool3d", adaptive_call},
      {"adaptive_max_pool1d_with_indices", adaptive_with_indices_call},
      {"adaptive_max_pool2d_with_indices", adaptive_with_indices_call},
      {"adaptive_max_pool3d_with_indices", adaptive_with_indices_call},
      {"fractional_max_pool2d", ONE(fractional(in, a).values)},
      {"fractional_max_pool3d", ONE(fractional(in, a).values)},
      {"fractional_max_pool2d_with_indices", ALL(both(fractional(in, a)))},
      {"fractional_max_pool3d_with_indices", ALL(both(fractional(in, a)))},
      {"max_unpool1d", unpool_call},
      {"max_unpool2d", unpool_call},
      {"max_unpool3d", unpool_call},
      {"lp_pool1d", lp_pool_call},
      {"lp_pool2d", lp_pool_call},
      {"lp_pool3d", lp_pool_call},
      {"grid_sample", grid_sample_call},
      {"affine_grid", ONE(affine_grid(in[0], rest(a, 1), a[0] != 0))},
  });
}

}  // namespace tasuki::numerics
