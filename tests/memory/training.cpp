#include "tests/memory/training.hpp"

#include <memory>
#include <stdexcept>

#include "tasuki/runtime/runtime.hpp"

namespace ts = tasuki;

namespace testing_memory {

void Notes::add(const ts::Tensor& t) {
  const auto values = t.detach().to(ts::f32).cpu().to_vector<float>();
  numbers.insert(numbers.end(), values.begin(), values.end());
}

void Notes::add(ts::nn::Module& module) {
  for (const ts::Tensor& p : module.parameters()) {
    add(p);
    if (p.grad().defined()) add(p.grad());
  }
  for (const ts::Tensor& b : module.buffers()) add(b);
}

Run run(Program program, ts::Device device, const std::optional<ts::memory::BudgetOptions>& options) {
  ts::manual_seed(1);
  ts::memory::reset_peak(device);
  const std::size_t held = ts::memory::stats(device).reserved_bytes;
  Run result;
  Notes notes;
  {
    std::unique_ptr<ts::memory::Budget> budget;
    if (options) {
      ts::memory::BudgetOptions within = *options;
      within.bytes += held;  // what other tests hold does not count against the program
      budget = std::make_unique<ts::memory::Budget>(device, within);
    }
    program(device, notes);
    result.peak = ts::memory::stats(device).peak_bytes - held;
    if (budget) {
      result.report = budget->report();
      for (const auto& d : result.report.departures) result.moved_bytes += d.swapped_bytes + d.dropped_bytes;
    }
  }
  notes.add(ts::rand({4}));
  result.numbers = notes.numbers;
  return result;
}

namespace {

struct Deep : ts::nn::Module {
  ts::nn::Sequential body{this, "body"};
  ts::nn::Linear head{this, "head", 128, 10};
  Deep() {
    for (int i = 0; i < 6; ++i) {
      body.append(ts::nn::Linear{128, 128});
      body.append(ts::nn::BatchNorm1d{128});
      body.append(ts::nn::ReLU{});
      body.append(ts::nn::Dropout{0.1f});
    }
  }
  ts::Tensor operator()(const ts::Tensor& x) { return head(body(x)); }
};

struct Convolutional : ts::nn::Module {
  ts::nn::Conv2d c1{this, "c1", 3, 16, {.kernel = 3, .padding = 1}};
  ts::nn::BatchNorm2d n1{this, "n1", 16};
  ts::nn::Conv2d c2{this, "c2", 16, 16, {.kernel = 3, .padding = 1}};
  ts::nn::BatchNorm2d n2{this, "n2", 16};
  ts::nn::Linear fc{this, "fc", 16 * 8 * 8, 10};
  ts::Tensor operator()(const ts::Tensor& x) {
    ts::Tensor y = ts::max_pool2d(ts::relu(n1(c1(x))), 2);
    y = ts::relu(n2(c2(y)) + y);  // a skip
    return fc(ts::flatten(ts::max_pool2d(y, 2), 1));
  }
};

ts::Tensor input(const ts::Shape& shape, ts::Device device) { return ts::randn(shape).to(device); }
ts::Tensor labels(std::int64_t n, ts::Device device) { return ts::randint(0, 10, {n}).to(device); }

template <class Net>
void train(Net& net, ts::optim::Optimizer& opt, const ts::Tensor& x, const ts::Tensor& t, Notes& notes) {
  opt.zero_grad();
  const ts::Tensor loss = ts::cross_entropy(net(x), t);
  loss.backward();
  opt.step();
  notes.add(loss);
}

}  // namespace

void deep_network(ts::Device device, Notes& notes) {
  Deep net;
  net.to(device);
  ts::optim::SGD opt{net.parameters(), {.lr = 0.05, .momentum = 0.9}};
  const ts::Tensor x = input({512, 128}, device), t = labels(512, device);
  for (int step = 0; step < 8; ++step) train(net, opt, x, t, notes);
  notes.add(net);
}

void convolutional_network(ts::Device device, Notes& notes) {
  Convolutional net;
  net.to(device);
  ts::optim::Adam opt{net.parameters(), {.lr = 1e-3}};
  for (int step = 0; step < 6; ++step) train(net, opt, input({32, 3, 32, 32}, device), labels(32, device), notes);
  notes.add(net);
}

void views_and_writes(ts::Device device, Notes& notes) {
  ts::Tensor w = ts::randn({256, 256}).to(device);
  w.requires_grad_();
  ts::optim::SGD opt{{w}, {.lr = 1e-3}};
  const ts::Tensor x = input({256, 256}, device);
  for (int step = 0; step < 6; ++step) {
    opt.zero_grad();
    ts::Tensor h = ts::matmul(x, w);
    const ts::Tensor left = h.slice(1, 0, 128), right = h.slice(1, 128, 256);  // two views of one storage
    ts::Tensor sum = left * 2 + right;
    ts::Tensor g = ts::tanh(sum) + 1;
    g.mul_(0.5f);  // in place, over something that nothing saved
    ts::Tensor wide = ts::cat({g, ts::exp(g * 0.1f)}, 1);
    ts::Tensor z = ts::matmul(wide.transpose(0, 1), wide);
    const ts::Tensor row = z[3];  // outlives the base
    z = ts::Tensor();
    const ts::Tensor loss = ts::mean(row * row) + ts::mean(ts::sigmoid(h));
    loss.backward();
    opt.step();
    notes.add(loss);
    notes.add(row);
  }
  notes.add(w);
}

void accumulation_and_evaluation(ts::Device device, Notes& notes) {
  Deep net;
  net.to(device);
  ts::optim::SGD opt{net.parameters(), {.lr = 0.05}};
  const ts::Tensor x = input({512, 128}, device), t = labels(512, device);
  for (int step = 0; step < 8; ++step) {
    opt.zero_grad();
    for (int part = 0; part < 2; ++part) {
      const ts::Tensor loss = ts::cross_entropy(net(x), t) * 0.5f;
      loss.backward();
      notes.add(loss);
    }
    opt.step();
    if (step % 3 == 2) {
      const ts::NoGrad off;
      net.eval();
      notes.add(ts::cross_entropy(net(x), t));
      net.train();
    }
  }
  notes.add(net);
}

void changing_batches(ts::Device device, Notes& notes) {
  Deep net;
  net.to(device);
  ts::optim::SGD opt{net.parameters(), {.lr = 0.05, .momentum = 0.9}};
  const std::int64_t sizes[] = {384, 384, 256, 384, 256, 384, 512, 256, 384, 384, 512, 256};
  for (const std::int64_t n : sizes) train(net, opt, input({n, 128}, device), labels(n, device), notes);
  notes.add(net);
}

void retained_graph(ts::Device device, Notes& notes) {
  Deep net;
  net.to(device);
  ts::optim::SGD opt{net.parameters(), {.lr = 0.05}};
  const ts::Tensor x = input({512, 128}, device), t = labels(512, device);
  for (int step = 0; step < 4; ++step) {
    opt.zero_grad();
    const ts::Tensor loss = ts::cross_entropy(net(x), t);
    loss.backward({.retain_graph = true});
    loss.backward();
    opt.step();
    notes.add(loss);
  }
  notes.add(net);
}

void gradient_penalty(ts::Device device, Notes& notes) {
  ts::Tensor w = ts::randn({256, 256}).to(device);
  w.requires_grad_();
  ts::optim::SGD opt{{w}, {.lr = 1e-4}};
  for (int step = 0; step < 4; ++step) {
    opt.zero_grad();
    ts::Tensor x = input({256, 256}, device);
    x.requires_grad_();
    ts::Tensor y = ts::tanh(ts::matmul(x, w));
    y = ts::sigmoid(ts::matmul(y, w));
    const ts::Tensor g = ts::grad({ts::sum(y)}, {x}, {.create_graph = true})[0];
    const ts::Tensor loss = ts::mean(y) + ts::mean(g * g);
    loss.backward();
    opt.step();
    notes.add(loss);
  }
  notes.add(w);
}

void kept_handles(ts::Device device, Notes& notes) {
  Deep net;
  net.to(device);
  ts::optim::SGD opt{net.parameters(), {.lr = 0.05}};
  const ts::Tensor x = input({512, 128}, device), t = labels(512, device);
  std::vector<ts::Tensor> kept;
  for (int step = 0; step < 5; ++step) {
    opt.zero_grad();
    const ts::Tensor hidden = net.body(x);
    const ts::Tensor loss = ts::cross_entropy(net.head(hidden), t);
    loss.backward();
    opt.step();  // the weights that made `hidden` are gone now
    kept.push_back(hidden);
    notes.add(loss);
  }
  for (const ts::Tensor& h : kept) notes.add(h);
}

void exception_in_forward(ts::Device device, Notes& notes) {
  Deep net;
  net.to(device);
  ts::optim::SGD opt{net.parameters(), {.lr = 0.05}};
  const ts::Tensor x = input({512, 128}, device), t = labels(512, device);
  for (int step = 0; step < 8; ++step) {
    if (step == 2 || step == 6) {
      const ts::Tensor half = net.body(x);
      try {
        ts::matmul(half, x);
      } catch (const ts::ShapeError&) {
      }
    }
    train(net, opt, x, t, notes);
  }
  notes.add(net);
}

void state_beyond_budget(ts::Device device, Notes& notes) {
  ts::nn::Sequential net;
  for (int i = 0; i < 8; ++i) net.append(ts::nn::Linear{512, 512});
  net.to(device);
  ts::optim::Adam opt{net.parameters(), {.lr = 1e-3}};
  const ts::Tensor x = input({32, 512}, device), t = ts::randint(0, 512, {32}).to(device);
  for (int step = 0; step < 4; ++step) {
    opt.zero_grad();
    const ts::Tensor loss = ts::cross_entropy(net(x), t);
    loss.backward();
    ts::optim::clip_grad_norm_(net.parameters(), 1.0);
    opt.step();
    notes.add(loss);
  }
  notes.add(net);
}

namespace {

/// A network of parameters for the most part, one of which is used twice.
void train_wide(ts::Device device, Notes& notes, bool in_backward) {
  ts::nn::Sequential net;
  net.append(ts::nn::Linear{384, 384});
  for (int i = 0; i < 4; ++i) {
    net.append(ts::nn::BatchNorm1d{384});
    net.append(ts::nn::Linear{384, 1024});
    net.append(ts::nn::GELU{});
    net.append(ts::nn::Linear{1024, 384});
  }
  net.to(device);
  ts::nn::Linear tied{384, 384, {.bias = false}};
  tied.to(device);
  std::vector<ts::Tensor> parameters = net.parameters();
  parameters.push_back(tied.weight);
  ts::optim::AdamW opt{parameters, {.lr = 1e-3}};
  std::optional<ts::optim::StepInBackward> eager;
  if (in_backward) eager.emplace(opt);
  for (int step = 0; step < 6; ++step) {
    opt.zero_grad();
    const ts::Tensor loss = ts::cross_entropy(tied(ts::relu(net(tied(input({256, 384}, device))))), labels(256, device));
    loss.backward();
    opt.step();
    notes.add(loss);
  }
  for (const ts::Tensor& p : parameters) notes.add(p);
}

}  // namespace

void steps_in_backward(ts::Device device, Notes& notes) { train_wide(device, notes, true); }
void steps_after_backward(ts::Device device, Notes& notes) { train_wide(device, notes, false); }

bool cpu_manager_is_gone() { return ts::runtime_of(ts::Device::cpu()).manager() == nullptr; }

}  // namespace testing_memory
