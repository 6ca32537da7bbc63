#include "tasuki/dist/checkpoints.hpp"

#include <filesystem>

#include "tasuki/tasuki.hpp"
#include "tests/catch.hpp"
#include "tests/io/temporary_folder.hpp"
#include "tests/support/expect_error.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;

namespace {

/// All that a run consists of, and what it adds to its checkpoints.
struct Run {
  ts::models::MLP net{{8, 32, 3}};
  ts::optim::AdamW opt{net.parameters(), {.lr = 0.01}};
  ts::optim::CosineAnnealing schedule{opt, {.steps = 50, .warmup = 5}};
  ts::data::TensorDataset examples;
  ts::data::Loader loader;
  ts::Generator noise{5};
  ts::Tensor mean = ts::zeros({2});
  std::int64_t seen = 0;
  double best = 1e30;
  std::string note;
  ts::Checkpoints checkpoints;
  std::int64_t step = 0;
  std::vector<float> losses;

  explicit Run(const std::string& folder, ts::data::LoaderOptions options = {.global_batch = 7, .shuffle = true, .seed = 4}, int keep = 3)
      : examples(data()), loader(&examples, std::move(options)), checkpoints(folder, {.keep = keep}) {
    checkpoints.add("net", net);
    checkpoints.add("optimizer", opt);
    checkpoints.add("schedule", schedule);
    checkpoints.add("data", loader);
    checkpoints.add("noise", noise);
    checkpoints.add("mean", mean);
    checkpoints.add("seen", seen);
    checkpoints.add("best", best);
    checkpoints.add("note", note);
  }
  static ts::data::TensorDataset data() {
    ts::Generator g{7};
    return ts::data::TensorDataset(ts::randn({50, 8}, {}, &g), ts::randint(0, 3, {50}, {}, &g));
  }
  /// Until a step; a checkpoint after each of those listed.
  void train(std::int64_t until, const std::vector<std::int64_t>& save_at = {}) {
    while (step < until)
      for (const auto& [x, t] : loader) {
        opt.zero_grad();
        const ts::Tensor loss = ts::cross_entropy(net(ts::dropout(x + ts::randn(x.shape(), {}, &noise) * 0.1, 0.1, true)), t);
        loss.backward();
        opt.step();
        schedule.step();
        losses.push_back(loss.item<float>());
        seen += x.size(0);
        best = std::min(best, static_cast<double>(losses.back()));
        mean.add_(1);
        note = "after step " + std::to_string(++step);
        for (const std::int64_t at : save_at)
          if (at == step) checkpoints.save(step);
        if (step == until) return;
      }
  }
};

std::vector<float> tail(const std::vector<float>& list, std::size_t count) { return {list.end() - static_cast<std::ptrdiff_t>(count), list.end()}; }

std::string newest(const Run& run) { return run.checkpoints.list().back(); }

void change(const std::string& file, const std::string& from, const std::string& to) {
  std::string text = TemporaryFolder::read(file);
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  text.replace(at, from.size(), to);
  std::ofstream(file, std::ios::binary) << text;
}

}  // namespace

TEST_CASE("a run that goes on from a checkpoint in mid-epoch takes the steps of one that was not interrupted") {
  const TemporaryFolder folder;
  ts::manual_seed(1);
  Run whole(folder / "runs/a");
  CHECK(whole.checkpoints.resume() == 0);
  whole.train(20, {5, 12});
  CHECK(whole.checkpoints.list() == std::vector<std::string>{folder / "runs/a/step-000000000005", folder / "runs/a/step-000000000012"});

  ts::manual_seed(99);
  Run again(folder / "runs/a");
  again.step = again.checkpoints.resume();
  CHECK(again.step == 12);
  CHECK(again.note == "after step 12");
  CHECK(again.seen == 8 * 7 - 6 + 4 * 7);
  CHECK(again.opt.step_count() == 12);
  again.train(20);
  CHECK(again.losses == tail(whole.losses, 8));
  CHECK(again.best == whole.best);
  CHECK(again.mean.to_vector<float>() == std::vector<float>{20, 20});
  CHECK(again.opt.lr() == whole.opt.lr());
  for (std::size_t i = 0; i < whole.net.parameters().size(); ++i)
    CHECK(again.net.parameters()[i].detach().to_vector<float>() == whole.net.parameters()[i].detach().to_vector<float>());

  Run earlier(folder / "runs/b");
  CHECK(earlier.checkpoints.load(folder / "runs/a/step-000000000005") == 5);
  earlier.step = 5;
  earlier.train(20);
  CHECK(earlier.losses == tail(whole.losses, 15));
}

