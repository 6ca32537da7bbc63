// A short training run with checkpoints that can be told to fail at a certain step; the scripts beside it run it under mpirun, again
// and again. The last line that rank 0 prints is the loss over all examples, with all its digits.
//
//     training --checkpoint FOLDER [--resume] [--steps N] [--every N] [--pause SECONDS] [--zero STAGE] [--compress top_k|power_sgd] [--fail-at STEP --fail-rank R --fail-how HOW]
//
// With --compress it prints ahead of that what all processes hold back together, where it begins and in the end.
// SIGUSR1 or SIGTERM end it after the step, with a checkpoint. A run that was resumed does not fail: it is the second attempt of one that did.
#include <tasuki/tasuki.hpp>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>

namespace ts = tasuki;

namespace {

struct Options {
  std::string checkpoint, fail_how = "kill", compress;
  int zero = 0;
  double pause = 0;  ///< of each step
  long steps = 40, every = 5, fail_at = -1, fail_rank = 0;
  bool resume = false;
};

Options parse(int argc, char** argv) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const auto value = [&] { return i + 1 < argc ? argv[++i] : throw std::runtime_error(name + " needs a value"); };
    if (name == "--resume") o.resume = true;
    else if (name == "--checkpoint") o.checkpoint = value();
    else if (name == "--steps") o.steps = std::atol(value());
    else if (name == "--every") o.every = std::atol(value());
    else if (name == "--pause") o.pause = std::atof(value());
    else if (name == "--zero") o.zero = std::atoi(value());
    else if (name == "--compress") o.compress = value();
    else if (name == "--fail-at") o.fail_at = std::atol(value());
    else if (name == "--fail-rank") o.fail_rank = std::atol(value());
    else if (name == "--fail-how") o.fail_how = value();
    else throw std::runtime_error("no option " + name);
  }
  return o;
}

void fail(const std::string& how) {
  if (how == "kill") std::raise(SIGKILL);
  else if (how == "segv") std::raise(SIGSEGV);
  else if (how == "throw") throw std::runtime_error("this batch cannot be read");
  else if (how == "leave") std::exit(0);
  else if (how == "hang") std::this_thread::sleep_for(std::chrono::seconds(3600));
  else if (how == "terminate") std::thread([] { throw std::runtime_error("nobody catches this"); }).join();
  else throw std::runtime_error("no failure " + how);
}

struct Net : ts::nn::Module {
  ts::nn::Linear a{this, "a", 16, 200}, b{this, "b", 200, 200}, c{this, "c", 200, 10};
  ts::Tensor operator()(const ts::Tensor& x) { return c(ts::tanh(b(ts::tanh(a(x))))); }
};

ts::dist::DataParallelOptions parallel_options(const Options& o) {
  ts::dist::DataParallelOptions options{.bucket_bytes = 50000, .zero = o.zero};
  if (o.compress == "top_k") options.compression = {.kind = ts::dist::Compression::Kind::top_k, .fraction = 0.05};
  if (o.compress == "power_sgd") options.compression = {.kind = ts::dist::Compression::Kind::power_sgd, .rank = 2};
  return options;
}

void say_held_back(const ts::dist::World& world, const ts::dist::DataParallel& parallel) {
  double mine = 0;
  for (const ts::NamedTensor& t : parallel.compression_state())
    if (t.name.rfind("residual", 0) == 0) mine += static_cast<double>(ts::sum(t.tensor).item<float>());
  const double all = world.sum(mine);
  if (world.rank() == 0) std::printf("held back %.9g\n", all);
}

int train(const Options& o, const ts::dist::World& world) {
  ts::manual_seed(7);
  Net net;
  ts::optim::AdamW opt{net.parameters(), {.lr = 2e-3}};
  ts::dist::DataParallel parallel{world, net, opt, parallel_options(o)};
  ts::optim::CosineAnnealing schedule{opt, {.steps = o.steps + 1, .warmup = 5}};
  ts::Generator noise{3}, drawn{11};
  const ts::Tensor x = ts::randn({301, 16}, {}, &drawn), t = ts::randint(0, 10, {301}, {}, &drawn);
  ts::data::Loader loader(ts::data::TensorDataset(x, t), {.global_batch = 28, .shuffle = true, .seed = 2, .shard = world});

  ts::Checkpoints checkpoints{o.checkpoint};
  checkpoints.add("net", net);
  checkpoints.add("optimizer", opt);
  checkpoints.add("schedule", schedule);
  checkpoints.add("data", loader);
  checkpoints.add("noise", noise);
  std::int64_t step = o.resume ? checkpoints.resume() : 0;
  ts::dist::Interruption interruption{world};
  const bool may_fail = step == 0;
  if (!o.compress.empty()) say_held_back(world, parallel);
  if (world.rank() == 0) std::printf("from step %lld\n", static_cast<long long>(step));
  while (step < o.steps)
    for (const auto& [inputs, labels] : loader) {
      opt.zero_grad();
      const ts::Tensor loss = ts::cross_entropy(net(inputs), labels);
      if (may_fail && step == o.fail_at && world.rank() == o.fail_rank) fail(o.fail_how);
      loss.backward();
      opt.step();
      schedule.step();
      ts::randn({3}, {}, &noise);
      std::this_thread::sleep_for(std::chrono::duration<double>(o.pause));
      const bool ends = interruption.requested();
      if (++step % o.every == 0 || ends) checkpoints.save(step);
      if (world.rank() == 0) {
        std::printf("step %lld\n", static_cast<long long>(step));
        std::fflush(stdout);
      }
      if (ends) return ts::dist::Interruption::exit_code;
      if (step == o.steps) break;
    }
  world.barrier();
  if (!o.compress.empty()) say_held_back(world, parallel);
  const ts::NoGrad off;
  const auto whole = parallel.whole_parameters();
  if (world.rank() == 0) std::printf("noise %llu loss %.9g\n", static_cast<unsigned long long>(noise.state().offset), static_cast<double>(ts::cross_entropy(net(x), t).item<float>()));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const ts::dist::World world = ts::dist::init(argc, argv, {.timeout_seconds = 60});
    return train(parse(argc, argv), world);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}
