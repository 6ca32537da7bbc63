#pragma once
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "tasuki/core/dtype.hpp"
#include "tasuki/core/shape.hpp"
#include "tasuki/tensor/tensor.hpp"

/// Arrays of doubles on the host, to write references in and to compare with. They share no code with the library's ops.
namespace tasuki::testing {

/// Row-major elements of any dtype, carried as doubles.
struct HostArray {
  Shape shape{};
  std::vector<double> values{};

  HostArray() = default;
  explicit HostArray(const Shape& s, double fill = 0) : shape(s), values(static_cast<std::size_t>(s.numel()), fill) {}
  HostArray(const Shape& s, std::vector<double> v) : shape(s), values(std::move(v)) {}

  std::int64_t numel() const { return static_cast<std::int64_t>(values.size()); }
  double& operator[](std::int64_t i) { return values[static_cast<std::size_t>(i)]; }
  double operator[](std::int64_t i) const { return values[static_cast<std::size_t>(i)]; }
  double& at(std::initializer_list<std::int64_t> index) { return (*this)[position(index)]; }
  double at(std::initializer_list<std::int64_t> index) const { return (*this)[position(index)]; }
  /// Row-major position of an index with one number per dimension.
  std::int64_t position(std::initializer_list<std::int64_t> index) const;
  /// The element that a NumPy-style broadcast of this array to `to` has at row-major position `i` of `to`.
  double broadcast(const Shape& to, std::int64_t i) const;
};

/// The shape that NumPy broadcasts `a` and `b` to.
Shape broadcast_shape(const Shape& a, const Shape& b);

/// Where to_tensor makes tensors: the CPU, or what the environment variable TASUKI_TEST_DEVICE names ("sim", "lagging sim", or as
/// Device::parse takes it). Tests whose operands come from to_tensor run on any device; those that do not are tagged [cpu].
Device device_under_test();

/// A dense row-major tensor with these values, rounded to `dtype`; it does not require gradients.
Tensor to_tensor(const HostArray& array, DType dtype);
/// The same from a plain list: to_tensor({2, 2}, {1, 2, 3, 4}).
Tensor to_tensor(const Shape& shape, std::initializer_list<double> values, DType dtype = f32);
/// The elements in row-major order, read through the tensor's own strides.
HostArray to_host(const Tensor& tensor);
/// The bytes of the elements in row-major order: equal strings mean bitwise equal tensors of one dtype.
std::string bytes_of(const Tensor& tensor);

/// What `value` becomes when stored as `dtype`.
double rounded_to(double value, DType dtype);

struct Tolerance {
  double rtol = 0;
  double atol = 0;
};
/// Fits one or two roundings of the dtype and sums of a few dozen terms.
Tolerance tolerance_of(DType dtype);

/// Empty when every |actual - expected| <= atol + rtol |expected| (NaN equals NaN, infinities equal their like); otherwise a text
/// with the worst entry. `dtype` says at which magnitude a finite expected value becomes an infinity.
std::string difference(const HostArray& actual, const HostArray& expected, Tolerance tolerance, DType dtype = f64);

}  // namespace tasuki::testing
