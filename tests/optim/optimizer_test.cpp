// Optimizers against PyTorch 2, whose numbers (f64) stand below, and what a step leaves alone.
#include <cmath>
#include <vector>

#include "tasuki/core/error.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/ops/view.hpp"
#include "tasuki/optim/adadelta.hpp"
#include "tasuki/optim/adagrad.hpp"
#include "tasuki/optim/adam.hpp"
#include "tasuki/optim/adam_variants.hpp"
#include "tasuki/optim/asgd.hpp"
#include "tasuki/optim/lion.hpp"
#include "tasuki/optim/rmsprop.hpp"
#include "tasuki/optim/rprop.hpp"
#include "tasuki/optim/sgd.hpp"
#include "tasuki/runtime/runtime.hpp"
#include "tasuki/runtime/threads.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/catch.hpp"

namespace ts = tasuki;
using ts::Tensor;
using Numbers = std::vector<double>;

namespace {

const Numbers start{0.5, -1.25, 2.0, -0.125, 3.0};

Numbers gradient_at(int step) {
  Numbers g;
  for (int i = 0; i < 5; ++i) g.push_back(std::sin(1.7 * step + i * 0.9) + 0.1 * i);
  return g;
}

Tensor parameter(ts::DType dtype = ts::f64) { return ts::from(start, {.dtype = dtype, .requires_grad = true}); }

Numbers numbers(const Tensor& t) { return t.to(ts::f64).to_vector<double>(); }

template <class Optimizer, class Options>
Numbers after_five_steps(const Options& options, ts::DType dtype) {
  const Tensor p = parameter(dtype);
  Optimizer opt{{p}, options};
  for (int step = 1; step <= 5; ++step) {
    p.set_grad(ts::from(gradient_at(step), {.dtype = dtype}));
    opt.step();
  }
  return numbers(p);
}

void check_close(const Numbers& actual, const Numbers& expected, double tolerance) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    INFO("element " << i);
    CHECK(actual[i] == Approx(expected[i]).epsilon(0).margin(tolerance));
  }
}

/// In f64 to rounding, in f32 to 1e-6.
template <class Optimizer, class Options>
void check_like_pytorch(const Options& options, const Numbers& expected) {
  check_close(after_five_steps<Optimizer>(options, ts::f64), expected, 1e-13);
  check_close(after_five_steps<Optimizer>(options, ts::f32), expected, 1e-6);
}

}  // namespace

TEST_CASE("SGD takes PyTorch's steps") {
  check_like_pytorch<ts::optim::SGD>(ts::optim::SGDOptions{.lr = 0.1},
                                     {0.3897090510139997, -1.3332863596203444, 1.9689086830911045, -0.15604499175998668, 2.8789785547043185});
  check_like_pytorch<ts::optim::SGD>(ts::optim::SGDOptions{.lr = 0.1, .weight_decay = 0.05},
                                     {0.3782440899858554, -1.3019785207682102, 1.9193305046952216, -0.1526609531941474, 2.806290705894158});
}

TEST_CASE("SGD with momentum takes PyTorch's steps") {
  check_like_pytorch<ts::optim::SGD>(ts::optim::SGDOptions{.lr = 0.1, .momentum = 0.9},
                                     {0.2589494593907678, -1.3919824080965273, 1.9650632519044116, -0.225395510295973, 2.611707263193181});
  check_like_pytorch<ts::optim::SGD>(ts::optim::SGDOptions{.lr = 0.1, .momentum = 0.9, .dampening = 0.3, .weight_decay = 0.05},
                                     {0.18823071212407813, -1.3584218803435353, 1.8892528831594433, -0.11114479909721604, 2.6268936518318124});
  check_like_pytorch<ts::optim::SGD>(ts::optim::SGDOptions{.lr = 0.1, .momentum = 0.9, .weight_decay = 0.01, .nesterov = true},
                                     {0.16647139160820715, -1.4394741229787973, 1.9031738805785035, -0.24487146196484283, 2.4808501910619944});
  check_like_pytorch<ts::optim::SGD>(ts::optim::SGDOptions{.lr = 0.1, .momentum = 0.9, .maximize = true},
                                     {0.7410505406092323, -1.1080175919034727, 2.0349367480955887, -0.02460448970402702, 3.388292736806819});
}

