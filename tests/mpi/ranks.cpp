// What several processes do together; run by mpirun. Each process checks, and fails the job when something is wrong.
#include <sys/mman.h>

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

// ---- collectives

/// Parts of any size, some of them empty: sums with the bits of all_reduce, and everybody's parts together again.
void parts(const ts::dist::World& world) {
  const int n = world.size(), r = world.rank();
  for (const ts::DType dtype : {ts::f32, ts::f64, ts::bf16, ts::f16, ts::i64})
    for (const std::int64_t size : {std::int64_t{0}, std::int64_t{5}, std::int64_t{1000003}}) {
      std::vector<std::int64_t> bounds{0};
      for (int p = 1; p < n; ++p) bounds.push_back(p % 3 == 2 ? bounds.back() : size * p / n);
      bounds.push_back(size);
      const ts::Tensor mine = (ts::randn({size}) * 100).to(dtype), whole = world.sum(mine), sum = mine.clone();
      const auto part = [&](const ts::Tensor& x) { return x.slice(0, bounds[static_cast<std::size_t>(r)], bounds[static_cast<std::size_t>(r) + 1]); };
      const auto agree = [&](const ts::Tensor& a, const ts::Tensor& b) { return a.numel() == 0 || ts::sum(a.ne(b)).item<std::int64_t>() == 0; };
      void* const data = sum.impl()->address();
      world.post("reduce_scatter", sum.nbytes(), [&](ts::dist::Communicator& c) { c.reduce_scatter(data, bounds.data(), dtype); }).wait();
      CHECK(agree(part(sum), part(whole)));
      const ts::Tensor own = part(sum).clone();
      if (size > 0) sum.zero_();
      if (own.numel() > 0) part(sum).copy_(own);
      std::vector<std::int64_t> in_bytes;
      for (const std::int64_t b : bounds) in_bytes.push_back(b * static_cast<std::int64_t>(ts::size_of(dtype)));
      world.post("all_gather", sum.nbytes(), [&](ts::dist::Communicator& c) { c.all_gather_parts(data, in_bytes.data()); }).wait();
      CHECK(agree(sum, whole));
    }
}

/// Memory that processes share: the bits of what goes through the window, wherever in it the data begin, and also where not all have theirs
/// at the same place.
void shared_memory(const ts::dist::World& world) {
  const int n = world.size(), r = world.rank();
  const std::size_t bytes = std::size_t{3} << 20;
  void* const pages = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(pages != MAP_FAILED);
  char* const begin = static_cast<char*>(pages);
  std::memset(begin, 17 + r, bytes);
  world.post("share", bytes, [&](ts::dist::Communicator& c) { c.share(begin, bytes); }).wait();
  CHECK(std::all_of(begin, begin + bytes, [&](char c) { return c == 17 + r; }));
  ts::manual_seed(300 + static_cast<std::uint64_t>(r));
  for (const ts::DType dtype : {ts::f32, ts::f64, ts::bf16, ts::f16, ts::i64})
    for (const std::int64_t count : {std::int64_t{1}, std::int64_t{63}, std::int64_t{100003}, std::int64_t{290001}})
      for (const int place : {0, 1, 2}) {
        const ts::Tensor mine = (ts::randn({count}) * 100).to(dtype), whole = world.sum(mine);
        // begin, elsewhere, or on process 0 in memory of its own
        std::vector<char> own(mine.nbytes());
        char* const data = place == 2 && r == 0 ? own.data() : begin + place * 192;
        const auto fill = [&] { std::memcpy(data, mine.impl()->address(), mine.nbytes()); };
        const auto same = [&](std::int64_t from, std::int64_t to) {
          const std::size_t element = mine.element_size();
          return std::memcmp(data + static_cast<std::size_t>(from) * element, static_cast<const char*>(whole.impl()->address()) + static_cast<std::size_t>(from) * element, static_cast<std::size_t>(to - from) * element) == 0;
        };
        fill();
        world.post("all_reduce", mine.nbytes(), [&](ts::dist::Communicator& c) { c.all_reduce(data, count, dtype); }).wait();
        CHECK(same(0, count));
        fill();
        std::vector<std::int64_t> bounds;
        for (int p = 0; p <= n; ++p) bounds.push_back(count * p / n);
        world.post("reduce_scatter", mine.nbytes(), [&](ts::dist::Communicator& c) { c.reduce_scatter(data, bounds.data(), dtype); }).wait();
        CHECK(same(bounds[static_cast<std::size_t>(r)], bounds[static_cast<std::size_t>(r) + 1]));
        for (std::int64_t& b : bounds) b *= static_cast<std::int64_t>(mine.element_size());
        world.post("all_gather", mine.nbytes(), [&](ts::dist::Communicator& c) { c.all_gather_parts(data, bounds.data()); }).wait();
        CHECK(same(0, count));
      }
  world.post("unshare", 0, [&](ts::dist::Communicator& c) { c.unshare(begin); }).wait();
  munmap(pages, bytes);
}

