#pragma once
#include <cmath>
#include <initializer_list>

#include "tasuki/autograd/grad_mode.hpp"
#include "tasuki/nn/module.hpp"
#include "tests/catch.hpp"
#include "tests/support/host_array.hpp"

/// For comparisons with PyTorch's modules: operands and weights that both sides can make.
namespace tasuki::testing {

/// Entry i is scale sin(0.37 i + phase).
inline Tensor wave(const Shape& shape, double scale, double phase) {
  HostArray values(shape);
  for (std::int64_t i = 0; i < values.numel(); ++i) values[i] = scale * std::sin(0.37 * static_cast<double>(i) + phase);
  return to_tensor(values, f32);
}

/// Entry i of the k-th parameter becomes sin(0.37 i + k) / 2.
inline void set_known_weights(const nn::Module& module) {
  const NoGrad off;
  double phase = 0;
  for (const auto& [name, parameter] : module.named_parameters()) parameter.copy_(wave(parameter.shape(), 0.5, phase++));
}

inline double norm(const Tensor& x) {
  double squares = 0;
  for (const double v : to_host(x).values) squares += v * v;
  return std::sqrt(squares);
}

inline void check_row(const Tensor& row, std::initializer_list<double> expected) {
  const HostArray values = to_host(row);
  std::int64_t i = 0;
  for (const double v : expected) CHECK(values[i++] == Approx(v).margin(2e-5));
}

}  // namespace tasuki::testing
