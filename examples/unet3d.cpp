// Trains a 3D U-Net to find the front and the back of the hippocampus in MRI volumes, and says how well (Dice) on volumes it has
// not seen.
//
//     unet3d                                  the 8 volumes in data/hippocampus
//     unet3d --data FOLDER --epochs 20        folders images/ and labels/ with NIfTI files of the same names
//     unet3d --budget 90MiB                   the same weights, bit for bit, within so much memory
//
// Writes the weights (unet3d.safetensors) and a slice of a validation volume beside its label and the prediction (unet3d.png).
#include <tasuki/tasuki.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "support/program.hpp"
#include "support/progress.hpp"
#include "support/segmentation_picture.hpp"
#include "support/volumes.hpp"

namespace ts = tasuki;

namespace {

constexpr std::int64_t classes = 3;  // background, anterior, posterior
const char* const class_names[] = {"background", "anterior", "posterior"};

struct Options {
  std::string data, out = "unet3d.safetensors", picture = "unet3d.png";
  int epochs = 0, batch = 2;
  std::int64_t channels = 8, levels = 3;
  double lr = 3e-3;
  support::Setting setting;
};

Options parse(int argc, char** argv) {
  Options o;
  o.data = support::default_data("hippocampus");
  CLI::App app{"Trains a 3D U-Net on volumes of the hippocampus"};
  app.add_option("--data", o.data, "folder with images/ and labels/: NIfTI files of the same names")->capture_default_str();
  app.add_option("--epochs", o.epochs, "passes over the training volumes; by default 24, or fewer where these take more than 300 steps")->check(CLI::PositiveNumber);
  app.add_option("--batch", o.batch, "volumes per step")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--channels", o.channels, "of the first convolution")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--levels", o.levels, "sizes that the network works at")->capture_default_str()->check(CLI::Range(1, 6));
  app.add_option("--lr", o.lr, "highest learning rate of AdamW; it falls along a cosine")->capture_default_str()->check(CLI::NonNegativeNumber);
  o.setting.add_to(app);
  app.add_option("--out", o.out, "file for the weights")->capture_default_str();
  app.add_option("--picture", o.picture, "file for the slice, as PNG")->capture_default_str();
  support::parse(app, argc, argv);
  return o;
}

/// Cross-entropy, plus 1 - Dice of the probabilities over both parts: the parts are small beside the background.
ts::Tensor segmentation_loss(const ts::Tensor& logits, const ts::Tensor& t) {
  const ts::Tensor p = ts::softmax(logits, 1);
  ts::Tensor loss = ts::cross_entropy(logits, t);
  for (std::int64_t c = 1; c < classes; ++c) {
    const ts::Tensor here = t.eq(c).to(ts::f32), found = p.select(1, c);
    loss = loss + (1 - (2 * ts::sum(found * here) + 1) / (ts::sum(found) + ts::sum(here) + 1)) / static_cast<double>(classes - 1);
  }
  return loss;
}

ts::Tensor predicted(const ts::models::UNet3d& net, const ts::Tensor& x, ts::Device device) {
  return ts::argmax(net(x.to(device)), 1).to(ts::Device::cpu());
}

/// 2 |A and B| / (|A| + |B|) for each class over all volumes.
std::vector<double> dice(ts::models::UNet3d& net, const support::VolumeDataset& volumes, ts::Device device) {
  const ts::NoGrad off;
  net.eval();
  std::vector<double> both(classes), either(classes), result;
  for (const auto& [x, t] : ts::data::Loader(&volumes, {.batch = 1})) {
    const ts::Tensor y = predicted(net, x, device);
    for (std::int64_t c = 0; c < classes; ++c) {
      const ts::Tensor found = y.eq(c).to(ts::i64), here = t.eq(c).to(ts::i64);
      both[static_cast<std::size_t>(c)] += static_cast<double>(ts::sum(found * here).item<std::int64_t>());
      either[static_cast<std::size_t>(c)] += static_cast<double>((ts::sum(found) + ts::sum(here)).item<std::int64_t>());
    }
  }
  for (std::size_t c = 0; c < classes; ++c) result.push_back(either[c] > 0 ? 2 * both[c] / either[c] : 1);
  net.train();
  return result;
}

