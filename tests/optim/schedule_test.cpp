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
