// What a user reads after misuse of the ops that come in families: every member of each, by table. The ops with texts of their own stand in
// the other files here and beside the cases of tests/ops; tests/structure/op_table.py sees to it that none is left out.
#include <algorithm>
#include <iterator>

#include "tasuki/ops/addcmul.hpp"
#include "tasuki/ops/aggregate.hpp"
#include "tasuki/ops/binary.hpp"
#include "tasuki/ops/bitwise.hpp"
#include "tasuki/ops/compare.hpp"
#include "tasuki/ops/copy.hpp"
#include "tasuki/ops/einsum.hpp"
#include "tasuki/ops/linalg.hpp"
#include "tasuki/ops/margin_loss.hpp"
#include "tasuki/ops/pointwise_loss.hpp"
#include "tasuki/ops/pool_indices.hpp"
#include "tasuki/ops/random.hpp"
#include "tasuki/ops/rearrange.hpp"
#include "tasuki/ops/recurrent.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/scatter.hpp"
#include "tasuki/ops/sort.hpp"
#include "tasuki/ops/unary.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/catch.hpp"
#include "tests/support/expect_error.hpp"
#include "tests/support/host_array.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Tensor;
using Here = ts::SourceLocation;

namespace {

Tensor two_rows() { return to_tensor({2, 3}, {1, 2, 3, 4, 5, 6}); }
Tensor vector(ts::DType dtype = ts::f32) { return to_tensor({2}, {1, 2}, dtype); }

const std::string tail = "\n  called at <here>";
const std::string of_vector = "\n  x: f32[2] cpu" + tail, of_matrix = "\n  x: f32[2, 3] cpu" + tail, of_integers = "\n  x: i64[2] cpu" + tail, of_flags = "\n  x: bool[2] cpu" + tail;
const std::string undefined = "\n  the tensor is undefined: it was default-constructed or moved from" + tail;
const std::string out_of_range = "\n  expected  -1 <= dim < 1 for a tensor of 1 dimensions\n  actual    dim = 1";
const std::string do_not_broadcast = "\n  expected  shapes that broadcast: counted from the last, each pair of sizes equal or one of them 1\n  actual    [2, 3] and [2]: 3 against 2 in dimension -1";

/// The text but for the place, which is that of a table's line.
std::string without_place(ts::function_ref<void()> misuse) {
  const std::string text = error_text(misuse);
  return text.substr(0, text.rfind("\n  called at "));
}

struct Unary {
  const char* name;
  Tensor (*op)(const Tensor&, Here);
};
struct Binary {
  const char* name;
  Tensor (*op)(const Tensor&, ts::Operand);
};
struct Loss {
  const char* name;
  Tensor (*op)(const Tensor&, const Tensor&);
};
struct Pool {
  const char* name;
  int dims;
  Tensor (*op)(const Tensor&, int);
};

}  // namespace

TEST_CASE("elementwise functions refuse bools, and most of them integers") {
  const Unary functions[] = {
#define TASUKI_UNARY(name) {#name, &ts::name},
#include "tasuki/ops/unary_functions.inc"
#include "tasuki/tensor/unary_names.inc"
#undef TASUKI_UNARY
      {"polygamma", [](const Tensor& x, Here at) { return ts::polygamma(1, x, at); }},
      {"nan_to_num", [](const Tensor& x, Here at) { return ts::nan_to_num(x, 0, {}, {}, at); }},
      {"leaky_relu", [](const Tensor& x, Here at) { return ts::leaky_relu(x, 0.1, at); }},
      {"elu", [](const Tensor& x, Here at) { return ts::elu(x, 1, at); }},
      {"celu", [](const Tensor& x, Here at) { return ts::celu(x, 1, at); }},
      {"hardtanh", [](const Tensor& x, Here at) { return ts::hardtanh(x, -1, 1, at); }},
      {"softshrink", [](const Tensor& x, Here at) { return ts::softshrink(x, 1, at); }},
      {"softplus", [](const Tensor& x, Here at) { return ts::softplus(x, 1, 20, at); }},
      {"clamp", [](const Tensor& x, Here at) { return ts::clamp(x, 0, 1, at); }},
      {"clamp_min", [](const Tensor& x, Here at) { return ts::clamp_min(x, 0, at); }},
      {"clamp_max", [](const Tensor& x, Here at) { return ts::clamp_max(x, 0, at); }},
  };
  const auto refused = [](const std::string& name, const char* kind, const char* dtype, const std::string& operand) {
    return "DTypeError: " + name + "\n  expected  a " + kind + " dtype\n  actual    " + dtype + "\n  cast first: .to(ts::f32)" + operand;
  };
  const std::string whole[] = {"abs", "neg", "square", "relu", "sign", "clamp", "clamp_min", "clamp_max"};
  for (const Unary& f : functions) {
    const bool takes_integers = std::find(std::begin(whole), std::end(whole), f.name) != std::end(whole);
    expect_error([&] { f.op(vector(ts::bool_), Here::current()); }, refused(f.name, takes_integers ? "number" : "floating", "bool", of_flags));
    if (!takes_integers) expect_error([&] { f.op(vector(ts::i64), Here::current()); }, refused(f.name, "floating", "i64", of_integers));
  }
  expect_error([] { ts::polygamma(-1, vector()); }, "ValueError: polygamma\n  expected  n >= 0\n  actual    n = -1" + of_vector);
}

