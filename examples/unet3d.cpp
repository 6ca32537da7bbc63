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
#include <png.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "support/nifti_volume.hpp"
#include "support/program.hpp"
#include "support/progress.hpp"

namespace ts = tasuki;

namespace {

constexpr std::int64_t classes = 3;  // background, anterior, posterior
const char* const class_names[] = {"background", "anterior", "posterior"};

struct Options {
  std::string data, out = "unet3d.safetensors", picture = "unet3d.png";
  int epochs = 24, batch = 2;
  std::int64_t channels = 8, levels = 3;
  double lr = 3e-3;
  support::Setting setting;
};

Options parse(int argc, char** argv) {
  Options o;
  o.data = support::default_data("hippocampus");
  CLI::App app{"Trains a 3D U-Net on volumes of the hippocampus"};
  app.add_option("--data", o.data, "folder with images/ and labels/: NIfTI files of the same names")->capture_default_str();
  app.add_option("--epochs", o.epochs, "passes over the training volumes")->capture_default_str()->check(CLI::PositiveNumber);
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

struct Volume {
  ts::Tensor image, label;  // [depth, height, width]
};

/// All volumes of a folder in the order of their names; images with mean 0 and standard deviation 1.
std::vector<Volume> read_volumes(const std::string& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder + "/images"))
    if (entry.path().filename().string().find(".nii") != std::string::npos) paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());
  if (paths.size() < 2) throw ts::ValueError(folder + "/images needs two NIfTI files, one of them to validate on");
  std::vector<Volume> volumes;
  for (const auto& path : paths) {
    Volume v{support::read_nifti(path.string()), support::read_nifti(folder + "/labels/" + path.filename().string())};
    if (!(v.image.shape() == v.label.shape())) throw ts::ShapeError(path.string() + " is not as large as its label");
    const ts::Tensor centered = v.image - ts::mean(v.image);
    v.image = centered / ts::sqrt(ts::mean(ts::square(centered)) + 1e-6);
    volumes.push_back(v);
  }
  return volumes;
}

/// The sizes that hold every volume, rounded up to what the network takes.
ts::Shape common_size(const std::vector<Volume>& volumes, std::int64_t unit) {
  ts::Shape size{unit, unit, unit};
  for (const Volume& v : volumes)
    for (int d = 0; d < 3; ++d) size[d] = std::max(size[d], (v.image.size(d) + unit - 1) / unit * unit);
  return size;
}