TEST_CASE("weights of a checkpoint are a safetensors file under their names") {
  const TemporaryFolder folder;
  Run run(folder.path());
  run.train(3, {3});
  const ts::safetensors::File file(newest(run) + "/shard-00000-of-00001.safetensors");
  CHECK(file.tensor("net/" + run.net.named_parameters()[0].name).to_vector<float>() == run.net.named_parameters()[0].tensor.detach().to_vector<float>());
  CHECK(file.contains("optimizer/exp_avg.0"));
  CHECK(file.metadata() == ts::Metadata{{"step", "3"}});
}

TEST_CASE("the newest few stay, and one of the same step is replaced") {
  const TemporaryFolder folder;
  Run run(folder.path(), {.global_batch = 7}, 2);
  std::filesystem::create_directory(folder / ".step-000000000001.writing");  // what a killed run leaves
  run.train(9, {2, 4, 6, 8});
  CHECK(run.checkpoints.list() == std::vector<std::string>{folder / "step-000000000006", folder / "step-000000000008"});
  run.checkpoints.save(8);
  Run other(folder.path(), {.global_batch = 7}, 2);
  CHECK(other.checkpoints.resume() == 8);
  CHECK(other.note == "after step 9");
  CHECK(folder.file_count() == 2);
}

TEST_CASE("a checkpoint that is damaged is named by load, and passed over by resume") {
  const TemporaryFolder folder;
  Run run(folder.path());
  run.train(6, {2, 4, 6});
  const std::string damaged = newest(run), shard = damaged + "/shard-00000-of-00001.safetensors", content = TemporaryFolder::read(shard);
  const auto load = [&](ts::SourceLocation at = ts::SourceLocation::current()) { Run(folder.path()).checkpoints.load(damaged, at); };
  const auto resume = [&](ts::SourceLocation at = ts::SourceLocation::current()) { return Run(folder.path()).checkpoints.resume(at); };
  CHECK(resume() == 6);

  SECTION("half a shard") {
    std::filesystem::resize_file(shard, content.size() / 2);
    expect_error([&] { load(); }, "FileError: Checkpoints::load\n  " + damaged + " is not complete: shard-00000-of-00001.safetensors has " + std::to_string(content.size() / 2) +
                           " bytes, and " + std::to_string(content.size()) + " were written\n  called at <here>");
    CHECK(resume() == 4);
  }
  SECTION("no shard") {
    std::filesystem::remove(shard);
    expect_error([&] { load(); }, "FileError: Checkpoints::load\n  " + damaged + " is not complete: shard-00000-of-00001.safetensors, shard 0 of 1, is missing\n  called at <here>");
    CHECK(resume() == 4);
  }
  SECTION("a byte that flipped") {
    std::string other = content;
    other[other.size() - 3] = static_cast<char>(other[other.size() - 3] ^ 4);
    folder.write("step-000000000006/shard-00000-of-00001.safetensors", other);
    expect_error([&] { load(); }, "FileError: Checkpoints::load\n  " + damaged + " is damaged: the checksum of shard-00000-of-00001.safetensors is not that of what was written\n  called at <here>");
    CHECK(resume() == 4);
  }
  SECTION("half a manifest") {
    std::filesystem::resize_file(damaged + "/manifest.json", 100);
    CHECK(error_text([&] { load(); }).find("cannot read " + damaged + "/manifest.json: it is not the manifest of a checkpoint, or damaged\n") != std::string::npos);
    CHECK(resume() == 4);
  }
  SECTION("slices that contradict each other") {
    change(damaged + "/manifest.json", "\"begin\":0", "\"begin\":1");
    CHECK(error_text([&] { load(); }).find("do not follow one another") != std::string::npos);
    CHECK(resume() == 4);
  }
  SECTION("no manifest: it is not a checkpoint") {
    std::filesystem::remove(damaged + "/manifest.json");
    expect_error([&] { load(); }, "FileError: Checkpoints::load\n  cannot read " + damaged + "/manifest.json\n  No such file or directory\n  is the name right, and does its directory exist?\n  called at <here>");
    CHECK(resume() == 4);
  }
  SECTION("none is whole") {
    for (const std::string& checkpoint : run.checkpoints.list()) std::filesystem::remove(checkpoint + "/shard-00000-of-00001.safetensors");
    expect_error([&] { resume(); }, "FileError: Checkpoints::resume\n  no checkpoint in " + folder.path() + " is whole\n  remove them to begin anew\n  called at <here>");
  }
}