TEST_CASE("ops on two operands refuse shapes that do not broadcast, and two dtypes") {
  const Binary functions[] = {
      {"add", &ts::add},         {"sub", &ts::sub},           {"mul", &ts::mul},     {"div", &ts::div},     {"maximum", &ts::maximum},
      {"minimum", &ts::minimum}, {"pow", [](const Tensor& a, ts::Operand b) { return ts::pow(a, b); }},      {"fmod", &ts::fmod}, {"floor_divide", &ts::floor_divide},
      {"remainder", &ts::remainder}, {"atan2", &ts::atan2},   {"hypot", &ts::hypot}, {"logaddexp", &ts::logaddexp},
      {"eq", &ts::eq},           {"ne", &ts::ne},             {"lt", &ts::lt},       {"le", &ts::le},       {"gt", &ts::gt},
      {"ge", &ts::ge},           {"logical_and", &ts::logical_and}, {"logical_or", &ts::logical_or}, {"logical_xor", &ts::logical_xor},
  };
  for (const Binary& f : functions) {
    expect_error([&] { f.op(two_rows(), {vector(), Here::current()}); }, "ShapeError: " + std::string(f.name) + do_not_broadcast + "\n  a: f32[2, 3] cpu   b: f32[2] cpu" + tail);
    expect_error([&] { f.op(vector(), {vector(ts::f64), Here::current()}); },
                 "DTypeError: " + std::string(f.name) + "\n  expected  operands of one dtype\n  actual    f32 and f64\n  cast the first with .to(ts::f64)\n  a: f32[2] cpu   b: f64[2] cpu" + tail);
  }
  expect_error([] { ts::floor_divide(vector(ts::i64), 0); }, "ValueError: floor_divide\n  expected  a number other than 0 to divide integers by\n  actual    0\n  a: i64[2] cpu" + tail);
  expect_error([] { ts::floor_divide(vector(ts::i64), vector(ts::i64).mul(0)); },
               "ValueError: floor_divide\n  expected  integers other than 0 to divide by\n  actual    0 at b[0]\n  a: i64[2] cpu   b: i64[2] cpu" + tail);
  for (const Binary& f : {Binary{"bitwise_and", &ts::bitwise_and}, {"bitwise_or", &ts::bitwise_or}, {"bitwise_xor", &ts::bitwise_xor}})
    expect_error([&] { f.op(vector(), {vector(), Here::current()}); },
                 "DTypeError: " + std::string(f.name) + "\n  expected  an integral dtype, or bool\n  actual    f32\n  a: f32[2] cpu   b: f32[2] cpu" + tail);
  for (const Binary& f : {Binary{"bitwise_left_shift", &ts::bitwise_left_shift}, {"bitwise_right_shift", &ts::bitwise_right_shift}})
    expect_error([&] { f.op(vector(ts::bool_), {vector(ts::bool_), Here::current()}); },
                 "DTypeError: " + std::string(f.name) + "\n  expected  an integral dtype\n  actual    bool\n  a: bool[2] cpu   b: bool[2] cpu" + tail);
  expect_error([] { ts::bitwise_not(vector()); }, "DTypeError: bitwise_not\n  expected  an integral dtype, or bool\n  actual    f32" + of_vector);
  expect_error([] { ts::prelu(two_rows(), vector()); }, "ShapeError: prelu\n  expected  a weight of 1 or 3 elements\n  actual    [2]\n  x: f32[2, 3] cpu   weight: f32[2] cpu" + tail);
  expect_error([] { ts::lerp(two_rows(), vector(), 0.5); }, "ShapeError: lerp" + do_not_broadcast + "\n  a: f32[2, 3] cpu   b: f32[2] cpu" + tail);
  expect_error([] { ts::addcdiv(two_rows(), vector(), vector()); }, "ShapeError: addcdiv" + do_not_broadcast + "\n  x: f32[2, 3] cpu   a: f32[2] cpu   b: f32[2] cpu" + tail);
  expect_error([] { ts::allclose(two_rows(), vector()); }, "ShapeError: isclose" + do_not_broadcast + "\n  a: f32[2, 3] cpu   b: f32[2] cpu" + tail);
  expect_error([] { ts::kron(vector(), vector(ts::f64)); }, "DTypeError: kron\n  expected  b of dtype f32\n  actual    f64\n  cast it with .to(ts::f32)\n  a: f32[2] cpu   b: f64[2] cpu" + tail);
}

