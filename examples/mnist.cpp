// Trains LeNet on handwritten digits and says how many of the test digits it reads right.
//
//     mnist                                   the digits in data/mnist: about 98 %
//     mnist --data FOLDER --epochs 5          the full MNIST, or data in its format: about 99 %
//     mnist --device sim:64MiB                the same numbers on an accelerator of 64 MiB, emulated on the CPU
//     mnist --device sim --budget 24MiB       the same numbers again, within 24 MiB
//     mpirun -np 4 mnist                      four processes that share each batch
//     mnist --checkpoint FOLDER               can be interrupted; with --resume it goes on where the newest checkpoint is
//     mpirun -np 4 mnist --zero 3             the same numbers, with optimizer state, gradients and parameters spread over the four
//     mpirun -np 4 mnist --zero 3 --budget 50MiB    and each of them within 50 MiB, digits included
//
// Writes the weights (lenet.safetensors) and the curves of loss and accuracy (loss.svg). The same seed gives the same network.
#include <tasuki/tasuki.hpp>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>

#include "support/program.hpp"
#include "support/progress.hpp"
#include "support/svg_plot.hpp"

namespace ts = tasuki;

namespace {

struct Options {
  std::string data, out = "lenet.safetensors", curve = "loss.svg";
  std::string checkpoint, compress = "none";
  int epochs = 6, batch = 64, zero = 0, checkpoint_every = 100;
  double lr = 2e-3;
  bool augment = true, summary = false, resume = false, shares = false;
  support::Setting setting;
};

Options parse(int argc, char** argv) {
  Options o;
  o.data = support::default_data("mnist");
  CLI::App app{"Trains LeNet on handwritten digits"};
  app.add_option("--data", o.data, "folder with the four IDX files of MNIST, gzipped or not")->capture_default_str();
  app.add_option("--epochs", o.epochs, "passes over the training digits")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--batch", o.batch, "digits per step, of all processes together")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--lr", o.lr, "highest learning rate of AdamW; it falls along a cosine")->capture_default_str()->check(CLI::NonNegativeNumber);
  app.add_option("--zero", o.zero, "with several processes, what each has only a share of: 1 optimizer state, 2 gradients too, 3 parameters too")->capture_default_str()->check(CLI::Range(0, 3));
  app.add_flag("--shares", o.shares, "with several processes, let each one's share of the batches follow its speed in the epoch before");
  app.add_option("--compress", o.compress, "with several processes, how gradients travel: whole, in 16 bits, their largest hundredth (top_k), or low-rank matrices (power_sgd)")
      ->capture_default_str()->check(CLI::IsMember({"none", "bf16", "f16", "top_k", "power_sgd"}));
  o.setting.add_to(app);
  app.add_option("--out", o.out, "file for the weights")->capture_default_str();
  app.add_option("--curve", o.curve, "file for the curves, as SVG")->capture_default_str();
  auto* folder = app.add_option("--checkpoint", o.checkpoint, "folder for checkpoints, the newest three of which stay");
  app.add_option("--checkpoint-every", o.checkpoint_every, "steps from one checkpoint to the next")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_flag("--resume", o.resume, "go on from the newest checkpoint, if there is one, with any number of processes")->needs(folder);
  app.add_flag("!--no-shifts", o.augment, "train on the digits where they are, instead of shifted by up to two pixels");
  app.add_flag("--summary", o.summary, "print the network before training");
  support::parse(app, argc, argv);
  return o;
}

ts::dist::Compression::Kind compression_of(const std::string& name) {
  using Kind = ts::dist::Compression::Kind;
  return name == "bf16" ? Kind::bf16 : name == "f16" ? Kind::f16 : name == "top_k" ? Kind::top_k : name == "power_sgd" ? Kind::power_sgd : Kind::none;
}

/// Each image moved by -2..2 pixels in both directions; what comes in from outside has the value of the corner, which is background.
ts::Tensor shifted(const ts::Tensor& images, ts::Generator& generator) {
  const std::int64_t count = images.size(0), height = images.size(2), width = images.size(3);
  ts::Tensor moved = ts::empty_like(images);
  const auto offsets = ts::randint(-2, 3, {count, 2}, {}, &generator).to_vector<std::int64_t>();
  const auto from = images.data<float>();
  const auto to = moved.data<float>();
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t dy = offsets[static_cast<std::size_t>(2 * i)], dx = offsets[static_cast<std::size_t>(2 * i + 1)];
    const float* image = from.get() + i * height * width;
    float* target = to.get() + i * height * width;
    for (std::int64_t y = 0; y < height; ++y)
      for (std::int64_t x = 0; x < width; ++x) {
        const std::int64_t source_y = y - dy, source_x = x - dx;
        const bool inside = source_y >= 0 && source_y < height && source_x >= 0 && source_x < width;
        target[y * width + x] = inside ? image[source_y * width + source_x] : image[0];
      }
  }
  return moved;
}

/// Over all processes, each of which reads its share.
double accuracy(ts::models::LeNet& net, const ts::data::TensorDataset& digits, ts::Device device, const ts::dist::World& world) {
  const ts::NoGrad off;
  net.eval();
  ts::dist::Average right{world};
  for (const auto& [x, t] : ts::data::Loader(&digits, {.global_batch = 500, .shard = world}))
    right.add(static_cast<double>(ts::sum(ts::argmax(net(x.to(device)), 1).eq(t.to(device))).item<std::int64_t>()), x.size(0));
  net.train();
  return right.value();
}

