#include "src/memory/recorder.hpp"

#include <set>
#include <string>
#include <vector>

#include "tasuki/autograd/node.hpp"
#include "tasuki/tasuki.hpp"
#include "tests/catch.hpp"
#include "src/core/sanitized.hpp"
#include "tests/memory/recording.hpp"

namespace ts = tasuki;
using tasuki::memory::RecordedStep;
using tasuki::memory::StorageHandle;
using tasuki::memory::Trace;
using ts::Tensor;

// 64 x 64 floats are 16 KiB, the least that has a label; vectors and scalars have none.
static Tensor square() { return ts::ones({64, 64}); }

static std::uint64_t hash_of_step(Recording& r, auto&& launches) {
  launches();
  r.end();
  return r.recorder.ended().hash;
}

TEST_CASE("a chain with relu: what backward saves lives until its backward ran, the rest goes with its last handle") {
  Recording r;
  const Tensor x = ts::ones({64, 64});
  const Tensor w1 = ts::ones({128, 64}).requires_grad_(), w2 = ts::ones({64, 128}).requires_grad_();
  r.end();
  for (int step = 0; step < 2; ++step) {
    w1.zero_grad();
    w2.zero_grad();
    Tensor h = ts::linear(x, w1);
    h = ts::relu(h);
    h = ts::linear(h, w2);
    h = ts::sum(h);
    h.backward();
    r.end();
  }
  // relu saves its result alone: what it read goes when h is assigned. linear saves its input, sum nothing.
  CHECK(text_of(r.trace()) ==
        "linear.forward* r 0 1 w 2\n"
        "relu.forward* r 2 w 3\n"
        "linear.forward* r 3 4 w 5\n"
        "sum.forward* r 5\n"
        "fill_.forward\n"
        "copy_.backward w 6\n"
        "linear.backward r 3 4 6 w 7 8\n"
        "relu.backward r 3 7 w 9\n"
        "linear.backward r 0 9 w 10\n"
        "0: 16384 activation start end clean\n"
        "1: 32768 activation start end clean\n"
        "2: 32768 activation after 1\n"
        "3: 32768 activation after 7\n"
        "4: 32768 activation start end clean\n"
        "5: 16384 activation after 3\n"
        "6: 16384 gradient after 6\n"
        "7: 32768 gradient after 7\n"
        "8: 32768 gradient end\n"
        "9: 32768 gradient after 8\n"
        "10: 32768 gradient end\n");
}

TEST_CASE("an MLP with momentum: parameters, gradients and momenta outlive the step, the batch does not") {
  Recording r;
  ts::models::MLP net{{64, 128, 64}};
  ts::optim::SGD opt{net.parameters(), {.lr = 0.1, .momentum = 0.9}};
  std::vector<std::string> traces;
  for (int step = 0; step < 3; ++step) {
    const Tensor x = ts::randn({64, 64});
    const Tensor t = ts::randint(0, 64, {64}, {.dtype = ts::i64});
    if (step == 0) r.end();  // what made the network is no step
    opt.zero_grad();
    const Tensor loss = ts::cross_entropy(net(x), t);
    loss.backward();
    opt.step();
    traces.push_back(text_of(r.trace()));
  }
  CHECK(traces[1] == traces[2]);
  // The storages of the arena (0 bytes: none fills a page of it) exist from before, and the optimizer changes them in place. In
  // backward their gradients are overwritten, not read.
  CHECK(traces[2] ==
        "randn.forward w 0\n"
        "randint.forward\n"
        "linear.forward* r 0 1 w 2\n"
        "relu.forward* r 2 w 3\n"
        "linear.forward* r 3 4 w 5\n"
        "cross_entropy.forward* r 5\n"
        "fill_.forward\n"
        "cross_entropy.backward r 5 w 6\n"
        "linear.backward r 3 4 6 w 7 8\n"
        "relu.backward r 3 7 w 9\n"
        "linear.backward r 0 9 w 10\n"
        "sgd_step.forward r 1 4 10 8 11 12 w 1 4 11 12\n"
        "0: 16384 temporary end\n"
        "1: 0 parameter start end\n"
        "2: 32768 activation after 3\n"
        "3: 32768 activation after 9\n"
        "4: 0 parameter start end\n"
        "5: 16384 activation after 7\n"
        "6: 16384 gradient after 8\n"
        "7: 32768 gradient after 9\n"
        "8: 0 gradient start end\n"
        "9: 32768 gradient after 10\n"
        "10: 0 gradient start end\n"
        "11: 0 optimizer start end\n"
        "12: 0 optimizer start end\n");
}