/// Volumes side by side in one tensor, with zeros (the mean, and background) around them.
ts::data::TensorDataset dataset(const std::vector<Volume>& volumes, const ts::Shape& size) {
  const auto count = static_cast<std::int64_t>(volumes.size());
  ts::Tensor x = ts::zeros({count, 1, size[0], size[1], size[2]}), t = ts::zeros({count, size[0], size[1], size[2]});
  for (std::int64_t i = 0; i < count; ++i) {
    const auto place = [&](ts::Tensor whole, const ts::Tensor& volume) {
      for (int d = 0; d < 3; ++d) whole = whole.slice(d, 0, volume.size(d));
      whole.copy_(volume);
    };
    place(x[i][0], volumes[static_cast<std::size_t>(i)].image);
    place(t[i], volumes[static_cast<std::size_t>(i)].label);
  }
  return ts::data::TensorDataset(x, t.to(ts::i64));
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
std::vector<double> dice(ts::models::UNet3d& net, const ts::data::TensorDataset& volumes, ts::Device device) {
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

/// The slice with the most labelled voxels, three times: as it is, with its label, with the prediction.
void draw(ts::models::UNet3d& net, const ts::data::TensorDataset& volumes, ts::Device device, const std::string& path) {
  constexpr std::int64_t zoom = 6, panels = 3, gap = 4;
  const ts::NoGrad off;
  net.eval();
  const auto [x, t] = volumes.get(0);
  const ts::Tensor y = predicted(net, x.unsqueeze(0), device)[0];
  const std::int64_t slice = ts::argmax(ts::sum(t.gt(0).to(ts::i64), {1, 2}), 0).item<std::int64_t>();
  const std::int64_t height = t.size(1), width = t.size(2), wide = panels * width * zoom + (panels - 1) * gap;
  const auto gray = x[0][slice].to_vector<float>();
  const std::vector<std::int64_t> shown[panels] = {std::vector<std::int64_t>(gray.size(), 0), t[slice].to_vector<std::int64_t>(),
                                                   y[slice].to_vector<std::int64_t>()};
  const auto [darkest, brightest] = std::minmax_element(gray.begin(), gray.end());
  std::vector<png_byte> pixels(static_cast<std::size_t>(3 * wide * height * zoom), 255);
  for (std::int64_t panel = 0; panel < panels; ++panel)
    for (std::int64_t i = 0; i < height * zoom; ++i)
      for (std::int64_t j = 0; j < width * zoom; ++j) {
        const auto voxel = static_cast<std::size_t>((height - 1 - i / zoom) * width + j / zoom);
        const float level = 255 * (gray[voxel] - *darkest) / std::max(*brightest - *darkest, 1e-6f);
        const float tint[classes][3] = {{level, level, level}, {230, 90, 40}, {40, 120, 230}};
        png_byte* const to = &pixels[static_cast<std::size_t>(3 * (i * wide + panel * (width * zoom + gap) + j))];
        for (int k = 0; k < 3; ++k) to[k] = static_cast<png_byte>(0.5f * level + 0.5f * tint[shown[panel][voxel]][k]);
      }
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(wide), image.height = static_cast<png_uint_32>(height * zoom);
  image.format = PNG_FORMAT_RGB;
  if (!png_image_write_to_file(&image, path.c_str(), 0, pixels.data(), 0, nullptr)) throw ts::FileError(path + ": " + image.message);
  net.train();
}

void train(const Options& o) {
  const ts::Device device = o.setting.begin();
  const std::vector<Volume> volumes = read_volumes(o.data);
  const ts::Shape size = common_size(volumes, std::int64_t{1} << (o.levels - 1));
  std::vector<Volume> to_train, to_validate;
  for (std::size_t i = 0; i < volumes.size(); ++i) (i % 4 == 3 ? to_validate : to_train).push_back(volumes[i]);
  const auto training = dataset(to_train, size), validation = dataset(to_validate.empty() ? to_train : to_validate, size);
  std::printf("%lld volumes to train on, %lld to validate; each %s\n", static_cast<long long>(training.size()), static_cast<long long>(validation.size()),
              size.to_string().c_str());

  const auto budget = o.setting.make_budget(device);
  ts::models::UNet3d net{{.classes = classes, .channels = o.channels, .levels = o.levels}};
  net.to(device);
  ts::data::Loader loader(&training, {.batch = o.batch, .shuffle = true, .seed = o.setting.seed});
  const std::int64_t batches = loader.size();
  ts::optim::AdamW opt{net.parameters(), {.lr = o.lr}};
  ts::optim::CosineAnnealing schedule{opt, {.steps = o.epochs * batches + 1, .warmup = batches / 4}};

  std::vector<double> scores;
  for (int epoch = 1; epoch <= o.epochs; ++epoch) {
    const auto start = std::chrono::steady_clock::now();
    const std::string title = "epoch " + std::to_string(epoch) + "/" + std::to_string(o.epochs);
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

  ts::save(net, o.out, {{"seed", std::to_string(o.setting.seed)}, {"epochs", std::to_string(o.epochs)}});
  draw(net, validation, device, o.picture);
  std::printf("wrote %s and %s\n", o.out.c_str(), o.picture.c_str());
  if (budget) std::printf("%s", budget->report().to_string().c_str());
  std::printf("validation Dice: %s\n", dice_text(scores).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  return support::run([&] { train(parse(argc, argv)); });
}
