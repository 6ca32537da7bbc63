// What several processes do together; run by mpirun. Each process checks, and fails the job when something is wrong.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tasuki/ops/global_count.hpp"
#include "tasuki/tensor/tensor_impl.hpp"
#include "tests/mpi/ranks.hpp"

namespace ts = tasuki;

namespace {

// ---- data parallel

struct Net : ts::nn::Module {
  ts::nn::Linear a{this, "a", 16, 300}, b{this, "b", 300, 300}, unused{this, "unused", 300, 300}, rarely{this, "rarely", 300, 10}, c{this, "c", 300, 10};
  bool takes_rarely = false;
  ts::Tensor operator()(const ts::Tensor& x) {
    const ts::Tensor h = ts::tanh(b(ts::tanh(a(x))));
    return takes_rarely ? c(h) + rarely(h) : c(h);
  }
};

struct Batch {
  ts::Tensor x, t;
  Batch part(std::int64_t begin, std::int64_t end) const { return {x.slice(0, begin, end), t.slice(0, begin, end)}; }
};

ts::Tensor loss_of(Net& net, const Batch& batch) {
  const ts::Tensor y = net(batch.x);
  return ts::cross_entropy(y, batch.t, {.ignore_index = 3}) + ts::mse_loss(y, ts::zeros_like(y)) * 0.1;
}

std::vector<float> gradients_of(const Net& net) {
  std::vector<float> all;
  for (const ts::Tensor& p : net.parameters()) {
    const auto g = p.grad().defined() ? p.grad().to_vector<float>() : std::vector<float>{12345.0f};
    all.insert(all.end(), g.begin(), g.end());
  }
  return all;
}

void check_close(const std::vector<float>& a, const std::vector<float>& b) {
  CHECK(a.size() == b.size());
  float scale = 0, worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    scale = std::max(scale, std::fabs(b[i] == 12345.0f ? 0 : b[i]));
    worst = std::max(worst, std::fabs(a[i] - b[i]));
  }
  CHECK(worst <= 2e-6f * scale);
}