TEST_CASE("what does not belong here is refused, and nothing has changed") {
  const TemporaryFolder folder;
  Run run(folder.path());
  run.train(4, {4});

  SECTION("the checkpoint of another network") {
    ts::models::MLP other{{8, 32, 16, 3}};
    ts::Checkpoints checkpoints(folder.path());
    checkpoints.add("net", other);
    const auto before = other.parameters()[0].detach().to_vector<float>();
    const std::string text = error_text([&] { checkpoints.resume(); });
    CHECK(text.find("FileError: Checkpoints::resume\n  " + newest(run) + " is not a checkpoint of what is trained here\n") == 0);
    CHECK(text.find("missing in the checkpoint (2):") != std::string::npos);
    CHECK(text.find("unexpected in the checkpoint (") != std::string::npos);
    CHECK(text.find("of another shape or type (2):") != std::string::npos);
    CHECK(text.find(": expected f32[16, 32], the checkpoint has f32[3, 32]") != std::string::npos);
    CHECK(other.parameters()[0].detach().to_vector<float>() == before);
  }
  SECTION("another seed of the data") {
    Run other(folder.path(), {.global_batch = 7, .shuffle = true, .seed = 5});
    const auto before = other.net.parameters()[0].detach().to_vector<float>();
    expect_error([&] { other.checkpoints.resume(); },
                 "FileError: Checkpoints::resume\n  the examples of \"data\" were shuffled from the seed 4 when the checkpoint was written, and are shuffled from the seed 5 here\n  called at <here>");
    CHECK(other.net.parameters()[0].detach().to_vector<float>() == before);
  }
  SECTION("a format of the future") {
    change(newest(run) + "/manifest.json", "\"version\":1", "\"version\":2");
    const std::string text = error_text([&] { Run(folder.path()).checkpoints.resume(); });
    CHECK(text.find("its format is version 2, written by Tasuki ") != std::string::npos);
    CHECK(text.find("this version reads formats up to 1; build the program with a newer one") != std::string::npos);
  }
}

namespace {

/// Rows of a matrix in two orders of memory, in parts of any size, as a process of a sharded job would have them.
struct Parts : ts::ShardedState {
  ts::Shape shape;
  ts::Dims order;
  std::vector<std::int64_t> bounds;
  std::vector<ts::Tensor> values;
  int loads = 0;
  Parts(ts::Shape s, ts::Dims o, std::vector<std::int64_t> b) : shape(s), order(o), bounds(std::move(b)) {
    for (std::size_t i = 0; i + 1 < bounds.size(); ++i) values.push_back(ts::zeros({bounds[i + 1] - bounds[i]}));
  }
  std::vector<ts::TensorSlice> slices() override {
    std::vector<ts::TensorSlice> list;
    for (std::size_t i = 0; i < values.size(); ++i) list.push_back({"state.0", shape, bounds[i], values[i], order});
    return list;
  }
  void loaded() override { ++loads; }
};

}  // namespace

