#include "tasuki/optim/schedule.hpp"

#include <vector>

#include "tasuki/optim/sgd.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/catch.hpp"

namespace ts = tasuki;

namespace {
ts::optim::SGD optimizer() { return ts::optim::SGD{{ts::zeros({1}, {.requires_grad = true})}, {.lr = 2}}; }

template <class Schedule>
std::vector<double> rates(ts::optim::Optimizer& opt, Schedule& schedule, int steps) {
  std::vector<double> list;
  for (int i = 0; i < steps; ++i) {
    list.push_back(opt.lr());
    schedule.step();
  }
  return list;
}
}  // namespace

TEST_CASE("StepLR falls by gamma every step_size steps") {
  auto opt = optimizer();
  ts::optim::StepLR schedule{opt, {.step_size = 2, .gamma = 0.5}};
  CHECK(rates(opt, schedule, 6) == std::vector<double>{2, 2, 1, 1, 0.5, 0.5});
}

TEST_CASE("LinearWarmup rises in a straight line and stays") {
  auto opt = optimizer();
  ts::optim::LinearWarmup schedule{opt, {.steps = 4, .start_factor = 0.5}};
  CHECK(rates(opt, schedule, 6) == std::vector<double>{1, 1.25, 1.5, 1.75, 2, 2});
}

TEST_CASE("CosineAnnealing is half of its way at half of its steps, and ends at end_factor") {
  auto opt = optimizer();
  ts::optim::CosineAnnealing schedule{opt, {.steps = 8, .end_factor = 0.1}};
  const auto list = rates(opt, schedule, 10);
  CHECK(list[0] == 2);
  CHECK(list[4] == Approx(2 * 0.55));
  CHECK(list[8] == Approx(0.2));
  CHECK(list[9] == Approx(0.2));
  for (std::size_t i = 1; i < 9; ++i) CHECK(list[i] < list[i - 1]);
}

TEST_CASE("the warm-up before a cosine reaches the first learning rate when it ends") {
  auto opt = optimizer();
  ts::optim::CosineAnnealing schedule{opt, {.steps = 10, .warmup = 3}};
  const auto list = rates(opt, schedule, 5);
  CHECK(list[0] == Approx(0.5));
  CHECK(list[1] == Approx(1.0));
  CHECK(list[2] == Approx(1.5));
  CHECK(list[3] == Approx(2.0));
  CHECK(list[4] < 2);
}

TEST_CASE("schedules scale the groups' own learning rates, and go on from a checkpoint") {
  ts::optim::SGD opt{{{{ts::zeros({1}, {.requires_grad = true})}, {.lr = 1}}, {{ts::zeros({1}, {.requires_grad = true})}, {.lr = 10}}}};
  ts::optim::StepLR schedule{opt, {.step_size = 1, .gamma = 0.5}};
  schedule.set_step_count(2);
  CHECK(opt.lr(0) == 0.25);
  CHECK(opt.lr(1) == 2.5);
}

namespace {
void check_rates(const std::vector<double>& actual, const std::vector<double>& expected) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) CHECK(actual[i] == Approx(expected[i]).epsilon(1e-7).margin(1e-9));
}
}  // namespace

TEST_CASE("ExponentialLR, MultiStepLR and PolynomialLR give PyTorch's rates") {
  auto a = optimizer(), b = optimizer(), c = optimizer();
  ts::optim::ExponentialLR exponential{a, 0.5};
  check_rates(rates(a, exponential, 4), {2, 1, 0.5, 0.25});
  ts::optim::MultiStepLR steps{b, {.milestones = {5, 2}}};
  check_rates(rates(b, steps, 7), {2, 2, 0.2, 0.2, 0.2, 0.02, 0.02});
  ts::optim::PolynomialLR polynomial{c, {.steps = 4, .power = 2}};
  check_rates(rates(c, polynomial, 7), {2, 1.125, 0.5, 0.125, 0, 0, 0});
}

TEST_CASE("LambdaLR takes any function of the step") {
  auto opt = optimizer();
  ts::optim::LambdaLR schedule{opt, [](std::int64_t step) { return 1 / (1.0 + static_cast<double>(step)); }};
  check_rates(rates(opt, schedule, 4), {2, 1, 2 / 3.0, 0.5});
}

TEST_CASE("CosineAnnealingWarmRestarts and OneCycleLR give PyTorch's rates") {
  auto a = optimizer(), b = optimizer();
  ts::optim::CosineAnnealingWarmRestarts restarts{a, {.first = 2, .growth = 2, .end_factor = 0.1}};
  check_rates(rates(a, restarts, 8), {2.0, 1.1, 2.0, 1.7363961, 1.1, 0.4636039, 2.0, 1.93149158});
  ts::optim::OneCycleLR cycle{b, {.steps = 10, .start_factor = 0.25, .end_factor = 0.0025}};
  check_rates(rates(b, cycle, 10), {0.5, 1.25, 2.0, 1.90121645, 1.62443108, 1.22446463, 0.78053537, 0.38056892, 0.10378355, 0.005});
}

TEST_CASE("ReduceLROnPlateau waits for as long as it was told, and measures what is better as PyTorch does") {
  auto opt = optimizer(), other = optimizer();
  ts::optim::ReduceLROnPlateau down{opt, {.factor = 0.5, .patience = 1}}, up{other, {.factor = 0.5, .patience = 1, .maximize = true, .least_factor = 0.4}};
  std::vector<double> list;
  for (const double loss : {1.0, 0.5, 0.6, 0.49999, 0.55, 0.4, 0.5, 0.5, 0.5}) {
    down.step(loss);
    list.push_back(opt.lr());
  }
  check_rates(list, {2, 2, 2, 1, 1, 1, 1, 0.5, 0.5});
  list.clear();
  for (const double accuracy : {0.5, 0.4, 0.4, 0.4, 0.4, 0.6}) {
    up.step(accuracy);
    list.push_back(other.lr());
  }
  check_rates(list, {2, 2, 1, 1, 0.8, 0.8});
}

TEST_CASE("schedules refuse what cannot be") {
  auto opt = optimizer();
  CHECK_THROWS_AS(ts::optim::PolynomialLR(opt, {.steps = 0}), ts::ValueError);
  CHECK_THROWS_AS(ts::optim::CosineAnnealingWarmRestarts(opt, {.first = 0}), ts::ValueError);
  CHECK_THROWS_AS(ts::optim::OneCycleLR(opt, {.rise = 1}), ts::ValueError);
  CHECK_THROWS_AS(ts::optim::ReduceLROnPlateau(opt, {.factor = 1}), ts::ValueError);
}
