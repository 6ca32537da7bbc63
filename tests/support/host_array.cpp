#include "tests/support/host_array.hpp"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>

#include "tasuki/core/half.hpp"
#include "tasuki/runtime/runtime.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki::testing {
namespace {

double load(const void* data, std::int64_t i, DType dtype) {
  switch (dtype) {
    case DType::f32: return static_cast<const float*>(data)[i];
    case DType::f64: return static_cast<const double*>(data)[i];
    case DType::bf16: return static_cast<float>(static_cast<const bfloat16*>(data)[i]);
    case DType::f16: return static_cast<float>(static_cast<const float16*>(data)[i]);
    case DType::i64: return static_cast<double>(static_cast<const std::int64_t*>(data)[i]);
    case DType::i32: return static_cast<const std::int32_t*>(data)[i];
    default: return static_cast<const unsigned char*>(data)[i];
  }
}

void store(void* data, std::int64_t i, DType dtype, double value) {
  switch (dtype) {
    case DType::f32: static_cast<float*>(data)[i] = static_cast<float>(value); break;
    case DType::f64: static_cast<double*>(data)[i] = value; break;
    case DType::bf16: static_cast<bfloat16*>(data)[i] = bfloat16(static_cast<float>(value)); break;
    case DType::f16: static_cast<float16*>(data)[i] = float16(static_cast<float>(value)); break;
    case DType::i64: static_cast<std::int64_t*>(data)[i] = static_cast<std::int64_t>(value); break;
    case DType::i32: static_cast<std::int32_t*>(data)[i] = static_cast<std::int32_t>(value); break;
    case DType::u8: static_cast<unsigned char*>(data)[i] = static_cast<unsigned char>(value); break;
    case DType::boolean: static_cast<unsigned char*>(data)[i] = value != 0; break;
  }
}

/// Calls visit(element offset) for every element in row-major order.
template <class Visit>
void walk(const Shape& shape, const Strides& strides, Visit visit) {
  const std::int64_t count = shape.numel();
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t rest = i, offset = 0;
    for (int d = shape.ndim() - 1; d >= 0; --d) {
      offset += rest % shape[d] * strides[d];
      rest /= shape[d];
    }
    visit(offset);
  }
}

double largest_finite(DType dtype) {
  switch (dtype) {
    case DType::f16: return 65504;
    case DType::bf16: return 0x1.fep127;
    case DType::f32: return std::numeric_limits<float>::max();
    default: return std::numeric_limits<double>::max();
  }
}

std::string index_text(const Shape& shape, std::int64_t i) {
  Shape index = shape;
  for (int d = shape.ndim() - 1; d >= 0; --d) {
    index[d] = i % shape[d];
    i /= shape[d];
  }
  return index.to_string();
}

}  // namespace

std::int64_t HostArray::position(std::initializer_list<std::int64_t> index) const {
  std::int64_t p = 0;
  int d = 0;
  for (std::int64_t i : index) p = p * shape[d++] + i;
  return p;
}

double HostArray::broadcast(const Shape& to, std::int64_t i) const {
  std::int64_t p = 0, stride = 1;
  int own = shape.ndim() - 1;
  for (int d = to.ndim() - 1; d >= 0 && own >= 0; --d, --own) {
    if (shape[own] != 1) p += i % to[d] * stride;
    stride *= shape[own];
    i /= to[d];
  }
  return (*this)[p];
}

Shape broadcast_shape(const Shape& a, const Shape& b) {
  Shape out = a.ndim() >= b.ndim() ? a : b;
  const Shape& shorter = a.ndim() >= b.ndim() ? b : a;
  const int shift = out.ndim() - shorter.ndim();
  for (int d = 0; d < shorter.ndim(); ++d)
    if (out[d + shift] == 1) out[d + shift] = shorter[d];
  return out;
}