TEST_CASE("sharded state is read in other parts, in another order of memory, and whole") {
  const TemporaryFolder folder;
  const ts::Shape shape{4, 3, 5};
  const ts::Tensor logical = ts::arange(60).to(ts::f32).reshape(shape);
  const ts::Dims last{0, 2, 1};
  const auto memory = [&](const ts::Dims& order) { return (order.empty() ? logical : logical.permute(order)).contiguous().reshape({60}); };
  for (const ts::Dims& written : {ts::Dims{}, last}) {
    Parts from(shape, written, {0, 7, 7, 31, 60});
    for (std::size_t i = 0; i < from.values.size(); ++i) from.values[i].copy_(memory(written).slice(0, from.bounds[i], from.bounds[i + 1]));
    ts::Checkpoints save(folder / "state");
    save.add("optimizer", from);
    save.save(1);
    for (const ts::Dims& read : {ts::Dims{}, last, ts::Dims{2, 1, 0}}) {
      Parts to(shape, read, {3, 20, 44, 45});
      ts::Checkpoints load(folder / "state");
      load.add("optimizer", to);
      CHECK(load.resume() == 1);
      CHECK(to.loads == 1);
      for (std::size_t i = 0; i < to.values.size(); ++i)
        CHECK(to.values[i].to_vector<float>() == memory(read).slice(0, to.bounds[i], to.bounds[i + 1]).to_vector<float>());
    }
    struct One : ts::ShardedState {
      ts::Tensor whole = ts::zeros({4, 3, 5});
      std::vector<ts::TensorSlice> slices() override { return {{"state.0", whole.shape(), 0, whole, {}}}; }
    } one;
    ts::Checkpoints load(folder / "state");
    load.add("optimizer", one);
    load.resume();
    CHECK(one.whole.to_vector<float>() == logical.to_vector<float>());
  }
}

TEST_CASE("slices that do not make up the whole are not written") {
  const TemporaryFolder folder;
  Parts gap({10}, {}, {0, 4});
  ts::Checkpoints checkpoints(folder / "state");
  checkpoints.add("optimizer", gap);
  expect_error([&] { checkpoints.save(1); },
               "FileError: Checkpoints::save\n"
               "  the slices of optimizer/state.0 on all processes do not make it up: elements from 4 on are missing, or are in two different slices\n"
               "  called at <here>");
  CHECK(checkpoints.list().empty());
}

TEST_CASE("misuse of checkpoints") {
  const TemporaryFolder folder;
  ts::Generator g;
  expect_error([] { ts::Checkpoints{""}; }, "ValueError: Checkpoints\n  expected  !folder.empty()\n  the folder for checkpoints has no name\n  called at <here>");
  expect_error([&] { ts::Checkpoints{folder.path(), {.keep = 0}}; }, "ValueError: Checkpoints\n  expected  options.keep >= 1\n  actual    0 < 1\n  called at <here>");
  ts::Checkpoints checkpoints(folder / "file/below");
  checkpoints.add("g", g);
  expect_error([&] { checkpoints.add("g", g); }, "ValueError: expected  !taken\n  the checkpoint has something by the name \"g\" already");
  expect_error([&] { checkpoints.add("random", g); }, "ValueError: expected  !taken\n  the checkpoint has something by the name \"random\" already: the default random stream");
  CHECK(error_text([&] { checkpoints.add("a/b", g); }).find("is given the name \"a/b\"") != std::string::npos);
  expect_error([&] { checkpoints.save(-1); }, "ValueError: Checkpoints::save\n  expected  step >= 0\n  actual    -1 < 0\n  called at <here>");
  folder.write("file", "in the way");
  expect_error([&] { checkpoints.save(1); }, "FileError: Checkpoints::save\n  cannot make the folder " + folder.path() + "/file/below\n  Not a directory\n  called at <here>");
}