std::string dice_text(const std::vector<double>& values) {
  std::string text;
  for (std::size_t c = 1; c < classes; ++c) {
    char part[48];
    std::snprintf(part, sizeof part, "%s%s %.4f", c > 1 ? ", " : "", class_names[c], values[c]);
    text += part;
  }
  return text;
}

void draw(ts::models::UNet3d& net, const support::Volume& volume, const support::VolumeDataset& padded, ts::Device device, const std::string& path) {
  const ts::NoGrad off;
  net.eval();
  ts::Tensor y = predicted(net, padded.get(0).x.unsqueeze(0), device)[0];
  for (int d = 0; d < 3; ++d) y = y.slice(d, 0, volume.image.size(d));
  support::write_picture(path, volume.image, volume.label, y, {class_names + 1, class_names + classes});
  net.train();
}

void train(const Options& o) {
  const ts::Device device = o.setting.begin();
  const auto volumes = support::read_volumes(o.data);
  if (volumes.size() < 4) throw ts::ValueError(o.data + " has fewer than four volumes, of which one is to validate on");
  const ts::Shape size = support::common_size(volumes, std::int64_t{1} << (o.levels - 1));
  std::vector<support::Volume> to_train, to_validate;
  for (std::size_t i = 0; i < volumes.size(); ++i) (i % 4 == 3 ? to_validate : to_train).push_back(volumes[i]);
  const support::VolumeDataset training{to_train, size}, validation{to_validate, size};
  std::printf("%lld volumes to train on, %lld to validate; each %s\n", static_cast<long long>(training.size()), static_cast<long long>(validation.size()),
              size.to_string().c_str());

  const auto budget = o.setting.make_budget(device);
  ts::models::UNet3d net{{.classes = classes, .channels = o.channels, .levels = o.levels}};
  net.to(device);
  ts::data::Loader loader(&training, {.batch = o.batch, .shuffle = true, .seed = o.setting.seed});
  const std::int64_t batches = loader.size();
  const int epochs = o.epochs > 0 ? o.epochs : static_cast<int>(std::clamp<std::int64_t>(300 / batches, 2, 24));
  ts::optim::AdamW opt{net.parameters(), {.lr = o.lr}};
  ts::optim::CosineAnnealing schedule{opt, {.steps = epochs * batches + 1, .warmup = batches / 4}};

  std::vector<double> scores;
  for (int epoch = 1; epoch <= epochs; ++epoch) {
    const auto start = std::chrono::steady_clock::now();
    const std::string title = "epoch " + std::to_string(epoch) + "/" + std::to_string(epochs);
    double sum = 0;
    std::int64_t done = 0;
    {
      support::ProgressBar bar(title, batches);
      for (const auto& [x, t] : loader) {
        opt.zero_grad();
        const ts::Tensor loss = segmentation_loss(net(x.to(device)), t.to(device));
        loss.backward();
        opt.step();
        schedule.step();
        sum += loss.item<float>();
        ++done;
        bar.update(done, sum / static_cast<double>(done));
      }
    }
    scores = dice(net, validation, device);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::printf("%s  loss %.4f  Dice: %s  %.1f s\n", title.c_str(), sum / static_cast<double>(done), dice_text(scores).c_str(), seconds.count());
    std::fflush(stdout);
  }

  ts::save(net, o.out, {{"seed", std::to_string(o.setting.seed)}, {"epochs", std::to_string(epochs)}});
  draw(net, to_validate[0], validation, device, o.picture);
  std::printf("wrote %s and %s\n", o.out.c_str(), o.picture.c_str());
  o.setting.print_memory(device, budget.get());
  std::printf("validation Dice: %s\n", dice_text(scores).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  return support::run([&] { train(parse(argc, argv)); });
}
