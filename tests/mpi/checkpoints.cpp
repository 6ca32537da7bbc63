// Checkpoints that cannot be read: every process is told the same, and nothing has changed.
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>

#include "tests/mpi/ranks.hpp"

namespace ts = tasuki;
namespace fs = std::filesystem;

void damaged_checkpoints(const ts::dist::World& world) {
  const std::string name = world.rank() ? std::string() : (fs::temp_directory_path() / ("tasuki-damaged-" + std::to_string(getpid()))).string();
  const std::string folder = world.gather_texts(name, "");
  const auto on_rank_0 = [&](const auto& f) {
    if (world.rank() == 0) f();
    world.barrier();
  };
  ts::manual_seed(3);
  ts::nn::Linear net{300, 200};
  ts::Checkpoints checkpoints{folder};
  checkpoints.add("net", net);
  const ts::NoGrad off;
  for (const int step : {1, 2}) {
    net.weight.fill_(step);
    checkpoints.save(step);
  }
  const std::string newest = folder + "/step-000000000002", shard = newest + "/shard-00001-of-00002.safetensors", kept = folder + "/kept";
  const auto told = [&](const std::string& text) {
    net.weight.fill_(7);
    CHECK(contains(message_of([&] { checkpoints.load(newest); }), text));
    CHECK(ts::sum(net.weight.ne(7)).item<std::int64_t>() == 0);
    CHECK(checkpoints.resume() == 1);  // the one before
    CHECK(ts::sum(net.weight.ne(1)).item<std::int64_t>() == 0);
  };
  on_rank_0([&] { fs::rename(shard, kept); });
  told("is not complete: shard-00001-of-00002.safetensors, shard 1 of 2, is missing");
  on_rank_0([&] { fs::copy_file(kept, shard), fs::resize_file(shard, fs::file_size(shard) / 2); });
  told("is not complete: shard-00001-of-00002.safetensors has ");
  on_rank_0([&] {
    fs::copy_file(kept, shard, fs::copy_options::overwrite_existing);
    std::FILE* const file = std::fopen(shard.c_str(), "r+b");
    CHECK(file && std::fseek(file, -5, SEEK_END) == 0 && std::fputc(99, file) == 99 && std::fclose(file) == 0);
  });
  told("is damaged: the checksum of shard-00001-of-00002.safetensors is not that of what was written");
  on_rank_0([&] { fs::copy_file(kept, shard, fs::copy_options::overwrite_existing); });
  CHECK(checkpoints.load(newest) == 2);

  ts::nn::Linear other{300, 201};
  other.weight.fill_(7);
  ts::Checkpoints of_other{folder};
  of_other.add("net", other);
  const std::string text = message_of([&] { of_other.resume(); });
  CHECK(contains(text, "FileError: Checkpoints::resume") && contains(text, "is not a checkpoint of what is trained here") && contains(text, "net/weight: expected f32[201, 300], the checkpoint has f32[200, 300]"));
  CHECK(ts::sum(other.weight.ne(7)).item<std::int64_t>() == 0);
  world.barrier();
  on_rank_0([&] { fs::remove_all(folder); });
}