TEST_CASE("Adam takes PyTorch's steps") {
  check_like_pytorch<ts::optim::Adam>(ts::optim::AdamOptions{.lr = 0.01},
                                      {0.48316805834295495, -1.2610722717729177, 2.0133272742817425, -0.11835757967017145, 2.991903064915939});
  check_like_pytorch<ts::optim::Adam>(ts::optim::AdamOptions{.lr = 0.01, .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-6, .weight_decay = 0.1},
                                      {0.4820582713788623, -1.2541854780388366, 1.9824686290340505, -0.11936194958183716, 2.982358319983758});
  check_like_pytorch<ts::optim::Adam>(ts::optim::AdamOptions{.lr = 0.01, .beta1 = 0.5, .beta2 = 0.6, .amsgrad = true},
                                      {0.48716233487861355, -1.2609019414611384, 2.0083453567070912, -0.12255242868780553, 2.992498634973906});
  check_like_pytorch<ts::optim::Adam>(ts::optim::AdamOptions{.lr = 0.01, .maximize = true},
                                      {0.5168319416570452, -1.2389277282270823, 1.986672725718258, -0.13164242032982856, 3.008096935084061});
}

TEST_CASE("AdamW takes PyTorch's steps") {
  check_like_pytorch<ts::optim::AdamW>(ts::optim::AdamWOptions{.lr = 0.01, .weight_decay = 0.1},
                                       {0.4807243099541343, -1.2548028935440947, 2.003285739043455, -0.11777787766688559, 2.976923611886514});
  check_like_pytorch<ts::optim::AdamW>(ts::optim::AdamWOptions{.lr = 0.01, .beta1 = 0.5, .beta2 = 0.6, .weight_decay = 0.1, .amsgrad = true},
                                       {0.4847025135741956, -1.2546398681112383, 1.9983119974295385, -0.12195786980530954, 2.9775269974931575});
}

TEST_CASE("RMSprop takes PyTorch's steps") {
  check_like_pytorch<ts::optim::RMSprop>(ts::optim::RMSpropOptions{.lr = 0.1},
                                         {-0.3986579320303124, -2.087320127698539, 2.9407131382345275, 0.07240622797573909, 2.687838320358186});
  check_like_pytorch<ts::optim::RMSprop>(ts::optim::RMSpropOptions{.lr = 0.1, .alpha = 0.9, .weight_decay = 0.1, .momentum = 0.8, .centered = true},
                                         {-0.23721806566710837, -1.649355338150272, 0.8169085688366591, 0.11043288769655117, 2.5345005585365468});
}

TEST_CASE("Adagrad takes PyTorch's steps") {
  check_like_pytorch<ts::optim::Adagrad>(ts::optim::AdagradOptions{.lr = 0.1},
                                         {0.4104930327101929, -1.3335045813931092, 2.0942014587992954, -0.10529883951883656, 2.968821196739937});
  check_like_pytorch<ts::optim::Adagrad>(
      ts::optim::AdagradOptions{.lr = 0.1, .lr_decay = 0.1, .weight_decay = 0.1, .initial_accumulator_value = 0.5, .maximize = true},
      {0.5550669613898915, -1.1690611994948121, 1.9306451415817967, -0.12770711945089697, 2.97687435440583});
}

TEST_CASE("NAdam takes PyTorch's steps") {
  check_like_pytorch<ts::optim::NAdam>(ts::optim::NAdamOptions{.lr = 0.01},
                                       {0.48812194897447525, -1.2607450814164607, 2.009305314897057, -0.12278343995943511, 2.9953611302938987});
  check_like_pytorch<ts::optim::NAdam>(
      ts::optim::NAdamOptions{.lr = 0.01, .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-6, .weight_decay = 0.1, .momentum_decay = 0.01, .decoupled_weight_decay = true},
      {0.48470525369278, -1.255311228338726, 1.9991960644278635, -0.12263792231668001, 2.9790743427248594});
  check_like_pytorch<ts::optim::NAdam>(ts::optim::NAdamOptions{.lr = 0.01, .weight_decay = 0.1, .maximize = true},
                                       {0.5099493515805302, -1.2345348890743413, 1.984539960592362, -0.12665849187381617, 2.9945538761470285});
}

