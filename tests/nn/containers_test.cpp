#include "tasuki/nn/containers.hpp"

#include <string>
#include <vector>

#include "tasuki/core/error.hpp"
#include "tasuki/nn/activation.hpp"
#include "tasuki/nn/linear.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/catch.hpp"

namespace ts = tasuki;
namespace nn = ts::nn;
using ts::Tensor;

namespace {
/// A user's module: its operator() is not const, and takes no place.
struct AddOne : nn::Module {
  int calls = 0;
  Tensor operator()(const Tensor& x) {
    ++calls;
    return x + 1;
  }
};
}  // namespace

TEST_CASE("Sequential calls its modules one after the other") {
  nn::Sequential net{AddOne{}, nn::ReLU{}};
  net.append(AddOne{}).append(AddOne{});
  CHECK(net(ts::tensor({-5.0f, 1.0f})).to_vector<float>() == std::vector<float>{2, 4});
  CHECK(net.size() == 4);
  CHECK(static_cast<AddOne&>(net[2]).calls == 1);
}

TEST_CASE("an empty Sequential is the identity") {
  const nn::Sequential net;
  const Tensor x = ts::ones({2});
  CHECK(net(x).is_same(x));
}

TEST_CASE("modules of a Sequential are named by number, also within a member and after moves") {
  struct Net : nn::Module {
    nn::Sequential body{this, "body", nn::Linear{2, 3}, nn::ReLU{}};
    Net() { body.append(nn::Linear{3, 1}); }
  };
  Net first;
  const Net net = std::move(first);
  std::vector<std::string> names;
  for (const auto& [name, p] : net.named_parameters()) names.push_back(name);
  CHECK(names == std::vector<std::string>{"body.0.weight", "body.0.bias", "body.2.weight", "body.2.bias"});
  CHECK(std::string(net.body[2].path()) == "body.2");
}

TEST_CASE("a Sequential within a Sequential nests its names") {
  nn::Sequential net{nn::Sequential{nn::Linear{1, 1}, nn::ReLU{}}, nn::Linear{1, 1, {.bias = false}}};
  REQUIRE(net.size() == 2);
  const auto named = net.named_parameters();
  CHECK(named[0].name == "0.0.weight");
  CHECK(named[2].name == "1.weight");
}

TEST_CASE("ModuleList hands out its modules as what they are") {
  nn::ModuleList list;
  nn::Linear& placed = list.append(nn::Linear{2, 2});
  list.append(nn::ReLU{});
  CHECK(&list.at<nn::Linear>(0) == &placed);
  CHECK(list[1].type_name() == "ReLU");
  CHECK_THROWS_AS(list.at<nn::Linear>(1), ts::ValueError);
  CHECK_THROWS_AS(list[2], ts::IndexError);
}

TEST_CASE("a ModuleList is walked through as modules, and as what they are") {
  nn::ModuleList list;
  for (const std::int64_t width : {2, 3, 4}) list.append(nn::Linear{width, 1});
  std::vector<std::int64_t> widths;
  for (nn::Linear& layer : list.each<nn::Linear>()) widths.push_back(layer.weight.size(1));
  CHECK(widths == std::vector<std::int64_t>{2, 3, 4});
  std::vector<std::string> paths;
  for (nn::Module& module : list) paths.push_back(module.path());
  CHECK(paths == std::vector<std::string>{"0", "1", "2"});
}

TEST_CASE("a ModuleDict keeps its modules by name, in the order in which they came") {
  struct Net : nn::Module {
    nn::ModuleDict heads{this, "heads"};
    Net() {
      heads.insert("digits", nn::Linear{4, 10});
      heads.insert("colours", nn::ReLU{});
    }
  };
  Net first;
  first.heads.at<nn::Linear>("digits").weight.detach().fill_(3);
  const Net net = std::move(first);
  CHECK(net.named_parameters()[0].name == "heads.digits.weight");
  CHECK(net.heads.size() == 2);
  CHECK(net.heads.contains("colours"));
  CHECK_FALSE(net.heads.contains("shapes"));
  std::vector<std::string> names;
  for (const auto& [name, module] : net.heads) names.push_back(name + ": " + module->type_name());
  CHECK(names == std::vector<std::string>{"digits: Linear", "colours: ReLU"});

  const Net copy = nn::clone(net);
  net.heads.at<nn::Linear>("digits").weight.detach().fill_(0);
  CHECK(copy.heads.at<nn::Linear>("digits").weight.to_vector<float>()[0] == 3);
}

TEST_CASE("ParameterList and ParameterDict hold parameters that a network learns, saves and clones") {
  struct Net : nn::Module {
    nn::ParameterList scales{this, "scales"};
    nn::ParameterDict gains{this, "gains"};
    Net() {
      for (const int n : {1, 2}) scales.append(ts::full({n}, n));
      gains.insert("left", ts::full({3}, 5));
      gains.insert("right", ts::full({3}, 7, {.dtype = ts::f64}));
    }
  };
  const Net net;
  std::vector<std::string> names;
  for (const auto& [name, p] : net.named_parameters()) {
    names.push_back(name);
    CHECK(p.requires_grad());
  }
  CHECK(names == std::vector<std::string>{"scales.0", "scales.1", "gains.left", "gains.right"});
  (net.scales[1] * 2).sum().backward();
  CHECK(net.scales[1].grad().to_vector<float>() == std::vector<float>{2, 2});

  double sum = 0;
  for (const Tensor& scale : net.scales) sum += scale.sum().item<float>();
  CHECK(sum == 5);
  for (const auto& [name, gain] : net.gains) CHECK(gain.to(ts::f64).to_vector<double>()[0] == (name == "left" ? 5 : 7));
  CHECK(net.gains.contains("right"));
  CHECK_FALSE(net.gains.contains("middle"));

  const Net copy = nn::clone(net);
  net.gains["left"].detach().fill_(0);
  CHECK(copy.gains["left"].to_vector<float>() == std::vector<float>{5, 5, 5});
  const nn::ModulePtr list = net.scales.clone();
  CHECK(static_cast<nn::ParameterList&>(*list)[1].to_vector<float>() == std::vector<float>{2, 2});
  const nn::ModulePtr dict = net.gains.clone();
  CHECK(static_cast<nn::ParameterDict&>(*dict)["right"].dtype() == ts::f64);
}