void collectives(const ts::dist::World& world) {
  const int n = world.size(), r = world.rank();
  CHECK(world.sum(r + 1.0) == n * (n + 1) / 2);
  // Sizes around a chunk of the shared window, none a multiple of the number of processes.
  for (const std::int64_t size : {std::int64_t{0}, std::int64_t{1}, std::int64_t{7}, std::int64_t{4099}, std::int64_t{262144}, std::int64_t{600001}})
    for (const ts::DType dtype : {ts::f32, ts::f64, ts::bf16, ts::f16, ts::i64, ts::i32}) {
      std::vector<std::int64_t> numbers(static_cast<std::size_t>(size));
      for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<std::int64_t>(i % 61);
      const ts::Tensor base = ts::from(numbers), mine = (base + r).to(dtype), kept = mine.clone();
      const ts::Tensor expected = (base * n + n * (n - 1) / 2).to(dtype);
      const ts::Tensor sum = world.sum(mine);
      CHECK(sum.dtype() == dtype);
      CHECK(size == 0 || ts::sum(sum.ne(expected)).item<std::int64_t>() == 0);
      CHECK(size == 0 || ts::sum(mine.ne(kept)).item<std::int64_t>() == 0);
    }
  // Floats whose sum depends on the order: the same bits on all processes, and every time.
  ts::manual_seed(100 + static_cast<std::uint64_t>(r));
  const ts::Tensor noise = ts::randn({100003});
  const auto first = world.sum(noise).to_vector<float>();
  for (int again = 0; again < 3; ++again) CHECK(world.sum(noise).to_vector<float>() == first);
  const std::string bits(reinterpret_cast<const char*>(first.data()), 4000);
  const std::string all = world.gather_texts(bits, "");
  for (int other = 0; other < n; ++other) CHECK(all.substr(static_cast<std::size_t>(other) * 4000, 4000) == bits);

  for (int root = 0; root < n; ++root) {
    const ts::Tensor x = ts::full({3, 5}, r).transpose(0, 1);
    world.broadcast(x, root);
    CHECK(ts::sum(x.ne(root)).item<std::int64_t>() == 0);
  }
  std::string expected;
  for (int other = 0; other < n; ++other) expected += (other ? "," : "") + std::string(static_cast<std::size_t>(other), 'x');
  CHECK(world.gather_texts(std::string(static_cast<std::size_t>(r), 'x'), ",") == expected);

  const ts::Tensor message = ts::full({100, 7}, r);
  if (r == 0) {
    for (int other = 1; other < n; ++other) {
      world.receive(message, other);
      CHECK(ts::sum(message.ne(other)).item<std::int64_t>() == 0);
    }
  } else {
    world.send(message.transpose(0, 1), 0);
  }
  parts(world);
  shared_memory(world);

  std::vector<ts::Tensor> many;
  std::vector<ts::dist::Work> works;
  for (int i = 0; i < 40; ++i) {
    many.push_back(ts::full({1000 + i}, i));
    works.push_back(world.all_reduce(many.back()));
  }
  for (int i = 39; i >= 0; --i) {
    works[static_cast<std::size_t>(i)].wait();
    CHECK(works[static_cast<std::size_t>(i)].ready());
    CHECK(many[static_cast<std::size_t>(i)][0].item<float>() == static_cast<float>(i * n));
  }
  world.barrier();
}

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
  CHECK(differ(told({4}, cpu, 0, {.zero = last ? 1 : 0}), "buckets of measured size, zero = 0", "buckets of measured size, zero = 1"));
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
      else if (subject == "zero_misuse") zero_misuse(world);
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