TEST_CASE("RAdam takes PyTorch's steps, rectified and not") {
  check_like_pytorch<ts::optim::RAdam>(ts::optim::RAdamOptions{.lr = 0.1},
                                       {0.3517927583896579, -1.3219366823079066, 2.0209351208235797, -0.10271436445618522, 2.8932538160641843});
  check_like_pytorch<ts::optim::RAdam>(ts::optim::RAdamOptions{.lr = 0.1, .beta1 = 0.8, .beta2 = 0.9, .weight_decay = 0.1, .decoupled_weight_decay = true},
                                       {0.3418009828501021, -1.2587908693101793, 1.9114927209506496, -0.1111736753326368, 2.741761163202904});
  check_like_pytorch<ts::optim::RAdam>(ts::optim::RAdamOptions{.lr = 0.1, .beta1 = 0.8, .beta2 = 0.9, .eps = 1e-6, .weight_decay = 0.1, .maximize = true},
                                       {0.6101054490009352, -1.117837890749544, 1.891280997746933, -0.12673968593792312, 2.9640024145207833});
}

TEST_CASE("Adamax takes PyTorch's steps") {
  check_like_pytorch<ts::optim::Adamax>(ts::optim::AdamaxOptions{.lr = 0.1},
                                        {0.3504293322738192, -1.350622059756786, 2.1228753717115993, -0.039153805116394054, 2.9586528041218405});
  check_like_pytorch<ts::optim::Adamax>(ts::optim::AdamaxOptions{.lr = 0.1, .beta1 = 0.8, .beta2 = 0.9, .eps = 1e-6, .weight_decay = 0.1, .maximize = true},
                                        {0.6244560743841726, -1.1075642199056068, 1.8174476447294152, -0.19316621354901325, 2.9467866707255133});
}

TEST_CASE("Adadelta takes PyTorch's steps") {
  check_like_pytorch<ts::optim::Adadelta>(ts::optim::AdadeltaOptions{},
                                          {0.4961966569023992, -1.2533663759237612, 2.001215154309302, -0.12500457378253169, 2.9970596748193494});
  check_like_pytorch<ts::optim::Adadelta>(ts::optim::AdadeltaOptions{.lr = 0.5, .rho = 0.8, .eps = 1e-4, .weight_decay = 0.1, .maximize = true},
                                          {0.5116500983046358, -1.2323205761776024, 1.9852967874488199, -0.12427960249040072, 2.993925663428097});
}

TEST_CASE("ASGD takes PyTorch's steps, and averages") {
  check_like_pytorch<ts::optim::ASGD>(ts::optim::ASGDOptions{.lr = 0.1}, {0.3896878211168667, -1.3332211775987406, 1.9688095787452096, -0.15603766840395542, 2.8788329754493045});
  const ts::optim::ASGDOptions options{.lr = 0.1, .lambd = 0.1, .power = 0.5, .t0 = 2, .weight_decay = 0.1, .maximize = true};
  check_like_pytorch<ts::optim::ASGD>(options, {0.5579467909556048, -1.050425057119684, 1.8403339089247057, -0.08352801573648848, 2.8285923825679884});
  const Tensor p = parameter();
  ts::optim::ASGD opt{{p}, options};
  for (int step = 1; step <= 5; ++step) {
    p.set_grad(ts::from(gradient_at(step), {.dtype = ts::f64}));
    opt.step();
  }
  for (const auto& [name, tensor] : opt.named_state())
    if (name == "ax.0") check_close(numbers(tensor), {0.5235951669739104, -1.0671713628685804, 1.8871307152286283, -0.050397912713150694, 2.8593667143832056}, 1e-13);
}

TEST_CASE("Rprop takes PyTorch's steps") {
  check_like_pytorch<ts::optim::Rprop>(ts::optim::RpropOptions{.lr = 0.1}, {0.425, -1.325, 2.16, -0.135, 3.075});
  check_like_pytorch<ts::optim::Rprop>(ts::optim::RpropOptions{.lr = 0.1, .etaminus = 0.4, .etaplus = 1.5, .min_step = 0.05, .max_step = 0.12, .maximize = true},
                                       {0.6, -1.15, 1.83, -0.1, 2.9});
}

TEST_CASE("Lion takes the steps of its paper") {
  check_like_pytorch<ts::optim::Lion>(ts::optim::LionOptions{.lr = 0.01}, {0.49, -1.26, 2.01, -0.135, 2.99});
  check_like_pytorch<ts::optim::Lion>(ts::optim::LionOptions{.lr = 0.01, .beta1 = 0.5, .beta2 = 0.6, .weight_decay = 0.1, .maximize = true},
                                      {0.5274450749525095, -1.2337624675362386, 1.9800599000599879, -0.1343363287006349, 3.0150099500449863});
}

