#include "tasuki/ops/local_response_norm.hpp"

#include "src/ops/composed.hpp"
#include "src/ops/operand_checks.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/pad.hpp"
#include "tasuki/ops/pool.hpp"
#include "tasuki/ops/view.hpp"

namespace tasuki {

Tensor local_response_norm(const Tensor& x, std::int64_t size, const LocalResponseNormOptions& o, SourceLocation at) {
  static constexpr OpInfo info{"local_response_norm", "x"};
  return ops::composed(info, {&x}, at, [&] {
    ops::check_floating(x, "x");
    TASUKI_CHECK_OP(ShapeError, x.ndim(), >=, 2);
    TASUKI_CHECK_OP(ValueError, size, >=, 1);
    if (x.numel() == 0) return x.clone(at);
    // The channels as the rows of images of one channel: the mean over neighbours is a pooling.
    const Tensor squares = x.square(at).reshape({x.size(0), 1, x.size(1), -1}, at);
    const Tensor padded = pad(squares, {0, 0, size / 2, (size - 1) / 2}, {}, at), means = avg_pool2d(padded, {size, 1}, {.stride = 1}, at);
    return x.div({means.mul({o.alpha, at}).add({o.k, at}).pow({o.beta, at}).reshape(x.shape(), at), at});
  });
}

}  // namespace tasuki