void data_parallel(const ts::dist::World& world) {
  const int n = world.size(), r = world.rank();
  ts::manual_seed(5);
  Batch batch{ts::randn({60, 16}), ts::randint(0, 10, {60})};
  Net whole, net;
  const auto from = whole.named_state();
  if (r == 0) {
    const ts::NoGrad off;
    const auto to = net.named_state();
    for (std::size_t i = 0; i < to.size(); ++i) to[i].tensor.copy_(from[i].tensor);
  }
  ts::optim::SGD opt{net.parameters(), {.lr = 0.1}}, whole_opt{whole.parameters(), {.lr = 0.1}};
  ts::dist::DataParallel parallel{world, net, opt, {.bucket_bytes = 100000}};
  CHECK(parallel.bucket_count() > 2);
  ts::BatchCount* const spread = ts::set_batch_count(nullptr);
  const auto reference = [&](const std::vector<Batch>& parts) {
    ts::set_batch_count(nullptr);
    whole_opt.zero_grad();
    for (const Batch& b : parts) loss_of(whole, b).backward();
    ts::set_batch_count(spread);
  };
  const auto begin_of = [&](int rank) { return 60 * rank / n; };
  const Batch mine = batch.part(begin_of(r), begin_of(r + 1));

  for (int step = 0; step < 5; ++step) {  // even or not
    reference({batch});
    opt.zero_grad();
    const ts::Tensor loss = loss_of(net, mine);
    loss.backward();
    check_close(gradients_of(net), gradients_of(whole));
    const ts::NoGrad off;
    ts::set_batch_count(nullptr);
    const double expected = loss_of(whole, batch).item<float>();
    ts::set_batch_count(spread);
    CHECK(std::fabs(world.sum(static_cast<double>(loss.item<float>())) - expected) <= 1e-6 * expected);
    opt.step();
    whole_opt.step();
  }
  CHECK(!net.unused.weight.grad().defined());

  // All examples on one process: the others have none.
  reference({batch});
  opt.zero_grad();
  loss_of(net, r == n - 1 ? batch : batch.part(0, 0)).backward();
  check_close(gradients_of(net), gradients_of(whole));

  // A branch that only one process takes.
  net.takes_rarely = r == 0;
  opt.zero_grad();
  loss_of(net, mine).backward();
  CHECK(net.rarely.weight.grad().defined());
  const auto bits = gradients_of(net);
  const std::string text(reinterpret_cast<const char*>(bits.data()), bits.size() * sizeof(float));
  const std::string all = world.gather_texts(text, "");
  for (int other = 0; other < n; ++other) CHECK(all.compare(static_cast<std::size_t>(other) * text.size(), text.size(), text) == 0);
  net.takes_rarely = false;

  // Accumulated: two halves of every share, the first of them without the others.
  std::vector<Batch> halves[2];
  opt.zero_grad();
  for (int half = 0; half < 2; ++half) {
    const std::int64_t size = mine.x.size(0), begin = half * (size / 2), end = half ? size : size / 2;
    const auto backward = [&] { loss_of(net, mine.part(begin, end)).backward(); };
    if (half == 0) {
      const auto later = parallel.no_sync();
      backward();
    } else {
      backward();
    }
  }
  reference({});
  ts::set_batch_count(nullptr);
  for (int half = 0; half < 2; ++half) {
    std::vector<ts::Tensor> xs, ts_;
    for (int other = 0; other < n; ++other) {
      const Batch share = batch.part(begin_of(other), begin_of(other + 1));
      const std::int64_t size = share.x.size(0), begin = half * (size / 2), end = half ? size : size / 2;
      xs.push_back(share.part(begin, end).x);
      ts_.push_back(share.part(begin, end).t);
    }
    loss_of(whole, {ts::cat(xs, 0), ts::cat(ts_, 0)}).backward();
  }
  ts::set_batch_count(spread);
  check_close(gradients_of(net), gradients_of(whole));

  // The best size of buckets is measured, and the same for all.
  {
    Net other;
    ts::optim::SGD step{other.parameters(), {.lr = 0.1}};
    const ts::dist::DataParallel measured{world, other, step};
    CHECK(measured.bucket_bytes() >= 65536 && world.sum(static_cast<double>(measured.bucket_bytes())) == static_cast<double>(measured.bucket_bytes()) * n);
    ts::set_batch_count(spread);
  }

  const std::string text_of_error = message_of([&] { loss_of(net, mine).backward(); });
  CHECK(contains(text_of_error, "AutogradError") && contains(text_of_error, "summed over the processes already") && contains(text_of_error, "parallel.no_sync()"));
}

// ---- data

/// 61 examples in global batches of 10: no share is like another, and some are empty.
void data_order(const ts::dist::World& world) {
  const int n = world.size();
  const ts::data::TensorDataset numbers(ts::arange(61).to(ts::f64));
  ts::data::Loader mine(&numbers, {.global_batch = 10, .shuffle = true, .seed = 3, .shard = world}), whole(&numbers, {.global_batch = 10, .shuffle = true, .seed = 3});
  ts::dist::Balance balance{world};
  ts::dist::Average mean{world};
  auto all = whole.begin();
  for (const auto& batch : mine) {
    balance.count(batch);
    const double squares = ts::sum(batch.x * batch.x).item<double>();
    mean.add(squares, batch.x.size(0));
    CHECK(world.sum(squares) == ts::sum(all->x * all->x).item<double>());
    ++all;
  }
  CHECK(!(all != whole.end()));
  CHECK(mean.value() == 60 * 121 / 6.0);  // of the squares of 0 to 60
  const auto report = balance.end_epoch();
  double samples = 0;
  for (int r = 0; r < n; ++r) {
    samples += report.samples[static_cast<std::size_t>(r)];
    CHECK(report.samples[static_cast<std::size_t>(r)] == 6 * ((10 - r + n - 1) / n) + (r == 0));
    CHECK(report.bytes[static_cast<std::size_t>(r)] == 8 * report.samples[static_cast<std::size_t>(r)]);
  }
  CHECK(samples == 61);
}