TEST_CASE("optimizers made of ops keep f32 state beside halves, and refuse options out of range") {
  const Numbers halves = after_five_steps<ts::optim::RMSprop>(ts::optim::RMSpropOptions{.lr = 0.1}, ts::bf16);
  check_close(halves, after_five_steps<ts::optim::RMSprop>(ts::optim::RMSpropOptions{.lr = 0.1}, ts::f64), 0.04);
  const ts::optim::LionOptions decayed{.lr = 0.1, .weight_decay = 0.1};
  check_close(after_five_steps<ts::optim::Lion>(decayed, ts::bf16), after_five_steps<ts::optim::Lion>(decayed, ts::f64), 0.04);
  CHECK_THROWS_AS(ts::optim::RMSprop({parameter()}, {.alpha = 1.5}), ts::ValueError);
  CHECK_THROWS_AS(ts::optim::Adagrad({parameter()}, {.lr_decay = -1}), ts::ValueError);
}

TEST_CASE("a bf16 parameter keeps f32 state and moves by rounded steps") {
  const Tensor p = parameter(ts::bf16);
  ts::optim::SGD opt{{p}, {.lr = 1, .momentum = 0.5}};
  p.set_grad(ts::from(Numbers{1, 1, 1, 1, 1}, {.dtype = ts::bf16}));
  opt.step();
  CHECK(numbers(p) == Numbers{-0.5, -2.25, 1, -1.125, 2});
  CHECK(opt.named_state()[3].tensor.dtype() == ts::f32);
}

TEST_CASE("a parameter without a gradient is skipped: its value, state and count of updates stay") {
  const Tensor skipped = parameter(), always = parameter();
  ts::optim::AdamW opt{{always, skipped}, {.lr = 0.01, .weight_decay = 0.1}};
  for (int step = 1; step <= 4; ++step) {
    opt.zero_grad();
    always.set_grad(ts::from(gradient_at(step)));
    if (step != 2) skipped.set_grad(ts::from(gradient_at(step)));
    opt.step();
  }
  // three steps of PyTorch's AdamW with the gradients of steps 1, 3 and 4
  check_close(numbers(skipped), {0.48664921489418334, -1.267789229941033, 1.9900720473810392, -0.12205341322416122, 2.995690085020123}, 1e-13);
}

TEST_CASE("a frozen parameter stays, whatever its gradient") {
  const Tensor p = parameter();
  ts::optim::SGD opt{{p}, {.lr = 1}};
  p.set_grad(ts::from(gradient_at(1)));
  p.requires_grad_(false);
  opt.step();
  CHECK(numbers(p) == start);
}

TEST_CASE("groups have options and learning rates of their own") {
  const Tensor slow = parameter(), fast = parameter();
  ts::optim::SGD opt{{{{slow}, {.lr = 0.1}}, {{fast}, {.lr = 1}}}};
  REQUIRE(opt.group_count() == 2);
  const Numbers ones(5, 1.0);
  for (const Tensor& p : {slow, fast}) p.set_grad(ts::from(ones));
  opt.step();
  CHECK(numbers(slow)[0] == Approx(0.4));
  CHECK(numbers(fast)[0] == Approx(-0.5));
  opt.set_lr(1, 0);
  opt.step();
  CHECK(numbers(slow)[0] == Approx(0.3));
  CHECK(numbers(fast)[0] == Approx(-0.5));
  opt.set_lr(0);
  CHECK(opt.lr(0) == 0);
}

TEST_CASE("a step counts as a write that a pending backward notices") {
  const Tensor p = parameter();
  ts::optim::SGD opt{{p}, {.lr = 1}};
  p.set_grad(ts::from(gradient_at(1)));
  const auto before = p.version();
  opt.step();
  CHECK(p.version() > before);
}

TEST_CASE("many parameters of several dtypes are all updated") {
  std::vector<Tensor> parameters;
  for (int i = 0; i < 40; ++i) parameters.push_back(parameter(i % 3 == 0 ? ts::f64 : ts::f32));
  ts::optim::AdamW opt{parameters, {.lr = 0.01, .weight_decay = 0.1}};
  for (int step = 1; step <= 5; ++step) {
    for (const Tensor& p : parameters) p.set_grad(ts::from(gradient_at(step), {.dtype = p.dtype()}));
    opt.step();
  }
  for (const Tensor& p : parameters)
    check_close(numbers(p), {0.4807243099541343, -1.2548028935440947, 2.003285739043455, -0.11777787766688559, 2.976923611886514}, 1e-6);
}

