// Clipping against PyTorch 2, whose numbers (f64) stand below.
#include "tasuki/optim/clip.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "tasuki/core/error.hpp"
#include "tasuki/runtime/threads.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/catch.hpp"

namespace ts = tasuki;
using ts::Tensor;
using Numbers = std::vector<double>;

namespace {

Tensor with_gradient(int step, ts::DType dtype = ts::f64) {
  const Tensor p = ts::zeros({5}, {.dtype = dtype, .requires_grad = true});
  Numbers g;
  for (int i = 0; i < 5; ++i) g.push_back(std::sin(1.7 * step + i * 0.9) + 0.1 * i);
  p.set_grad(ts::from(g, {.dtype = dtype}));
  return p;
}
Numbers gradient(const Tensor& p) { return p.grad().to(ts::f64).to_vector<double>(); }

void check_clip(double norm_type, double norm, const Numbers& first, const Numbers& second) {
  INFO("norm of order " << norm_type);
  const Tensor a = with_gradient(1), b = with_gradient(2), without = ts::zeros({3}, {.requires_grad = true});
  CHECK(ts::optim::clip_grad_norm_({a, without, b}, 0.75, {.norm_type = norm_type}) == Approx(norm).epsilon(1e-13));
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(gradient(a)[i] == Approx(first[i]).epsilon(1e-12));
    CHECK(gradient(b)[i] == Approx(second[i]).epsilon(1e-12));
  }
}

}  // namespace

TEST_CASE("gradients are clipped as PyTorch does, for any norm") {
  check_clip(2, 2.0799186820382043, {0.357585254018328, 0.2219441610426661, -0.05437105179772882, -0.23496174378148912, -0.15587168315568203},
             {-0.09214578244305639, -0.29430196648855383, -0.24644749324541437, 0.04249112240205474, 0.3811396929819189});
  check_clip(1, 5.771804715020102, {0.12885891254168125, 0.07997948157970704, -0.019593074741397633, -0.08467047914405326, -0.05616969760854065},
             {-0.03320552284380832, -0.10605423723275122, -0.08880946745247982, 0.015312040314513657, 0.13734695659906335});
  check_clip(3, 1.5370576289749285, {0.48387783902254977, 0.3003307877552847, -0.07357391490175844, -0.3179459431180282, -0.21092271664623283},
             {-0.12468999093934341, -0.3982440493960337, -0.33348824965249646, 0.05749821127829582, 0.5157512759079163});
  check_clip(std::numeric_limits<double>::infinity(), 1.056986598718789,
             {0.7036493226040446, 0.43673741245938075, -0.10699030045791648, -0.4623531591189045, -0.30672127285211354},
             {-0.18132268226461318, -0.5791216976472272, -0.4849545939909267, 0.08361320596670604, 0.7499992904363298});
}

TEST_CASE("gradients within the limit keep their bits") {
  const Tensor p = with_gradient(1, ts::f32);
  const Numbers before = gradient(p);
  const double norm = ts::optim::clip_grad_norm_({p}, 100);
  CHECK(norm < 100);
  CHECK(gradient(p) == before);
}

TEST_CASE("a parameter listed twice counts once") {
  const Tensor p = with_gradient(1);
  CHECK(ts::optim::grad_norm({p, p}) == ts::optim::grad_norm({p}));
}

TEST_CASE("a NaN among the gradients shows in the norm of any order, and is an error where asked for") {
  for (double order : {1.0, 2.0, 3.0, std::numeric_limits<double>::infinity()}) {
    const Tensor p = ts::zeros({4}, {.requires_grad = true});
    p.set_grad(ts::from(std::vector<float>{1, std::nanf(""), 3, -5}));
    CHECK(std::isnan(ts::optim::grad_norm({p}, order)));
  }
  const Tensor p = ts::zeros({1}, {.requires_grad = true});
  p.set_grad(ts::full({1}, std::numeric_limits<double>::infinity()));
  CHECK_THROWS_AS(ts::optim::clip_grad_norm_({p}, 1, {.error_if_nonfinite = true}), ts::NanError);
}

TEST_CASE("the norm of many elements has the same bits on any number of threads") {
  const Tensor p = ts::zeros({500'003}, {.requires_grad = true});
  p.set_grad(ts::linspace(-1, 2, 500'003));
  const int before = ts::num_threads();
  ts::set_num_threads(1);
  const double one = ts::optim::grad_norm({p});
  ts::set_num_threads(2);
  const double two = ts::optim::grad_norm({p});
  ts::set_num_threads(before);
  CHECK(one == two);
  CHECK(one == Approx(std::sqrt(500'003.0)).epsilon(1e-5));  // the mean of x^2 over [-1, 2] is 1
}

TEST_CASE("clipping by value limits every entry") {
  const Tensor p = ts::zeros({4}, {.requires_grad = true});
  p.set_grad(ts::from(std::vector<float>{-2, -0.25f, 0.5f, 3}));
  ts::optim::clip_grad_value_({p}, 0.5);
  CHECK(gradient(p) == Numbers{-0.5, -0.25, 0.5, 0.5});
}

TEST_CASE("nothing to clip has norm zero") { CHECK(ts::optim::clip_grad_norm_({ts::zeros({3}, {.requires_grad = true})}, 1) == 0); }