TEST_CASE("ops that take everything still want a tensor") {
  const Unary functions[] = {
      {"logical_not", &ts::logical_not}, {"isnan", &ts::isnan}, {"isinf", &ts::isinf}, {"isfinite", &ts::isfinite}, {"nonzero", &ts::nonzero}, {"clone", &ts::clone},
      {"unique", [](const Tensor& x, Here at) { return ts::unique(x, at).values; }},
      {"contiguous", [](const Tensor& x, Here at) { return ts::contiguous(x, ts::MemoryFormat::contiguous, at); }},
      {"empty_like", [](const Tensor& x, Here at) { return ts::empty_like(x, {}, at); }},
      {"zeros_like", [](const Tensor& x, Here at) { return ts::zeros_like(x, {}, at); }},
      {"ones_like", [](const Tensor& x, Here at) { return ts::ones_like(x, {}, at); }},
      {"full_like", [](const Tensor& x, Here at) { return ts::full_like(x, 1, {}, at); }},
      {"rand_like", [](const Tensor& x, Here at) { return ts::rand_like(x, {}, nullptr, at); }},
      {"randn_like", [](const Tensor& x, Here at) { return ts::randn_like(x, {}, nullptr, at); }},
      {"randint_like", [](const Tensor& x, Here at) { return ts::randint_like(x, 0, 2, {}, nullptr, at); }},
      {"to", [](const Tensor& x, Here at) { return ts::to(x, ts::f32, at); }},
  };
  for (const Unary& f : functions) expect_error([&] { f.op(Tensor(), Here::current()); }, "ValueError: " + std::string(f.name) + undefined);
  expect_error([] { ts::contiguous(two_rows(), ts::MemoryFormat::channels_last); },
               "ShapeError: contiguous\n  channels_last is a format of tensors [N, C, W], [N, C, H, W] or [N, C, D, H, W], not of [2, 3]" + of_matrix);
}