/// What the process returns.
int train(const Options& o, const ts::dist::World& world) {
  const ts::Device device = o.setting.begin();
  const auto digits = ts::data::mnist(o.data, {.normalize = true});
  std::printf("%lld digits to train on, %lld to test\n", static_cast<long long>(digits.train.size()), static_cast<long long>(digits.test.size()));

  const auto budget = o.setting.make_budget(device);
  ts::models::LeNet net;
  if (o.summary) std::printf("%s", ts::nn::summary(net, digits.train.x().slice(0, 0, 1)).to_string().c_str());
  net.to(device);
  ts::data::Loader loader(&digits.train, {.global_batch = o.batch, .shuffle = true, .seed = o.setting.seed, .shard = world});
  const std::int64_t batches = loader.size();
  ts::optim::AdamW opt{net.parameters(), {.lr = o.lr}};
  std::optional<ts::dist::DataParallel> parallel;
  if (world.size() > 1) parallel.emplace(world, net, opt, ts::dist::DataParallelOptions{.zero = o.zero, .compression = {.kind = compression_of(o.compress)}});
  ts::optim::CosineAnnealing schedule{opt, {.steps = o.epochs * batches + 1, .warmup = batches / 4}};
  ts::Generator shifts(o.setting.seed);

  plot::Plot curves("LeNet on " + std::to_string(digits.train.size()) + " digits");
  curves.x.label = "epoch", curves.left.label = "training loss", curves.right.label = "test accuracy in %";
  plot::Series losses{"training loss", "#c2410c", plot::Side::left, {}, {}, false}, accuracies{"test accuracy", "#1d4ed8", plot::Side::right, {}, {}, true};

  std::int64_t step = 0, done = 0;
  double sum = 0;
  std::optional<ts::Checkpoints> checkpoints;
  if (!o.checkpoint.empty()) {
    checkpoints.emplace(o.checkpoint);
    checkpoints->add("net", net);
    checkpoints->add("optimizer", opt);
    checkpoints->add("schedule", schedule);
    checkpoints->add("data", loader);
    checkpoints->add("shifts", shifts);
    checkpoints->add("steps of the epoch", done);
    checkpoints->add("sum of losses", sum);
    if (o.resume) step = checkpoints->resume();
    if (done == batches) sum = 0, done = 0;  // it was written at the end of an epoch
    if (step > 0) std::printf("going on from step %lld\n", static_cast<long long>(step));
  }

  std::optional<ts::dist::Interruption> interruption;  // a batch system's warning
  if (checkpoints) interruption.emplace(world);
  ts::dist::Balance balance{world};
  double last_accuracy = step > 0 ? accuracy(net, digits.test, device, world) : 0;
  for (std::int64_t epoch = step / batches + 1; epoch <= o.epochs; ++epoch) {
    const auto start = std::chrono::steady_clock::now();
    const std::string title = "epoch " + std::to_string(epoch) + "/" + std::to_string(o.epochs);
    double recent = 0;
    std::int64_t in_recent = 0;
    {
      support::ProgressBar bar(title, batches);
      for (const auto& [x, t] : loader) {
        opt.zero_grad();
        const ts::Tensor loss = ts::cross_entropy(net((o.augment ? shifted(x, shifts) : x).to(device)), t.to(device));
        loss.backward();
        opt.step();
        schedule.step();
        const double value = world.sum(static_cast<double>(loss.item<float>()));
        sum += value, recent += value;
        ++done, ++in_recent;
        bar.update(done, sum / static_cast<double>(done));
        if (in_recent == std::max<std::int64_t>(1, batches / 20)) {  // twenty points of the curve for each epoch
          losses.add(static_cast<double>(epoch - 1) + static_cast<double>(done) / static_cast<double>(batches), recent / static_cast<double>(in_recent));
          recent = 0, in_recent = 0;
        }
        balance.count({x, t});
        const bool ends = interruption && interruption->requested();
        ++step;
        if (checkpoints && (step % o.checkpoint_every == 0 || ends)) checkpoints->save(step);
        if (ends) {
          if (world.rank() == 0) std::printf("\ninterrupted after step %lld; go on with --resume\n", static_cast<long long>(step));
          return ts::dist::Interruption::exit_code;
        }
      }
    }
    last_accuracy = accuracy(net, digits.test, device, world);
    accuracies.add(static_cast<double>(epoch), 100 * last_accuracy);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::printf("%s  loss %.4f  accuracy %.4f  %.1f s\n", title.c_str(), sum / static_cast<double>(done), last_accuracy, seconds.count());
    const auto report = balance.end_epoch();
    if (world.size() > 1) std::printf("%s\n", report.to_string().c_str());
    if (o.shares) loader.set_shares(report.speeds());
    std::fflush(stdout);
    sum = 0, done = 0;
  }

  if (parallel && o.compress != "none") std::printf("gradients: %s\n", parallel->compression_report().to_string().c_str());
  std::optional<ts::dist::DataParallel::WholeParameters> whole;
  if (parallel) whole.emplace(*parallel);
  if (world.rank() > 0) return 0;
  ts::save(net, o.out, {{"seed", std::to_string(o.setting.seed)}, {"epochs", std::to_string(o.epochs)}});
  curves.series = {losses, accuracies};
  curves.write(o.curve);
  std::printf("wrote %s and %s\n", o.out.c_str(), o.curve.c_str());
  o.setting.print_memory(device, budget.get());
  std::printf("test accuracy %.4f\n", last_accuracy);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return support::run([&] {
    const ts::dist::World world = ts::dist::init(argc, argv);
    if (world.rank() > 0 && !std::freopen("/dev/null", "w", stdout)) return 1;  // rank 0 speaks for all
    return train(parse(argc, argv), world);
  });
}