TEST_CASE("a transposed gradient and a parameter with gaps in memory are updated in place") {
  const Tensor whole = ts::from(Numbers{1, 2, 3, 4, 5, 6, 7, 8}, {2, 4});
  const Tensor part = ts::slice(whole, 1, 0, 2).detach();  // [[1, 2], [5, 6]] with a gap of two between the rows
  part.requires_grad_(true);
  ts::optim::SGD opt{{part}, {.lr = 1}};
  part.set_grad(ts::transpose(ts::from(Numbers{1, 2, 3, 4}, {2, 2}), 0, 1).detach());
  opt.step();
  CHECK(numbers(whole) == Numbers{0, -1, 3, 4, 3, 2, 7, 8});
}

TEST_CASE("the same bits on one thread and on several") {
  const std::int64_t n = 300'001;
  const auto run = [&](int threads) {
    const int before = ts::num_threads();
    ts::set_num_threads(threads);
    const Tensor p = ts::linspace(-1, 1, n, {.requires_grad = true});
    ts::optim::AdamW opt{{p}, {.lr = 0.01}};
    for (int step = 0; step < 3; ++step) {
      p.set_grad(ts::linspace(1, -2, n));
      opt.step();
    }
    ts::set_num_threads(before);
    return p.to_vector<float>();
  };
  CHECK(run(1) == run(2));
}

TEST_CASE("a run that goes on from saved state equals one that was not interrupted") {
  const auto train = [](ts::optim::Optimizer& opt, const Tensor& p, int from, int to) {
    for (int step = from; step <= to; ++step) {
      p.set_grad(ts::from(gradient_at(step)));
      opt.step();
    }
  };
  const Tensor whole = parameter();
  ts::optim::AdamW uninterrupted{{whole}, {.lr = 0.01, .amsgrad = true}};
  train(uninterrupted, whole, 1, 5);

  const Tensor first = parameter();
  ts::optim::AdamW before{{first}, {.lr = 0.01, .amsgrad = true}};
  train(before, first, 1, 3);
  const Tensor second = ts::from(numbers(first), {.requires_grad = true});
  ts::optim::AdamW after{{second}, {.lr = 0.5, .amsgrad = true}};
  after.load_state(before.named_state());
  CHECK(after.step_count() == 3);
  CHECK(after.lr() == 0.01);
  train(after, second, 4, 5);
  CHECK(numbers(second) == numbers(whole));
}

TEST_CASE("two optimizers of one parameter take turns, and either may go first") {
  const Tensor p = parameter();
  ts::optim::SGD other{{p}, {.lr = 10}};
  {
    ts::optim::SGD opt{{p}, {.lr = 1}};
    p.set_grad(ts::from(Numbers(5, 1.0)));
    opt.step();
    other.step();
  }
  CHECK(numbers(p)[0] == Approx(0.5 - 11));
  other.step();
  CHECK(numbers(p)[0] == Approx(0.5 - 21));
}

TEST_CASE("an optimizer of one's own writes update() with ops") {
  struct Halving : ts::optim::Optimizer {
    explicit Halving(std::vector<Tensor> p) : Optimizer("Halving", {std::move(p)}, {0.5}) {}
    void update(std::size_t group, ts::optim::Update& u) override {
      for (const Tensor& p : u.parameters) p.copy_(ts::full_like(p, lr(group)));
    }
  };
  const Tensor p = parameter();
  Halving opt{{p}};
  p.set_grad(ts::from(gradient_at(1)));
  opt.step();
  CHECK(numbers(p) == Numbers(5, 0.5));
}

TEST_CASE("an optimizer whose state has no room leaves nothing behind, and says which it was") {
  const ts::Device device = ts::Device::cpu();
  ts::memory::release_cached(device);
  const std::size_t before = ts::memory::stats(device).current_bytes;
  {
    const Tensor p = ts::zeros({512, 1024}, {.requires_grad = true});
    // Room for the parameters and the gradients in their new places, and for half a state.
    ts::memory::set_byte_limit(device, ts::memory::stats(device).current_bytes + p.nbytes() * 5 / 2);
    REQUIRE_THROWS_AS(ts::optim::AdamW({p}), ts::OutOfMemory);
    ts::memory::set_byte_limit(device, 0);
    CHECK(p.sum().item<float>() == 0);
  }
  CHECK(ts::memory::stats(device).current_bytes == before);
}