// ---- what goes wrong

void misuse(const ts::dist::World& world) {
  CHECK(contains(message_of([&] { world.broadcast(ts::ones({2}), 7); }), "expected  a root among 3 processes\n  actual    7"));
  CHECK(contains(message_of([&] { world.sum(ts::ones({2}, {.device = ts::Device::sim()})); }), "move it there: x.to(ts::Device::cpu())"));
  CHECK(contains(message_of([&] { world.all_reduce(ts::ones({2, 3}).transpose(0, 1)); }), "expected  a contiguous tensor"));
  CHECK(contains(message_of([&] { world.all_reduce(ts::ones({2}).requires_grad_()); }), "use world.sum(x)"));
  CHECK(contains(message_of([&] { world.all_reduce(ts::Tensor()); }), "an undefined one"));
  CHECK(contains(message_of([&] { world.send(ts::ones({2}), world.rank()); }), "ValueError: send\n  expected  another one of 3 processes\n  actual    " + std::to_string(world.rank()) + ", on process"));
  CHECK(contains(message_of([&] { world.receive(ts::ones({2, 3}).transpose(0, 1), (world.rank() + 1) % 3); }), "expected  a contiguous tensor, to receive into"));
  {
    ts::nn::Linear net{4, 4};
    ts::optim::SGD opt{net.parameters(), {.lr = 1}};
    const std::string ahead_of_sums = "the optimizer updates the parameters ahead of that (StepInBackward)";
    {
      const ts::optim::StepInBackward eager{opt};
      CHECK(contains(message_of([&] { ts::dist::DataParallel(world, net, opt); }), ahead_of_sums));
    }
    {
      const ts::dist::DataParallel parallel{world, net, opt};
      const ts::optim::StepInBackward eager{opt};
      CHECK(contains(message_of([&] { ts::sum(net(ts::ones({2, 4}))).backward(); }), ahead_of_sums));
    }
    const ts::dist::DataParallel parallel{world, net, opt, {.zero = 1}};
    CHECK(contains(message_of([&] { ts::optim::StepInBackward eager{opt}; }), "the steps of this SGD are shared by several processes"));
  }
  world.barrier();
  CHECK(contains(message_of([&] { world.sum(ts::ones({2}, {.dtype = ts::u8})); }), "expected  f32, f64, bf16, f16, i64 or i32"));
}

/// What the processes cannot train together, and what all of them are told.
void other_network(const ts::dist::World& world) {
  const bool last = world.rank() == 2;
  const auto told = [&](std::vector<int> sizes, ts::Device device, double momentum, const ts::dist::DataParallelOptions& options) {
    ts::nn::Sequential net;
    for (const int size : sizes) net.append(ts::nn::Linear{4, size});
    net.to(device);
    std::optional<ts::optim::SGD> sgd;
    std::optional<ts::optim::AdamW> adam;
    if (momentum >= 0) sgd.emplace(net.parameters(), ts::optim::SGDOptions{.lr = 1, .momentum = momentum});
    else adam.emplace(net.parameters());
    ts::optim::Optimizer& opt = sgd ? static_cast<ts::optim::Optimizer&>(*sgd) : *adam;
    const std::string text = message_of([&] { ts::dist::DataParallel parallel(world, net, opt, options); });
    CHECK(contains(text, "DistributedError: DataParallel\n  expected  the same network on all processes\n  actual    rank 0 has  "));
    CHECK(contains(text, "ranks.cpp:"));
    return text;
  };
  const auto cpu = ts::Device::cpu();
  const auto differ = [](const std::string& text, const std::string& first, const std::string& other) { return contains(text, "rank 0 has  " + first) && contains(text, "rank 2 has  " + other); };
  CHECK(differ(told({4, last ? 5 : 4}, cpu, 0, {}), "1.weight: f32[4, 4]", "1.weight: f32[5, 4]"));
  CHECK(differ(told(last ? std::vector{4} : std::vector{4, 4}, cpu, 0, {}), "1.weight: f32[4, 4]", "SGD of 2 parameters"));
  CHECK(differ(told({4}, last ? ts::Device::sim() : cpu, 0, {}), "0.weight: f32[4, 4] cpu", "0.weight: f32[4, 4] sim"));
  CHECK(differ(told({4}, cpu, last ? -1 : 0, {}), "SGD of 2 parameters", "AdamW of 2 parameters"));
  CHECK(differ(told({4}, cpu, 0, {.zero = last ? 1 : 0}), "buckets of measured size, zero = 0, no compression", "buckets of measured size, zero = 1, no compression"));
  CHECK(differ(told({4}, cpu, 0, {.compression = {.kind = ts::dist::Compression::Kind::power_sgd, .rank = last ? 2 : 4}}), "buckets of measured size, zero = 0, power_sgd of rank 4",
               "buckets of measured size, zero = 0, power_sgd of rank 2"));
}

