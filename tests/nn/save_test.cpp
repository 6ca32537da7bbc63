// Networks and optimizers through files: what is loaded is what was saved.
#include "tasuki/io/save.hpp"

#include <cstdio>
#include <string>
#include <vector>

#include "tasuki/autograd/autograd.hpp"
#include "tasuki/nn/containers.hpp"
#include "tasuki/nn/linear.hpp"
#include "tasuki/nn/norm.hpp"
#include "tasuki/ops/random.hpp"
#include "tasuki/ops/reduce.hpp"
#include "tasuki/optim/adam.hpp"
#include "tests/catch.hpp"

namespace ts = tasuki;
namespace nn = ts::nn;
using ts::Tensor;

namespace {

struct File {
  std::string path;
  explicit File(const char* name) : path(name) {}
  ~File() { std::remove(path.c_str()); }
};

struct SavedNet : nn::Module {
  nn::Sequential body{this, "body", nn::Linear{4, 6}, nn::BatchNorm1d{6}};
  nn::Linear a{this, "a", 6, 6, {.bias = false}}, b{this, "b", 6, 6, {.bias = false}};
  SavedNet() { b.weight = a.weight; }
  Tensor operator()(const Tensor& x) { return b(a(body(x))); }
};

}  // namespace

TEST_CASE("a network loads its parameters and running statistics back") {
  const File file("nn_save.safetensors");
  SavedNet trained, fresh;
  const Tensor x = ts::randn({8, 4});
  (void)trained(x);  // moves the running statistics
  ts::save(trained, file.path);
  const std::vector<Tensor> handles = fresh.parameters();
  const ts::LoadReport report = ts::load(fresh, file.path);
  CHECK(report.missing.empty());
  CHECK(report.unexpected.empty());
  CHECK(fresh.parameters()[0].is_same(handles[0]));
  trained.eval();
  fresh.eval();
  CHECK(fresh(x).to_vector<float>() == trained(x).to_vector<float>());
}

TEST_CASE("a shared parameter is in the file once, and loads under any of its names") {
  const File file("nn_save_tied.safetensors");
  SavedNet net;
  ts::save(net, file.path);
  CHECK(ts::safetensors::File(file.path).contains("a.weight"));
  CHECK_FALSE(ts::safetensors::File(file.path).contains("b.weight"));

  auto renamed = ts::load_tensors(file.path);
  for (auto& [name, tensor] : renamed)
    if (name == "a.weight") name = "b.weight";
  ts::save_tensors(renamed, file.path);
  SavedNet other;
  CHECK(ts::load(other, file.path).missing.empty());
  CHECK(other.a.weight.to_vector<float>() == net.a.weight.to_vector<float>());
}

TEST_CASE("what does not fit is reported when loading is not strict") {
  const File file("nn_save_part.safetensors");
  nn::Sequential small{nn::Linear{4, 6}};
  ts::save(small, file.path);
  nn::Sequential large{nn::Linear{4, 6}, nn::Linear{6, 2, {.bias = false}}};
  const ts::LoadReport report = ts::load(large, file.path, {.strict = false});
  CHECK(report.missing == std::vector<std::string>{"1.weight"});
  CHECK(large.parameters()[0].to_vector<float>() == small.parameters()[0].to_vector<float>());
}

TEST_CASE("training goes on from files as if it had not stopped") {
  const File weights("nn_save_net.safetensors"), state("nn_save_adam.safetensors");
  const Tensor x = ts::randn({8, 4});
  const auto step = [&](nn::Linear& net, ts::optim::AdamW& opt) {
    opt.zero_grad();
    ts::sum(net(x) * net(x)).backward();
    opt.step();
  };
  nn::Linear net{4, 3};
  ts::optim::AdamW opt{net.parameters(), {.lr = 0.1}};
  for (int i = 0; i < 3; ++i) step(net, opt);
  ts::save(net, weights.path);
  ts::save(opt, state.path);
  for (int i = 0; i < 3; ++i) step(net, opt);

  nn::Linear resumed{4, 3};
  ts::optim::AdamW resumed_opt{resumed.parameters()};
  ts::load(resumed, weights.path);
  ts::load(resumed_opt, state.path);
  for (int i = 0; i < 3; ++i) step(resumed, resumed_opt);
  CHECK(resumed.weight.to_vector<float>() == net.weight.to_vector<float>());
  CHECK(resumed.bias.to_vector<float>() == net.bias.to_vector<float>());
}
