#include "tests/memory/synthetic_trace.hpp"

#include <algorithm>
#include <random>

namespace tasuki::memory {

int StepWriter::add(std::size_t elements, OwnerClass owner, bool lasting) {
  TraceStorage s;
  s.bytes = (elements * size_of(dtype_) + 255) / 256 * 256;
  s.owner = owner;
  s.at_start = lasting || owner == OwnerClass::input;
  s.at_end = lasting;
  s.released_after = -1;
  trace_.storages.push_back(s);
  gradients_.push_back(-1);
  return static_cast<int>(trace_.storages.size()) - 1;
}

int StepWriter::input(std::size_t elements) { return add(elements, OwnerClass::input, false); }
int StepWriter::buffer(std::size_t elements) { return add(elements, OwnerClass::buffer, true); }

int StepWriter::parameter(std::size_t elements, int states) {
  Parameter p;
  p.value = add(elements, OwnerClass::parameter, true);
  p.gradient = add(elements, OwnerClass::gradient, true);
  for (int i = 0; i < states; ++i) p.states.push_back(add(elements, OwnerClass::optimizer, true));
  parameters_.push_back(p);
  return p.value;
}

void StepWriter::launch(const std::string& name, LaunchPhase phase, std::vector<int> reads, std::vector<int> writes, double flops, std::size_t workspace, bool recorded) {
  for (auto* list : {&reads, &writes}) {
    std::sort(list->begin(), list->end());
    list->erase(std::unique(list->begin(), list->end()), list->end());
  }
  TraceLaunch l;
  l.op = name;
  l.phase = phase;
  std::size_t traffic = 0;
  for (const auto* list : {&reads, &writes})
    for (int s : *list) {
      traffic += trace_.storages[static_cast<std::size_t>(s)].bytes;
      int& last = trace_.storages[static_cast<std::size_t>(s)].released_after;
      last = static_cast<int>(trace_.launches.size());
    }
  l.seconds = profile_.seconds(flops, dtype_, traffic);
  l.workspace = workspace;
  l.reads = std::move(reads);
  l.writes = std::move(writes);
  l.recorded = recorded;
  trace_.launches.push_back(std::move(l));
}

int StepWriter::op(const Op& op) {
  const int output = add(op.output_elements, OwnerClass::activation, false);
  std::vector<int> reads = op.inputs, writes{output};
  reads.insert(reads.end(), op.parameters.begin(), op.parameters.end());
  reads.insert(reads.end(), op.mutates.begin(), op.mutates.end());
  writes.insert(writes.end(), op.mutates.begin(), op.mutates.end());
  launch(op.name, LaunchPhase::forward, std::move(reads), std::move(writes), op.flops, op.workspace, true);
  tape_.push_back({op, output});
  return output;
}

/// The gradient of an activation; the first op to reach it makes it, the others add to it.
int StepWriter::gradient_of(int activation, std::vector<int>& reads) {
  const auto i = static_cast<std::size_t>(activation);
  if (gradients_[i] >= 0) {
    reads.push_back(gradients_[i]);
  } else {
    const TraceStorage like = trace_.storages[i];
    const int made = add(like.bytes / size_of(dtype_), OwnerClass::activation, false);
    gradients_[i] = made;
  }
  return gradients_[i];
}

Trace StepWriter::finish() {
  std::vector<int> seed;
  const int last = tape_.back().output;
  launch("fill", LaunchPhase::backward, {}, {gradient_of(last, seed)}, 0, 0, false);
  for (std::size_t t = tape_.size(); t-- > 0;) {
    const Taped& taped = tape_[t];
    const Op& op = taped.op;
    std::vector<int> reads{gradients_[static_cast<std::size_t>(taped.output)]}, writes;
    if (op.saves_inputs) reads.insert(reads.end(), op.inputs.begin(), op.inputs.end());
    if (op.saves_output) reads.push_back(taped.output);
    for (int p : op.parameters) {
      reads.push_back(p);
      for (const Parameter& known : parameters_)
        if (known.value == p) writes.push_back(known.gradient);
    }
    for (int x : op.inputs)
      if (trace_.storages[static_cast<std::size_t>(x)].owner == OwnerClass::activation) writes.push_back(gradient_of(x, reads));
    launch(op.name, LaunchPhase::backward, std::move(reads), std::move(writes), 2 * op.flops, op.workspace, false);
  }
  for (const Parameter& p : parameters_) {
    std::vector<int> changed = p.states, reads{p.value, p.gradient};
    reads.insert(reads.end(), p.states.begin(), p.states.end());
    changed.push_back(p.value);
    launch("optimizer", LaunchPhase::forward, std::move(reads), std::move(changed), 0, 0, false);
  }
  for (TraceStorage& s : trace_.storages)
    if (s.at_end) s.released_after = static_cast<int>(trace_.launches.size()) - 1;
  trace_.device = profile_.name;
  return std::move(trace_);
}

namespace {

/// Convolution, batch normalization and ReLU on images of one size.
struct Convolutions {
  StepWriter& w;
  std::size_t batch;
  int conv(int x, std::size_t in, std::size_t out, std::size_t kernel, std::size_t pixels) {
    const int weight = w.parameter(in * out * kernel * kernel, 1);
    const std::size_t elements = batch * out * pixels;
    return w.op({.name = "conv2d", .inputs = {x}, .parameters = {weight}, .output_elements = elements,
                 .flops = 2.0 * static_cast<double>(elements) * static_cast<double>(in * kernel * kernel), .saves_inputs = true, .workspace = std::size_t{16} << 20});
  }
  int norm(int x, std::size_t channels, std::size_t pixels) {
    const int weight = w.parameter(2 * channels, 1), statistics = w.buffer(2 * channels);
    return w.op({.name = "batch_norm", .inputs = {x}, .parameters = {weight}, .output_elements = batch * channels * pixels, .saves_inputs = true, .mutates = {statistics}});
  }
  int relu(int x, std::size_t channels, std::size_t pixels) {
    return w.op({.name = "relu", .inputs = {x}, .output_elements = batch * channels * pixels, .saves_output = true});
  }
  int block(int x, std::size_t in, std::size_t out, std::size_t kernel, std::size_t pixels) {
    return relu(norm(conv(x, in, out, kernel, pixels), out, pixels), out, pixels);
  }
};

int loss_of(StepWriter& w, int logits) { return w.op({.name = "cross_entropy", .inputs = {logits}, .output_elements = 1, .saves_inputs = true}); }

}  // namespace

Trace chain_cnn_trace(const DeviceProfile& profile, int layers, int batch) {
  StepWriter w(profile, DType::f32);
  Convolutions c{w, static_cast<std::size_t>(batch)};
  int x = w.input(c.batch * 3 * 64 * 64);
  for (int i = 0; i < layers; ++i) x = c.block(x, i ? 64 : 3, 64, 3, 64 * 64);
  loss_of(w, x);
  return w.finish();
}

Trace resnet50_trace(const DeviceProfile& profile, DType dtype, int batch, int image) {
  StepWriter w(profile, dtype);
  Convolutions c{w, static_cast<std::size_t>(batch)};
  std::size_t side = static_cast<std::size_t>(image) / 2, in = 64;
  int x = c.block(w.input(c.batch * 3 * 4 * side * side), 3, 64, 7, side * side);
  side /= 2;
  x = w.op({.name = "max_pool2d", .inputs = {x}, .output_elements = c.batch * 64 * side * side, .saves_inputs = true});
  for (const auto& [blocks, width] : {std::pair<int, std::size_t>{3, 64}, {4, 128}, {6, 256}, {3, 512}})
    for (int b = 0; b < blocks; ++b) {
      if (b == 0 && width > 64) side /= 2;
      const std::size_t pixels = side * side, out = 4 * width;
      const std::size_t first_pixels = b == 0 && width > 64 ? 4 * pixels : pixels;
      int y = c.block(x, in, width, 1, first_pixels);
      y = c.block(y, width, width, 3, pixels);
      y = c.norm(c.conv(y, width, out, 1, pixels), out, pixels);
      const int shortcut = b == 0 ? c.norm(c.conv(x, in, out, 1, pixels), out, pixels) : x;
      y = w.op({.name = "add", .inputs = {y, shortcut}, .output_elements = c.batch * out * pixels});
      x = c.relu(y, out, pixels);
      in = out;
    }
  x = w.op({.name = "mean", .inputs = {x}, .output_elements = c.batch * in});
  const int weight = w.parameter(in * 1000, 1);
  x = w.op({.name = "linear", .inputs = {x}, .parameters = {weight}, .output_elements = c.batch * 1000, .flops = 2.0 * static_cast<double>(c.batch * in * 1000), .saves_inputs = true});
  loss_of(w, x);
  return w.finish();
}

Trace unet_trace(const DeviceProfile& profile, DType dtype, int batch, int image, int channels) {
  StepWriter w(profile, dtype);
  Convolutions c{w, static_cast<std::size_t>(batch)};
  std::size_t pixels = static_cast<std::size_t>(image) * static_cast<std::size_t>(image), width = static_cast<std::size_t>(channels), in = 1;
  int x = w.input(c.batch * pixels);
  std::vector<int> skips;
  for (int level = 0; level < 4; ++level) {
    x = c.block(c.block(x, in, width, 3, pixels), width, width, 3, pixels);
    skips.push_back(x);
    pixels /= 4;
    x = w.op({.name = "max_pool2d", .inputs = {x}, .output_elements = c.batch * width * pixels, .saves_inputs = true});
    in = width;
    width *= 2;
  }
  x = c.block(c.block(x, in, width, 3, pixels), width, width, 3, pixels);
  for (int level = 3; level >= 0; --level) {
    pixels *= 4;
    x = w.op({.name = "interpolate", .inputs = {x}, .output_elements = c.batch * width * pixels});
    x = w.op({.name = "cat", .inputs = {x, skips[static_cast<std::size_t>(level)]}, .output_elements = c.batch * (width + width / 2) * pixels});
    x = c.block(x, width + width / 2, width / 2, 3, pixels);
    width /= 2;
    x = c.block(x, width, width, 3, pixels);
  }
  loss_of(w, c.conv(x, width, 2, 1, pixels));
  return w.finish();
}

Trace gpt2_trace(const DeviceProfile& profile, DType dtype, int layers, int width, int sequence, int batch, int vocabulary) {
  StepWriter w(profile, dtype);
  const std::size_t d = static_cast<std::size_t>(width), tokens = static_cast<std::size_t>(sequence) * static_cast<std::size_t>(batch),
                    words = static_cast<std::size_t>(vocabulary);
  const auto linear = [&](int x, std::size_t in, std::size_t out, int weight = -1) {
    if (weight < 0) weight = w.parameter(in * out, 2);
    return w.op({.name = "linear", .inputs = {x}, .parameters = {weight}, .output_elements = tokens * out, .flops = 2.0 * static_cast<double>(tokens) * static_cast<double>(in * out), .saves_inputs = true});
  };
  const auto norm = [&](int x) {
    const int weight = w.parameter(2 * d, 2);
    return w.op({.name = "layer_norm", .inputs = {x}, .parameters = {weight}, .output_elements = tokens * d, .saves_inputs = true});
  };
  const auto add = [&](int a, int b) { return w.op({.name = "add", .inputs = {a, b}, .output_elements = tokens * d}); };
  const int embedding = w.parameter(words * d, 2);
  int x = w.op({.name = "embedding", .inputs = {w.input(tokens * 2)}, .parameters = {embedding}, .output_elements = tokens * d, .saves_inputs = true});
  for (int i = 0; i < layers; ++i) {
    const int qkv = linear(norm(x), d, 3 * d);
    const int heads = w.op({.name = "attention", .inputs = {qkv}, .output_elements = tokens * d, .flops = 4.0 * static_cast<double>(tokens) * sequence * width / 2,
                            .saves_inputs = true, .saves_output = true});
    x = add(x, linear(heads, d, d));
    const int wide = w.op({.name = "gelu", .inputs = {linear(norm(x), d, 4 * d)}, .output_elements = tokens * 4 * d, .saves_inputs = true});
    x = add(x, linear(wide, 4 * d, d));
  }
  loss_of(w, linear(norm(x), d, words));
  return w.finish();
}

Trace random_trace(std::uint64_t seed, int storages) {
  std::mt19937_64 random(seed);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<std::uint64_t>(n)); };
  Trace t;
  t.device = "random";
  t.base_bytes = below(2) ? 256 : 0;
  const int lasting = below(3);
  std::vector<int> alive;
  const auto add = [&](bool stays) {
    TraceStorage s;
    s.bytes = 256 * (1 + static_cast<std::size_t>(below(12)));
    s.at_start = s.at_end = stays;
    s.owner = stays ? OwnerClass::parameter : OwnerClass::activation;
    s.clean = stays && below(3) == 0;
    t.storages.push_back(s);
    return static_cast<int>(t.storages.size()) - 1;
  };
  for (int i = 0; i < lasting; ++i) alive.push_back(add(true));
  const auto use = [&](std::vector<int> reads, std::vector<int> writes, bool recorded) {
    TraceLaunch l;
    l.op = recorded ? "op" : "grad";
    l.phase = recorded ? LaunchPhase::forward : LaunchPhase::backward;
    l.seconds = 1e-6 * (1 + below(50));
    l.workspace = below(4) ? 0 : 256 * static_cast<std::size_t>(below(8));
    for (auto* list : {&reads, &writes}) {
      std::sort(list->begin(), list->end());
      list->erase(std::unique(list->begin(), list->end()), list->end());
      for (int s : *list) t.storages[static_cast<std::size_t>(s)].released_after = static_cast<int>(t.launches.size());
    }
    l.reads = std::move(reads);
    l.writes = std::move(writes);
    l.recorded = recorded;
    t.launches.push_back(std::move(l));
  };
  while (static_cast<int>(t.storages.size()) < storages) {
    std::vector<int> reads, writes;
    for (int n = below(3); n > 0 && !alive.empty(); --n) reads.push_back(alive[static_cast<std::size_t>(below(static_cast<int>(alive.size())))]);
    const int made = add(false);
    writes.push_back(made);
    if (!reads.empty() && below(8) == 0) writes.push_back(reads.front());  // changes it in place
    use(reads, writes, below(8) != 0);
    alive.push_back(made);
  }
  std::vector<int> order = alive;
  std::reverse(order.begin(), order.end());
  for (int s : order)
    if (below(4) != 0) use({s}, below(6) == 0 ? std::vector<int>{s} : std::vector<int>{}, false);
  const int last = static_cast<int>(t.launches.size()) - 1;
  for (TraceStorage& s : t.storages) {
    if (s.at_end) {
      s.released_after = last;
      for (const TraceLaunch& l : t.launches) s.clean = s.clean && std::find(l.writes.begin(), l.writes.end(), static_cast<int>(&s - t.storages.data())) == l.writes.end();
    } else if (below(4) == 0) {
      s.released_after += below(last - s.released_after + 1);  // a handle that is kept for a while
    }
  }
  return t;
}

}  // namespace tasuki::memory