void other_order(const ts::dist::World& world) {
  const ts::Tensor x = ts::ones({3}), y = ts::ones({4});
  const std::string text = message_of([&] { world.sum(world.rank() ? x : y); });
  const bool one_host = world.local_size() == 2;
  CHECK(contains(text, one_host ? "expected  the same operation on all processes" : "expected  the same operation on all hosts"));
  CHECK(contains(text, one_host ? "all_reduce of 3 f32 on rank 1" : "all_reduce of 3 f32 on host 1"));
  CHECK(contains(text, one_host ? "all_reduce of 4 f32 on rank 0" : "all_reduce of 4 f32 on host 0"));
  CHECK(contains(message_of([&] { world.barrier(); }), "expected  the same operation"));  // and it stays so
}

void late(const ts::dist::World& world) {
  world.barrier();
  if (world.rank() == 1) {
    const std::string text = message_of([&] { world.sum(ts::ones({5})); });
    std::printf("%s\n", text.c_str());
    std::fflush(stdout);
    std::abort();  // and with it the other one
  }
  std::this_thread::sleep_for(std::chrono::seconds(100));
}

}  // namespace

int main(int argc, char** argv) {
  const std::string subject = argc > 1 ? argv[1] : "";
  try {
    const ts::dist::World world = ts::dist::init(argc, argv, {.timeout_seconds = 60});
    try {
      if (subject == "collectives") collectives(world);
      else if (subject == "link_bytes") link_bytes(world);
      else if (subject == "data_parallel") data_parallel(world);
      else if (subject == "data_order") data_order(world);
      else if (subject == "batch_statistics") batch_statistics(world);
      else if (subject == "spread_dropout") spread_dropout(world);
      else if (subject == "compression") compression(world);
      else if (subject == "shares") shares(world);
      else if (subject == "equality") equality(world);
      else if (subject == "zero") zero_equals_one_process(world);
      else if (subject == "zero_memory") zero_memory(world);
      else if (subject == "zero_budget") zero_budget(world);
      else if (subject == "zero_checkpoint") zero_checkpoint(world);
      else if (subject == "zero_checkpoint_memory") zero_checkpoint_memory(world);
      else if (subject == "zero_misuse") zero_misuse(world);
      else if (subject == "damaged_checkpoints") damaged_checkpoints(world);
      else if (subject == "misuse") misuse(world);
      else if (subject == "other_network") other_network(world);
      else if (subject == "other_order") other_order(world);
      else if (subject == "late") late(world);
      else if (subject == "failing") {
        if (world.rank() == 1) throw std::runtime_error("rank 1 cannot go on");
        world.barrier();
      } else {
        throw std::runtime_error("no subject " + subject);
      }
    } catch (const std::exception& e) {
      throw std::runtime_error("rank " + std::to_string(world.rank()) + ": " + e.what());
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
  return 0;
}