namespace {
struct Normalized : ts::nn::Module {
  ts::nn::Conv2d conv{this, "conv", 8, 16, {.kernel = 3, .padding = 1}};
  ts::nn::BatchNorm2d norm{this, "norm", 16};
  ts::nn::Linear fc{this, "fc", 16 * 8 * 8, 32};
  Tensor operator()(const Tensor& x) { return fc(ts::flatten(ts::relu(norm(conv(x))), 1)); }
};
}  // namespace

TEST_CASE("batch norm keeps its input, relu its output; gradients that stay are added to") {
  Recording r;
  Normalized net;
  const Tensor x = ts::ones({16, 8, 8, 8});
  r.end();
  for (int step = 0; step < 2; ++step) {
    net(x).sum().backward();
    r.end();
  }
  // The second step adds to the gradient of fc.weight (6) that the first one left; flatten makes a view and launches nothing. What
  // norm returns is a temporary of the expression, which ends after fc.
  CHECK(text_of(r.trace()) ==
        "conv2d.forward* r 0 w 1\n"
        "batch_norm.forward* r 1 w 2\n"
        "relu.forward* r 2 w 3\n"
        "linear.forward* r 3 4\n"
        "sum.forward*\n"
        "fill_.forward\n"
        "copy_.backward\n"
        "linear.backward r 3 4 6 w 5 6\n"
        "add_.backward\n"
        "relu.backward r 3 5 w 7\n"
        "batch_norm.backward r 1 7 w 8\n"
        "conv2d.backward r 0 8\n"
        "add_.backward\n"
        "add_.backward\n"
        "0: 32768 activation start end clean\n"
        "1: 65536 activation after 10\n"
        "2: 65536 activation after 3\n"
        "3: 65536 activation after 9\n"
        "4: 131072 parameter start end clean\n"
        "5: 65536 gradient after 9\n"
        "6: 131072 gradient start end\n"
        "7: 65536 gradient after 10\n"
        "8: 65536 gradient after 13\n");
}

TEST_CASE("LeNet: relu keeps its output, max pooling its indices, and what follows them their inputs") {
  Recording r;
  ts::models::LeNet net;
  const Tensor x = ts::randn({32, 1, 28, 28}), t = ts::randint(0, 10, {32}, {.dtype = ts::i64});
  r.end();
  for (int step = 0; step < 2; ++step) {
    for (const Tensor& p : net.parameters()) p.zero_grad();
    ts::cross_entropy(net(x), t).backward();
    r.end();
  }
  CHECK(text_of(r.trace()) ==
        "conv2d.forward* r 0 w 1\n"
        "relu.forward* r 1 w 2\n"
        "max_pool2d.forward* r 2 w 3 4\n"
        "conv2d.forward* r 3 w 5\n"
        "relu.forward* r 5 w 6\n"
        "max_pool2d.forward* r 6 w 7\n"
        "linear.forward* r 7 8\n"
        "relu.forward*\n"
        "linear.forward* r 9\n"
        "relu.forward*\n"
        "linear.forward*\n"
        "cross_entropy.forward*\n"
        "fill_.forward\n"
        "cross_entropy.backward\n"
        "linear.backward\n"
        "relu.backward\n"
        "linear.backward r 9 w 10\n"
        "relu.backward\n"
        "linear.backward r 7 8 w 11 12\n"
        "max_pool2d.backward r 11 w 13\n"
        "relu.backward r 6 13 w 14\n"
        "conv2d.backward r 3 14 w 15\n"
        "max_pool2d.backward r 4 15 w 16\n"
        "relu.backward r 2 16 w 17\n"
        "conv2d.backward r 0 17\n"
        "0: 106496 temporary start end clean\n"
        "1: 655360 activation after 2\n"
        "2: 655360 activation after 23\n"
        "3: 163840 activation after 21\n"
        "4: 40960 activation after 22\n"
        "5: 212992 activation after 5\n"
        "6: 212992 activation after 20\n"
        "7: 53248 activation after 18\n"
        "8: 196608 parameter start end clean\n"
        "9: 40960 parameter start end clean\n"
        "10: 40960 gradient end\n"
        "11: 53248 gradient after 19\n"
        "12: 196608 gradient end\n"
        "13: 212992 gradient after 20\n"
        "14: 212992 gradient after 21\n"
        "15: 163840 gradient after 22\n"
        "16: 655360 gradient after 23\n"
        "17: 655360 gradient after 24\n");
}

