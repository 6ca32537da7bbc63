#include "tasuki/autograd/autograd.hpp"
#include "tasuki/core/context.hpp"
#include "tests/autograd/functions.hpp"
#include "tests/catch.hpp"
#include "tests/support/host_array.hpp"

namespace ts = tasuki;
using namespace tasuki::testing;
using ts::Tensor;
using Catch::Contains;

TEST_CASE("the drawing shows ops, modules, attributes, shapes, leaves and views") {
  const Tensor x = to_tensor({2, 3}, {1, 2, 3, 4, 5, 6}).requires_grad_();
  Tensor y;
  {
    const ts::ModuleScope scope(ts::intern("encoder.\"fc1\""));
    y = ts::apply(Scale{2}, {&x});
  }
  const std::string dot = ts::graphviz((y.transpose(0, 1) * 3).sum());
  CHECK_THAT(dot, Contains("digraph"));
  CHECK_THAT(dot, Contains("scale\\nencoder.\\\"fc1\\\"\\nfactor=2.000000\\nf32[2, 3]"));
  CHECK_THAT(dot, Contains("style=dashed"));  // the transpose
  CHECK_THAT(dot, Contains("leaf\\nf32[2, 3]"));
}

TEST_CASE("a shared node is drawn once, with one arrow per use") {
  const Tensor x = to_tensor({1}, {1}).requires_grad_();
  const Tensor shared = ts::apply(Scale{2}, {&x});
  const std::string dot = ts::graphviz(shared * shared);
  std::size_t boxes = 0, arrows = 0;
  for (std::size_t p = dot.find("label=\"scale"); p != std::string::npos; p = dot.find("label=\"scale", p + 1)) ++boxes;
  for (std::size_t p = dot.find("->"); p != std::string::npos; p = dot.find("->", p + 1)) ++arrows;
  CHECK(boxes == 1);
  CHECK(arrows == 3);
}

TEST_CASE("a tensor without a tape cannot be drawn") { CHECK_THROWS_AS(ts::graphviz(to_tensor({1}, {1})), ts::AutogradError); }