Device device_under_test() {
  static const Device device = [] {
    const char* name = std::getenv("TASUKI_TEST_DEVICE");
    if (!name) return Device::cpu();
    // Poison shows who reads what was given back, and the seeded schedule, which lags as far behind the host as it can, who
    // relies on what the host has taken away since.
    SimOptions options{.bytes = std::size_t{1} << 30, .poison = true};
    if (name == std::string("lagging sim")) options.schedule = SimSchedule::seeded;
    else if (name != std::string("sim")) return Device::parse(name);
    return Device::sim(0, options);
  }();
  return device;
}

Tensor to_tensor(const HostArray& array, DType dtype) {
  Storage* storage = Storage::allocate(runtime_of(Device::cpu()), array.values.size() * size_of(dtype), OwnerClass::input);
  for (std::int64_t i = 0; i < array.numel(); ++i) store(storage->data(), i, dtype, array[i]);
  return Tensor::adopt(TensorImpl::create(storage, 0, dtype, array.shape, contiguous_strides(array.shape))).to(device_under_test());
}

Tensor to_tensor(const Shape& shape, std::initializer_list<double> values, DType dtype) {
  return to_tensor(HostArray(shape, std::vector<double>(values)), dtype);
}

HostArray to_host(const Tensor& tensor) {
  const Tensor host = tensor.device().is_cpu() ? tensor : tensor.cpu();
  HostArray out{host.shape(), std::vector<double>{}};
  out.values.reserve(static_cast<std::size_t>(host.numel()));
  const void* data = host.numel() ? host.impl()->address() : nullptr;
  walk(host.shape(), host.strides(), [&](std::int64_t offset) { out.values.push_back(load(data, offset, host.dtype())); });
  return out;
}

std::string bytes_of(const Tensor& tensor) {
  const Tensor host = tensor.device().is_cpu() ? tensor : tensor.cpu();
  const std::size_t size = size_of(host.dtype());
  std::string out;
  out.reserve(static_cast<std::size_t>(host.numel()) * size);
  const char* data = host.numel() ? static_cast<const char*>(host.impl()->address()) : nullptr;
  walk(host.shape(), host.strides(),
       [&](std::int64_t offset) { out.append(data + offset * static_cast<std::int64_t>(size), size); });
  return out;
}

double rounded_to(double value, DType dtype) {
  alignas(8) unsigned char place[8];
  store(place, 0, dtype, value);
  return load(place, 0, dtype);
}

Tolerance tolerance_of(DType dtype) {
  switch (dtype) {
    case DType::f64: return {1e-11, 1e-12};
    case DType::f32: return {2e-5, 1e-6};
    case DType::bf16: return {1.6e-2, 1e-2};
    case DType::f16: return {2e-3, 2e-3};
    default: return {0, 0};
  }
}

std::string difference(const HostArray& actual, const HostArray& expected, Tolerance tolerance, DType dtype) {
  if (!(actual.shape == expected.shape)) return "shape " + actual.shape.to_string() + " instead of " + expected.shape.to_string();
  std::int64_t worst = -1, wrong = 0;
  double worst_excess = 0;
  for (std::int64_t i = 0; i < expected.numel(); ++i) {
    const double a = actual[i], e = expected[i];
    if (a == e || (std::isnan(a) && std::isnan(e))) continue;
    const double edge = largest_finite(dtype) * (1 - tolerance.rtol);
    if (std::isinf(a) && std::fabs(e) >= edge && std::signbit(a) == std::signbit(e)) continue;
    const double excess = std::fabs(a - e) / (tolerance.atol + tolerance.rtol * std::fabs(e));
    if (excess <= 1) continue;
    ++wrong;
    // written so that a NaN counts as worst
    if (worst < 0 || !(excess <= worst_excess)) {
      worst = i;
      worst_excess = excess;
    }
  }
  if (wrong == 0) return {};
  char text[256];
  std::snprintf(text, sizeof text, "%lld of %lld entries differ; worst at %s: %.17g instead of %.17g (%.3g times the tolerance)",
                static_cast<long long>(wrong), static_cast<long long>(expected.numel()), index_text(expected.shape, worst).c_str(),
                actual[worst], expected[worst], worst_excess);
  return text;
}

}  // namespace tasuki::testing