TEST_CASE("a second micro-batch adds to the gradient that the first one wrote") {
  Recording r;
  const Tensor w = ts::ones({128, 64}).requires_grad_();
  const Tensor x1 = square(), x2 = square();
  r.end();
  for (int step = 0; step < 2; ++step) {
    w.zero_grad();
    ts::linear(x1, w).sum().backward();
    ts::linear(x2, w).sum().backward();
    {
      const ts::NoGrad off;
      w.sub_(w.grad() * 0.1);
    }
    r.end();
  }
  CHECK(text_of(r.trace()) ==
        "linear.forward* r 0 1 w 2\n"
        "sum.forward* r 2\n"
        "fill_.forward\n"
        "copy_.backward w 3\n"
        "linear.backward r 0 3 w 4\n"
        "linear.forward* r 5 1 w 6\n"
        "sum.forward* r 6\n"
        "fill_.forward\n"
        "copy_.backward w 7\n"
        "linear.backward r 5 7 4 w 4\n"
        "mul.forward r 4 w 8\n"
        "sub_.forward r 1 8 w 1\n"
        "0: 16384 activation start end clean\n"
        "1: 32768 activation start end\n"
        "2: 32768 activation after 4\n"
        "3: 32768 gradient after 4\n"
        "4: 32768 gradient end\n"
        "5: 16384 activation start end clean\n"
        "6: 32768 activation after 9\n"
        "7: 32768 gradient after 9\n"
        "8: 32768 temporary after 11\n");
}

TEST_CASE("writing all of a storage does not read it; writing a part of one that holds something does") {
  Recording r;
  const Tensor a = square(), source = square();
  r.end();
  {
    const Tensor made = ts::empty({64, 64});
    made.slice(0, 0, 32).copy_(source.slice(0, 0, 32));   // there is nothing yet to keep
    made.slice(0, 32, 64).copy_(source.slice(0, 0, 32));  // keeps the first half
    a.copy_(source);
    a.slice(0, 0, 32).fill_(3);
    a.add_(source);
    a.fill_(3);
    ts::cat({a, made, a}, 0);
  }
  r.end();
  CHECK(text_of(r.trace()) ==
        "copy_.forward r 1 w 0\n"
        "copy_.forward r 0 1 w 0\n"
        "copy_.forward r 1 w 2\n"
        "fill_.forward r 2 w 2\n"
        "add_.forward r 2 1 w 2\n"
        "fill_.forward w 2\n"
        "cat.forward r 2 0 w 3\n"
        "0: 16384 activation after 6\n"
        "1: 16384 activation start end clean\n"
        "2: 16384 activation start end\n"
        "3: 49152 temporary after 6\n");
}

