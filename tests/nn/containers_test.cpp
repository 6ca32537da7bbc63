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
