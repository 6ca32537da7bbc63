// Trains a small GPT-2 on the bytes of a text and then lets it write.
//
//     gpt2                                             the part of Shakespeare in data/text
//     gpt2 --data FILE --steps 2000 --layers 6         any other text, a larger network
//
// Writes the weights (gpt2.safetensors). The same seed gives the same network and the same text.
#include <tasuki/tasuki.hpp>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "support/program.hpp"
#include "support/progress.hpp"

namespace ts = tasuki;

namespace {

struct Options {
  std::string data, out = "gpt2.safetensors", prompt = "\n";
  std::int64_t steps = 600, batch = 16, sample = 500;
  double lr = 1.5e-3, temperature = 0.8;
  support::Setting setting;
  ts::models::GPT2Options net{.vocabulary = 256, .context = 96, .layers = 3, .heads = 4, .width = 128, .dropout = 0.05};
};

Options parse(int argc, char** argv) {
  Options o;
  o.data = support::default_data("text/shakespeare.txt");
  CLI::App app{"Trains a small GPT-2 on the bytes of a text"};
  app.add_option("--data", o.data, "text file")->capture_default_str();
  app.add_option("--steps", o.steps, "training steps")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--batch", o.batch, "sequences per step")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--context", o.net.context, "bytes per sequence")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--layers", o.net.layers, "transformer blocks")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--heads", o.net.heads, "attention heads per block")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--width", o.net.width, "size of the vectors between blocks, a multiple of the heads")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--dropout", o.net.dropout, "in training")->capture_default_str()->check(CLI::Range(0.0, 1.0));
  app.add_option("--lr", o.lr, "highest learning rate of AdamW; it rises for a tenth of the steps and falls along a cosine")->capture_default_str();
  o.setting.add_to(app);
  app.add_option("--sample", o.sample, "bytes to write after training")->capture_default_str()->check(CLI::NonNegativeNumber);
  app.add_option("--prompt", o.prompt, "what the written text goes on from");
  app.add_option("--temperature", o.temperature, "of the sampling: low is timid, 1 is what the network believes")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--out", o.out, "file for the weights")->capture_default_str();
  support::parse(app, argc, argv);
  return o;
}

ts::Tensor tokens_of(const std::string& text) {
  std::vector<std::int64_t> values;
  for (const char c : text) values.push_back(static_cast<unsigned char>(c));
  return ts::from(values, {static_cast<std::int64_t>(values.size())});
}