TEST_CASE("an op in place on the tape reads and writes its target") {
  Recording r;
  const Tensor x = square().requires_grad_(), y = square();
  r.end();
  Tensor h = x * y;
  h.add_(y);
  h.sum().backward();
  r.end();
  const Trace trace = r.trace();
  CHECK(trace.launches[1].op == "add_");
  CHECK(trace.launches[1].recorded);
  CHECK(trace.launches[1].reads == std::vector<int>{2, 1});
  CHECK(trace.launches[1].writes == std::vector<int>{2});
}

TEST_CASE("replays are no launches of the step") {
  Recording r;
  const Tensor x = square().requires_grad_();
  const Tensor y = ts::exp(x);
  const std::uint64_t hash = r.recorder.hash();
  const std::size_t launches = r.recorder.launches();
  ts::replay(y);
  CHECK(r.recorder.hash() == hash);
  CHECK(r.recorder.launches() == launches);
}

// ---- hashes

TEST_CASE("the same step has the same hashes, wherever its storages lie") {
  Recording r;
  const auto step = [] {
    Tensor h = square();
    for (int i = 0; i < 5; ++i) h = ts::exp(h) * h;
  };
  hash_of_step(r, step);
  const std::vector<std::uint64_t> hashes = r.ended_hashes;
  CHECK(std::set(hashes.begin(), hashes.end()).size() == 11);
  std::vector<Tensor> in_the_way;
  for (int i = 0; i < 20; ++i) {
    in_the_way.push_back(ts::empty({64, 64 + 8 * i}));
    hash_of_step(r, step);
    CHECK(r.ended_hashes == hashes);
  }
}

TEST_CASE("each of these makes another step") {
  Recording r;
  const Tensor a = square(), b = square(), wide = ts::ones({64, 128}), whole = ts::ones({64, 64}, {.dtype = ts::i32});
  const Tensor x = square().requires_grad_();
  r.end();
  std::set<std::uint64_t> hashes;
  hashes.insert(hash_of_step(r, [&] { a + b; }));
  hashes.insert(hash_of_step(r, [&] { a * b; }));            // the op
  hashes.insert(hash_of_step(r, [&] { a + a; }));            // which storages
  hashes.insert(hash_of_step(r, [&] { wide + wide; }));      // the shape
  hashes.insert(hash_of_step(r, [&] { whole + whole; }));    // the dtype
  hashes.insert(hash_of_step(r, [&] { a.add_(b); }));        // what is written
  hashes.insert(hash_of_step(r, [&] { a + x; }));            // the tape
  hashes.insert(hash_of_step(r, [&] { a + b, a + b; }));     // how many launches
  hashes.insert(hash_of_step(r, [&] { (a + b).add_(b); }));
  hashes.insert(hash_of_step(r, [&] { a + b, b.add_(b); }));
  hashes.insert(hash_of_step(r, [&] { a.slice(0, 0, 1) + b.slice(0, 0, 1); }));
  CHECK(hashes.size() == 11);
}

TEST_CASE("steps that begin alike have the same hashes up to where they part") {
  Recording r;
  const Tensor a = square();
  r.end();
  hash_of_step(r, [&] { ts::exp(ts::exp(ts::exp(a))); });
  const auto first = r.ended_hashes;
  hash_of_step(r, [&] { ts::tanh(ts::exp(ts::exp(a))); });
  CHECK(first[0] == r.ended_hashes[0]);
  CHECK(first[1] == r.ended_hashes[1]);
  CHECK(first[2] != r.ended_hashes[2]);
}

// ---- bytes