TEST_CASE("reductions and orders name the dimension that is not there") {
  const Unary functions[] = {
      {"count_nonzero", [](const Tensor& x, Here at) { return ts::count_nonzero(x, 1, at); }},
      {"any", [](const Tensor& x, Here at) { return ts::any(x, 1, false, at); }},
      {"all", [](const Tensor& x, Here at) { return ts::all(x, 1, false, at); }},
      {"max", [](const Tensor& x, Here at) { return ts::max(x, 1, false, at).values; }},
      {"min", [](const Tensor& x, Here at) { return ts::min(x, 1, false, at).values; }},
      {"amax", [](const Tensor& x, Here at) { return ts::amax(x, 1, false, at); }},
      {"amin", [](const Tensor& x, Here at) { return ts::amin(x, 1, false, at); }},
      {"argmax", [](const Tensor& x, Here at) { return ts::argmax(x, 1, false, at); }},
      {"argmin", [](const Tensor& x, Here at) { return ts::argmin(x, 1, false, at); }},
      {"argsort", [](const Tensor& x, Here at) { return ts::argsort(x, 1, false, at); }},
      {"var", [](const Tensor& x, Here at) { return ts::var(x, 1, {}, at); }},
      {"std", [](const Tensor& x, Here at) { return ts::std(x, 1, {}, at); }},
      {"logsumexp", [](const Tensor& x, Here at) { return ts::logsumexp(x, 1, false, at); }},
      {"unbind", [](const Tensor& x, Here at) { return ts::unbind(x, 1, at)[0]; }},
      {"squeeze", [](const Tensor& x, Here at) { return ts::squeeze(x, 1, at); }},
  };
  for (const Unary& f : functions) expect_error([&] { f.op(vector(), Here::current()); }, "IndexError: " + std::string(f.name) + out_of_range + of_vector);
  expect_error([] { ts::unsqueeze(vector(), 3); }, "IndexError: unsqueeze\n  expected  -2 <= dim < 2 for a tensor of 2 dimensions\n  actual    dim = 3" + of_vector);
  expect_error([] { ts::flatten(two_rows(), 1, 0); }, "IndexError: flatten\n  expected  from <= to\n  actual    from = 1, to = 0" + of_matrix);
  expect_error([] { ts::triu(vector()); }, "ShapeError: triu\n  expected  x.ndim() >= 2\n  actual    1 < 2" + of_vector);
  expect_error([] { ts::tile(two_rows(), -1); }, "ValueError: tile\n  expected  repeats of at least 0\n  actual    -1" + of_matrix);
  expect_error([] { ts::svd(vector()); }, "ShapeError: svd\n  expected  matrices, [..., rows, columns]\n  actual    [2]\n  a: f32[2] cpu" + tail);
  expect_error([] { ts::bucketize(vector(), two_rows()); }, "ShapeError: bucketize\n  expected  boundaries.ndim() == 1\n  actual    2 != 1\n  values: f32[2] cpu   boundaries: f32[2, 3] cpu" + tail);
  expect_error([] { ts::index_fill(two_rows(), 0, vector(), 1); }, "DTypeError: index_fill\n  expected  index of dtype i64 or i32\n  actual    f32\n  x: f32[2, 3] cpu   index: f32[2] cpu" + tail);
  expect_error([] { ts::index_copy(two_rows(), 0, vector(ts::i64), vector()); },
               "ShapeError: index_copy\n  expected  source of shape [2, 3]\n  actual    [2]\n  x: f32[2, 3] cpu   index: i64[2] cpu   source: f32[2] cpu" + tail);
}

TEST_CASE("losses of elements do not broadcast") {
  const Loss functions[] = {
      {"l1_loss", [](const Tensor& x, const Tensor& t) { return ts::l1_loss(x, t); }},
      {"smooth_l1_loss", [](const Tensor& x, const Tensor& t) { return ts::smooth_l1_loss(x, t); }},
      {"huber_loss", [](const Tensor& x, const Tensor& t) { return ts::huber_loss(x, t); }},
      {"binary_cross_entropy", [](const Tensor& x, const Tensor& t) { return ts::binary_cross_entropy(x, t); }},
      {"binary_cross_entropy_with_logits", [](const Tensor& x, const Tensor& t) { return ts::binary_cross_entropy_with_logits(x, t); }},
      {"kl_div", [](const Tensor& x, const Tensor& t) { return ts::kl_div(x, t); }},
      {"poisson_nll_loss", [](const Tensor& x, const Tensor& t) { return ts::poisson_nll_loss(x, t); }},
      {"soft_margin_loss", [](const Tensor& x, const Tensor& t) { return ts::soft_margin_loss(x, t); }},
      {"hinge_loss", [](const Tensor& x, const Tensor& t) { return ts::hinge_loss(x, t); }},
      {"hinge_embedding_loss", [](const Tensor& x, const Tensor& t) { return ts::hinge_embedding_loss(x, t); }},
  };
  const std::string operands = "\n  x: f32[2, 3] cpu   target: f32[2] cpu";
  for (const Loss& f : functions) {
    const std::string name = f.name;
    CHECK(without_place([&] { f.op(two_rows(), vector()); }) ==
          "ShapeError: " + name + "\n  expected  x.shape() == target.shape()\n  actual    [2, 3] != [2]\n  " + name + " does not broadcast" + operands);
  }
  expect_error([] { ts::sigmoid_focal_loss(two_rows(), vector()); }, "ShapeError: sigmoid_focal_loss\n  expected  target of shape [2, 3]\n  actual    [2]" + operands + tail);
  expect_error([] { ts::multilabel_soft_margin_loss(vector()[0], vector()[0]); },
               "ShapeError: multilabel_soft_margin_loss\n  expected  x.ndim() >= 1\n  actual    0 < 1\n  x: f32[] cpu   target: f32[] cpu" + tail);
  expect_error([] { ts::triplet_margin_loss(vector(), vector(), vector(ts::f64)); },
               "DTypeError: triplet_margin_loss\n  expected  negative of dtype f32\n  actual    f64\n  cast it with .to(ts::f32)\n"
               "  anchor: f32[2] cpu   positive: f32[2] cpu   negative: f64[2] cpu" + tail);
}

