#pragma once
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "tasuki/nn/containers.hpp"
#include "tasuki/tensor/creation.hpp"
#include "tests/catch.hpp"
#include "tests/support/expect_error.hpp"

/// Tables of misuses, and what a user reads after each. A structure test wants a row for each layer, optimizer and schedule.
namespace tasuki::testing::misuse {

struct Misuse {
  const char* name;  ///< of the class
  void (*misuse)();
  const char* text;  ///< without the line that says where
};

template <std::size_t count>
void check(const Misuse (&misuses)[count]) {
  for (const Misuse& m : misuses) {
    INFO(m.name);
    std::string text = error_text(m.misuse);
    if (const std::size_t place = text.find("\n  called at "); place != std::string::npos) text.resize(place);
    CHECK(text == m.text);
  }
}

/// Calls a layer within a network, as its module "0".
template <class Layer>
void call(Layer layer, const Tensor& x) {
  nn::Sequential net{std::move(layer)};
  (void)net.named_modules();  // gives the layer its path
  net(x);
}

inline Tensor x(const Shape& shape, DType dtype = f32) { return zeros(shape, {.dtype = dtype}); }
inline Tensor on_sim(const Shape& shape) { return zeros(shape, {.device = Device::parse("sim")}); }
inline Tensor labels(const Shape& shape, double value = 0) { return full(shape, value, {.dtype = i64}); }
inline Tensor flags() { return zeros({2}, {.dtype = bool_}); }
inline std::vector<Tensor> weights() { return {ones({2}, {.requires_grad = true})}; }

}  // namespace tasuki::testing::misuse