TEST_CASE("labelled storages, workspaces and base account for every byte that the device has handed out") {
  ts::Tensor unused;
  std::size_t base[2];
  for (int with_unused = 0; with_unused < 2; ++with_unused) {
    if (with_unused) unused = ts::empty({1 << 18});
    Recording r;
    const Tensor x = ts::ones({64, 64}), w = ts::ones({128, 64}).requires_grad_();
    r.end();
    ts::relu(ts::linear(x, w)).sum().backward();
    r.end();
    const RecordedStep& step = r.recorder.ended();
    base[with_unused] = step.base_bytes;
    for (std::size_t k = 0; k < step.launches.size(); ++k) {
      std::size_t bytes = step.base_bytes + step.launches[k].workspace;
      for (const RecordedStep::Stored& s : step.storages)
        if ((s.existed || s.first_use <= static_cast<int>(k)) && (s.released_after < 0 || s.released_after >= static_cast<int>(k))) bytes += s.bytes;
      CHECK(bytes >= step.launches[k].demand);
      CHECK(bytes - step.launches[k].demand <= 4096);  // small storages are in the base for all of the step
    }
  }
  CHECK(base[1] - base[0] == Recording::runtime().block_bytes(std::size_t{4} << 18));
}

TEST_CASE("bytes that are away count as if they were there") {
  tasuki::memory::StepRecorder recorder(Recording::runtime());
  const ts::OpInfo op{"op", "x"};
  ts::LaunchRecord record{};
  record.op = &op;
  record.module = "";
  recorder.launch(record, 1);
  recorder.launch(record, 1, 1000000);
  CHECK(recorder.current().launches[1].demand - recorder.current().launches[0].demand == 1000000);
}

TEST_CASE("what is away and not of this step is no part of its base") {
  std::size_t base[2];
  for (const std::size_t foreign : {std::size_t{0}, std::size_t{1000}}) {
    tasuki::memory::StepRecorder recorder(Recording::runtime());
    const ts::OpInfo op{"op", "x"};
    ts::LaunchRecord record{};
    record.op = &op;
    record.module = "";
    recorder.launch(record, 1, foreign);
    recorder.step_end(foreign);
    base[foreign != 0] = recorder.ended().base_bytes;
  }
  CHECK(base[0] == base[1]);
}

// ---- storages

TEST_CASE("a handle finds its storage until the bytes go, even when another one gets its address") {
  Recording r;
  Tensor a = ts::exp(square());
  const int label = r.recorder.label_of(a.storage());
  REQUIRE(label >= 0);
  const StorageHandle handle = r.recorder.current().storages[static_cast<std::size_t>(label)].handle;
  CHECK(r.recorder.storage(handle) == &a.storage());
  r.end();
  CHECK(r.recorder.storage(handle) == &a.storage());
  CHECK(r.recorder.label_of(a.storage()) == -1);
  a = Tensor();
  CHECK(r.recorder.storage(handle) == nullptr);
  bool same_address = false;
  for (int i = 0; i < 10; ++i) {
    const Tensor b = ts::exp(square());
    same_address |= &b.storage() == handle.storage;
    CHECK(r.recorder.storage(handle) == nullptr);
  }
  CHECK((same_address || tasuki::address_sanitized));  // which gives no address out again at once
}

TEST_CASE("a step of more launches than anybody plans is given up, and the next one is recorded") {
  Recording r;
  const Tensor a = square(), tiny = ts::ones({2});
  a + a;
  for (std::size_t i = 0; i < tasuki::memory::StepRecorder::most_launches; ++i) tiny + tiny;
  a + a;
  r.end();
  CHECK_FALSE(r.recorder.ended().complete);
  CHECK(r.recorder.ended().launches.empty());
  a + a;
  r.end();
  CHECK(r.recorder.ended().complete);
  CHECK(r.recorder.ended().launches.size() == 1);
}

TEST_CASE("the trace of a step under way ends where it is") {
  Recording r;
  const Tensor x = square().requires_grad_();
  r.end();
  const Tensor y = ts::exp(ts::exp(x));
  CHECK(text_of(trace_of(r.recorder.current(), ts::Device::cpu())) ==
        "exp.forward* r 0 w 1\n"
        "exp.forward* r 1 w 2\n"
        "0: 16384 activation start end clean\n"
        "1: 16384 activation end\n"
        "2: 16384 activation end\n");
}