TEST_CASE("poolings say what images they take") {
#define POOLS(n)                                                                                                              \
  {"max_pool" #n "d", n, [](const Tensor& x, int k) { return ts::max_pool##n##d(x, k); }},                                    \
      {"avg_pool" #n "d", n, [](const Tensor& x, int k) { return ts::avg_pool##n##d(x, k); }},                                \
      {"adaptive_avg_pool" #n "d", n, [](const Tensor& x, int k) { return ts::adaptive_avg_pool##n##d(x, k); }},              \
      {"adaptive_max_pool" #n "d", n, [](const Tensor& x, int k) { return ts::adaptive_max_pool##n##d(x, k); }},              \
      {"max_pool" #n "d_with_indices", n, [](const Tensor& x, int k) { return ts::max_pool##n##d_with_indices(x, k).values; }}, \
      {"adaptive_max_pool" #n "d_with_indices", n, [](const Tensor& x, int k) { return ts::adaptive_max_pool##n##d_with_indices(x, k).values; }}, \
      {"lp_pool" #n "d", n, [](const Tensor& x, int k) { return ts::lp_pool##n##d(x, 2, k); }},
  const Pool pools[] = {POOLS(1) POOLS(2) POOLS(3)};
#undef POOLS
  const char* const shapes[] = {"", "[N, C, W]", "[N, C, H, W]", "[N, C, D, H, W]"};
  for (const Pool& f : pools)
    CHECK(without_place([&] { f.op(two_rows(), 2); }) == "ShapeError: " + std::string(f.name) + "\n  expected  x.ndim() == dims + 2\n  actual    2 != " + std::to_string(f.dims + 2) +
                                                           "\n  x is " + shapes[f.dims] + "; x.unsqueeze(0) makes a batch of one\n  x: f32[2, 3] cpu");
  const std::string operands = "\n  x: f32[2, 3] cpu   indices: i64[2] cpu" + tail;
  expect_error([] { ts::max_unpool1d(two_rows(), vector(ts::i64), 2); },
               "ShapeError: max_unpool1d\n  expected  x.ndim() == dims + 2\n  actual    2 != 3\n  x is [N, C, W]; x.unsqueeze(0) makes a batch of one" + operands);
  expect_error([] { ts::max_unpool3d(two_rows(), vector(ts::i64), 2); },
               "ShapeError: max_unpool3d\n  expected  x.ndim() == dims + 2\n  actual    2 != 5\n  x is [N, C, D, H, W]; x.unsqueeze(0) makes a batch of one" + operands);
}

TEST_CASE("recurrent layers and cells say what they take") {
  const ts::RecurrentWeights weights{ts::zeros({3, 3}), ts::zeros({3, 3}), {}, {}};
  expect_error([&] { ts::rnn(two_rows(), {}, weights); }, "ShapeError: rnn\n  expected  x of [steps, batch, features]\n  actual    [2, 3]" + of_matrix);
  expect_error([&] { ts::rnn_cell(vector(), {}, weights); }, "ShapeError: rnn_cell\n  expected  x of [batch, features]\n  actual    [2]" + of_vector);
  expect_error([&] { ts::gru_cell(two_rows(), {}, weights); }, "ShapeError: gru_cell\n  expected  a weight of the state of shape [9, 3]\n  actual    [3, 3]" + of_matrix);
}

TEST_CASE("tensors that cannot be made") {
  const std::string negative = "\n  expected  shape[d] >= 0\n  dimension 0 of shape [-1] is negative" + tail;
  expect_error([] { ts::empty(-1); }, "ShapeError: empty" + negative);
  expect_error([] { ts::ones(-1); }, "ShapeError: ones" + negative);
  expect_error([] { ts::full(-1, 1); }, "ShapeError: full" + negative);
  expect_error([] { ts::eye(-1); }, "ShapeError: eye\n  expected  shape[d] >= 0\n  dimension 0 of shape [-1, -1] is negative" + tail);
  expect_error([] { ts::from_blob(nullptr, {2}, ts::f32); }, "ValueError: from_blob\n  expected  data != nullptr || shape.numel() == 0\n  the memory of [2] elements is not there" + tail);
}