/// The text, its last tenth kept apart for validation.
struct Text {
  ts::Tensor train, test;
  explicit Text(const Options& o) {
    std::ifstream file(o.data, std::ios::binary);
    const std::string all((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const auto least = static_cast<std::size_t>(20 * (o.net.context + 1));
    if (!file || all.size() < least)
      throw std::runtime_error(o.data + (file ? " is too short: a context of " + std::to_string(o.net.context) + " needs " + std::to_string(least) + " bytes"
                                              : " cannot be read"));
    const std::size_t cut = all.size() - all.size() / 10;
    train = tokens_of(all.substr(0, cut));
    test = tokens_of(all.substr(cut));
  }
};

/// Sequences at the given places, and what comes next at each of their positions.
struct Batch {
  ts::Tensor x, t;
  Batch(const ts::Tensor& text, const std::vector<std::int64_t>& starts, std::int64_t length, ts::Device device) {
    std::vector<ts::Tensor> now, next;
    for (const std::int64_t start : starts) {
      now.push_back(text.narrow(0, start, length));
      next.push_back(text.narrow(0, start + 1, length));
    }
    x = ts::stack(now).to(device);
    t = ts::stack(next).to(device);
  }
};

ts::Tensor loss_of(const ts::models::GPT2& net, const Batch& b) { return ts::cross_entropy(net(b.x).flatten(0, 1), b.t.flatten()); }

/// Mean loss over the validation text, in nats per byte.
double validate(ts::models::GPT2& net, const ts::Tensor& text, std::int64_t batch, ts::Device device) {
  const ts::NoGrad off;
  net.eval();
  const std::int64_t length = net.options().context;
  double sum = 0, count = 0;
  std::vector<std::int64_t> starts;
  for (std::int64_t start = 0; start + length < text.numel() && count < 512; start += length) {
    starts.push_back(start);
    if (static_cast<std::int64_t>(starts.size()) < batch && start + 2 * length < text.numel()) continue;
    const auto sequences = static_cast<double>(starts.size());
    sum += sequences * loss_of(net, {text, starts, length, device}).item<float>();
    count += sequences;
    starts.clear();
  }
  net.train();
  return sum / count;
}

/// Text that the network finds likely, byte after byte.
std::string write(ts::models::GPT2& net, const Options& o, ts::Device device) {
  const ts::NoGrad off;
  net.eval();
  ts::Generator generator(o.setting.seed);
  std::string text = o.prompt.empty() ? "\n" : o.prompt;
  for (std::int64_t i = 0; i < o.sample; ++i) {
    const std::string seen = text.substr(text.size() - std::min(text.size(), static_cast<std::size_t>(o.net.context)));
    const ts::Tensor logits = net(tokens_of(seen).unsqueeze(0).to(device)).select(1, static_cast<std::int64_t>(seen.size()) - 1).flatten();
    const auto p = ts::softmax(logits / o.temperature, 0).cpu().to_vector<float>();
    float left = ts::rand({1}, {}, &generator).item<float>();
    std::size_t next = 0;
    while (next + 1 < p.size() && left >= p[next]) left -= p[next++];
    text += static_cast<char>(next);
  }
  net.train();
  return text;
}

void train(const Options& o) {
  const ts::Device device = o.setting.begin();
  const Text text(o);
  const auto budget = o.setting.make_budget(device);
  ts::models::GPT2 net{o.net};
  net.to(device);
  std::printf("%lld bytes to train on, %lld to validate; a GPT-2 of %lld parameters\n", static_cast<long long>(text.train.numel()),
              static_cast<long long>(text.test.numel()), static_cast<long long>(net.parameter_count()));
  ts::optim::AdamW opt{net.parameters(), {.lr = o.lr, .beta2 = 0.99, .weight_decay = 0.1}};
  ts::optim::CosineAnnealing schedule{opt, {.steps = o.steps + 1, .warmup = std::max<std::int64_t>(1, o.steps / 10)}};
  ts::Generator places(o.setting.seed);

  const std::int64_t reports = std::min<std::int64_t>(10, o.steps);
  std::int64_t done = 0;
  for (std::int64_t report = 1; report <= reports; ++report) {
    const auto start = std::chrono::steady_clock::now();
    const std::int64_t until = o.steps * report / reports, first = done;
    double sum = 0;
    {
      support::ProgressBar bar("step " + std::to_string(until), until - first);
      for (; done < until; ++done) {
        const Batch batch(text.train, ts::randint(0, text.train.numel() - o.net.context, {o.batch}, {}, &places).to_vector<std::int64_t>(), o.net.context, device);
        opt.zero_grad();
        const ts::Tensor loss = loss_of(net, batch);
        loss.backward();
        ts::optim::clip_grad_norm_(net.parameters(), 1.0);
        opt.step();
        schedule.step();
        sum += loss.item<float>();
        bar.update(done + 1 - first, sum / static_cast<double>(done + 1 - first));
      }
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    const auto steps = static_cast<double>(until - first);
    std::printf("step %5lld  loss %.4f  validation %.4f  %.0f ms per step\n", static_cast<long long>(done), sum / steps,
                validate(net, text.test, o.batch, device), 1e3 * seconds.count() / steps);
    std::fflush(stdout);
  }
  ts::save(net, o.out, {{"seed", std::to_string(o.setting.seed)}, {"steps", std::to_string(o.steps)}});
  std::printf("wrote %s\n", o.out.c_str());
  o.setting.print_memory(device, budget.get());
  if (o.sample > 0) std::printf("---%s\n---\n", write(net, o, device).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  return support::run([&] { train(parse(argc, argv)); });
}
