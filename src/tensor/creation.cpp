#include "tasuki/tensor/creation.hpp"

#include <cmath>
#include <cstring>

#include "src/core/annotated.hpp"
#include "tasuki/core/context.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/tensor/layout.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki {

namespace {

/// Runs f; what it throws gets the function's name and the caller's place, as an op's errors do.
template <class F>
auto named(const char* function, SourceLocation at, F&& f) {
  return annotated(function, current_module(), at, [] { return std::string(); }, std::forward<F>(f));
}

Tensor allocate_checked(const Shape& shape, DType dtype, Device device) {
  detail::check_allocatable(shape, dtype);
  return detail::allocate(device, shape, dtype, OwnerClass::activation);
}

/// Writes value(i) for all i into a new row-major CPU tensor. T computes in double or std::int64_t.
template <class Value>
Tensor generate(const Shape& shape, DType dtype, Value value) {
  Tensor result = allocate_checked(shape, dtype, Device::cpu());
  void* data = result.impl()->address();
  const std::int64_t n = result.numel();
  const auto write = [&]<class T>(T* out) {
    for (std::int64_t i = 0; i < n; ++i) {
      if constexpr (std::is_same_v<T, bfloat16> || std::is_same_v<T, float16>) out[i] = T(static_cast<float>(value(i)));
      else out[i] = static_cast<T>(value(i));
    }
  };
  switch (dtype) {
    case DType::f32: write(static_cast<float*>(data)); break;
    case DType::f64: write(static_cast<double*>(data)); break;
    case DType::bf16: write(static_cast<bfloat16*>(data)); break;
    case DType::f16: write(static_cast<float16*>(data)); break;
    case DType::i64: write(static_cast<std::int64_t*>(data)); break;
    case DType::i32: write(static_cast<std::int32_t*>(data)); break;
    case DType::u8: write(static_cast<std::uint8_t*>(data)); break;
    case DType::boolean: write(static_cast<bool*>(data)); break;
  }
  return result;
}

Tensor finish(Tensor result, Device device, bool requires_grad, SourceLocation at) {
  if (device != result.device()) result = result.to(device, at);
  if (requires_grad) result.requires_grad_(true, at);
  return result;
}

/// Converting a double that an integer type cannot hold is undefined: say so instead.
void check_holds(DType dtype, double value) {
  if (is_floating(dtype)) return;
  const double low = dtype == DType::i64 ? -0x1p63 : dtype == DType::i32 ? -0x1p31 : 0;
  const double high = dtype == DType::i64 ? 0x1p63 : dtype == DType::i32 ? 0x1p31 : dtype == DType::u8 ? 256 : 2;
  if (!(std::trunc(value) >= low && std::trunc(value) < high)) TASUKI_THROW(ValueError, dtype, " cannot hold ", value);
}

Tensor filled(const char* function, const Shape& shape, double value, const TensorOptions& options, SourceLocation at) {
  return named(function, at, [&] {
    check_holds(options.dtype, value);
    Tensor result = allocate_checked(shape, options.dtype, options.device);
    result.fill_(value, at);
    return finish(std::move(result), options.device, options.requires_grad, at);
  });
}

Tensor filled_like(const char* function, const Tensor& like, double value, const InferredOptions& options, SourceLocation at) {
  return named(function, at, [&] {
    check_holds(options.dtype.value_or(like.dtype()), value);
    Tensor result = empty_like(like, {.dtype = options.dtype, .device = options.device}, at);
    result.fill_(value, at);
    return finish(std::move(result), result.device(), options.requires_grad, at);
  });
}

}  // namespace

namespace detail {

void check_allocatable(const Shape& shape, DType dtype) {
  std::int64_t elements = 1;
  bool overflow = false;
  for (int d = 0; d < shape.ndim(); ++d) {
    TASUKI_CHECK(ShapeError, shape[d] >= 0, "dimension ", d, " of shape ", shape, " is negative");
    // a size of zero must not hide an overflow: strides are products of the other sizes
    if (shape[d] != 0) overflow |= __builtin_mul_overflow(elements, shape[d], &elements);
  }
  overflow |= __builtin_mul_overflow(elements, static_cast<std::int64_t>(size_of(dtype)), &elements);
  if (overflow) TASUKI_THROW(ShapeError, "shape ", shape, " of ", dtype, " has more bytes than 64 bits can count");
}

Tensor from_host(const void* values, const Shape& shape, DType values_are, DType natural, const InferredOptions& options,
                 SourceLocation at) {
  return named("tensor", at, [&] {
    Tensor result = allocate_checked(shape, values_are, Device::cpu());
    if (result.numel() > 0) {
      TASUKI_CHECK(ValueError, values != nullptr, "there are no values to copy");
      std::memcpy(result.impl()->address(), values, result.nbytes());
    }
    const DType dtype = options.dtype.value_or(natural);
    if (dtype != values_are) result = result.to(dtype, at);
    return finish(std::move(result), options.device.value_or(default_device()), options.requires_grad, at);
  });
}

void ragged_list(std::int64_t row, std::int64_t expected, std::int64_t actual, SourceLocation at) {
  ShapeError error(concat({"expected  rows of one length: ", expected, " elements, as in row 0\nactual    row ", row, " has ", actual}));
  error.add_op("tensor", current_module(), "", at);
  throw error;
}

void too_large_for_i64(unsigned long long value, SourceLocation at) {
  ValueError error(concat({"i64 cannot hold ", value}));
  error.add_op("tensor", current_module(), "", at);
  throw error;
}

void check_value_count(std::int64_t values, const Shape& shape, SourceLocation at) {
  named("from", at, [&] {
    detail::check_allocatable(shape, DType::u8);
    TASUKI_CHECK_OP(ShapeError, values, ==, shape.numel(), "the vector must have one value for each element of shape ", shape);
  });
}

}  // namespace detail

Tensor from_blob(void* data, const Shape& shape, DType dtype, Callback<void(void*)> release, SourceLocation at) {
  return named("from_blob", at, [&] {
    detail::check_allocatable(shape, dtype);
    TASUKI_CHECK(ValueError, data != nullptr || shape.numel() == 0, "the memory of ", shape, " elements is not there");
    TASUKI_CHECK(ValueError, reinterpret_cast<std::uintptr_t>(data) % size_of(dtype) == 0, "memory for ", dtype,
                 " must be aligned to ", size_of(dtype), " bytes");
    struct Keeper {
      void* data;
      Callback<void(void*)> release;
    };
    Keeper* keeper = release ? new Keeper{data, std::move(release)} : nullptr;
    const auto let_go = [](void* context) {
      if (auto* k = static_cast<Keeper*>(context)) {
        k->release(k->data);
        delete k;
      }
    };
    Storage* storage = Storage::borrow(runtime_of(Device::cpu()), data, static_cast<std::size_t>(shape.numel()) * size_of(dtype), let_go, keeper);
    return Tensor::adopt(TensorImpl::create(storage, 0, dtype, shape, contiguous_strides(shape)));
  });
}

Tensor empty(const Shape& shape, const TensorOptions& options, SourceLocation at) {
  return named("empty", at, [&] {
    return finish(allocate_checked(shape, options.dtype, options.device), options.device, options.requires_grad, at);
  });
}

Tensor full(const Shape& shape, double value, const TensorOptions& options, SourceLocation at) { return filled("full", shape, value, options, at); }
Tensor zeros(const Shape& shape, const TensorOptions& options, SourceLocation at) { return filled("zeros", shape, 0, options, at); }
Tensor ones(const Shape& shape, const TensorOptions& options, SourceLocation at) { return filled("ones", shape, 1, options, at); }

Tensor empty_like(const Tensor& like, const InferredOptions& options, SourceLocation at) {
  return named("empty_like", at, [&] {
    const Device device = options.device.value_or(like.device());
    Tensor result = detail::allocate(device, like.shape(), options.dtype.value_or(like.dtype()), strides_like(like), OwnerClass::activation);
    return finish(std::move(result), device, options.requires_grad, at);
  });
}
Tensor full_like(const Tensor& like, double value, const InferredOptions& options, SourceLocation at) {
  return filled_like("full_like", like, value, options, at);
}
Tensor zeros_like(const Tensor& like, const InferredOptions& options, SourceLocation at) { return filled_like("zeros_like", like, 0, options, at); }
Tensor ones_like(const Tensor& like, const InferredOptions& options, SourceLocation at) { return filled_like("ones_like", like, 1, options, at); }

namespace detail {

Tensor arange_integers(std::int64_t start, std::int64_t end, std::int64_t step, const InferredOptions& options, SourceLocation at) {
  const DType dtype = options.dtype.value_or(DType::i64);
  if (is_floating(dtype)) return arange_reals(static_cast<double>(start), static_cast<double>(end), static_cast<double>(step), options, at);
  return named("arange", at, [&] {
    TASUKI_CHECK(ValueError, step != 0);
    TASUKI_CHECK(ValueError, start == end || (start < end) == (step > 0), "a step of ", step, " does not lead from ", start, " to ", end);
    // the distance of two 64-bit numbers needs 64 bits without a sign
    const auto distance = start < end ? static_cast<std::uint64_t>(end) - static_cast<std::uint64_t>(start)
                                      : static_cast<std::uint64_t>(start) - static_cast<std::uint64_t>(end);
    const auto stride = step > 0 ? static_cast<std::uint64_t>(step) : 0 - static_cast<std::uint64_t>(step);
    const std::uint64_t count = distance / stride + (distance % stride != 0);
    TASUKI_CHECK(ShapeError, count <= static_cast<std::uint64_t>(INT64_MAX), "from ", start, " to ", end, " by ", step);
    const auto value = [&](std::int64_t i) { return static_cast<std::int64_t>(static_cast<std::uint64_t>(start) + static_cast<std::uint64_t>(i) * static_cast<std::uint64_t>(step)); };
    if (count > 0 && dtype != DType::i64) {
      check_holds(dtype, static_cast<double>(start));
      check_holds(dtype, static_cast<double>(value(static_cast<std::int64_t>(count) - 1)));
    }
    return finish(generate(Shape(static_cast<std::int64_t>(count)), dtype, value), options.device.value_or(default_device()), options.requires_grad, at);
  });
}

Tensor arange_reals(double start, double end, double step, const InferredOptions& options, SourceLocation at) {
  return named("arange", at, [&] {
    const DType dtype = options.dtype.value_or(DType::f32);
    TASUKI_CHECK(ValueError, step != 0);
    TASUKI_CHECK(ValueError, std::isfinite(start) && std::isfinite(end) && std::isfinite(step), "start ", start, ", end ", end, ", step ", step);
    TASUKI_CHECK(ValueError, start == end || (start < end) == (step > 0), "a step of ", step, " does not lead from ", start, " to ", end);
    const double count = std::ceil((end - start) / step);
    TASUKI_CHECK(ShapeError, count < 0x1p63, "from ", start, " to ", end, " by ", step);
    const auto value = [=](std::int64_t i) { return start + static_cast<double>(i) * step; };
    if (count > 0) {
      check_holds(dtype, start);
      check_holds(dtype, value(static_cast<std::int64_t>(count) - 1));
    }
    return finish(generate(Shape(static_cast<std::int64_t>(count)), dtype, value), options.device.value_or(default_device()), options.requires_grad, at);
  });
}

}  // namespace detail

/// The i-th of `steps` numbers from start to end: counting from the nearer end makes both ends exact.
static double evenly_spaced(double start, double end, std::int64_t steps, std::int64_t i) {
  const double step = steps > 1 ? (end - start) / static_cast<double>(steps - 1) : 0;
  return i < steps / 2 || steps == 1 ? start + step * static_cast<double>(i) : end - step * static_cast<double>(steps - 1 - i);
}

Tensor linspace(double start, double end, std::int64_t steps, const TensorOptions& options, SourceLocation at) {
  return named("linspace", at, [&] {
    TASUKI_CHECK_OP(ValueError, steps, >=, 0);
    check_holds(options.dtype, start);
    check_holds(options.dtype, end);
    const auto value = [=](std::int64_t i) { return evenly_spaced(start, end, steps, i); };
    return finish(generate(Shape(steps), options.dtype, value), options.device, options.requires_grad, at);
  });
}

Tensor logspace(double start, double end, std::int64_t steps, double base, const TensorOptions& options, SourceLocation at) {
  return named("logspace", at, [&] {
    TASUKI_CHECK_OP(ValueError, steps, >=, 0);
    TASUKI_CHECK(DTypeError, is_floating(options.dtype), "the numbers are not integers, and the tensor would be ", options.dtype);
    const auto value = [=](std::int64_t i) { return std::pow(base, evenly_spaced(start, end, steps, i)); };
    return finish(generate(Shape(steps), options.dtype, value), options.device, options.requires_grad, at);
  });
}

Tensor eye(std::int64_t rows, std::optional<std::int64_t> columns, const TensorOptions& options, SourceLocation at) {
  return named("eye", at, [&] {
    const std::int64_t width = columns.value_or(rows);
    const auto value = [=](std::int64_t i) { return i / width == i % width ? 1 : 0; };
    return finish(generate({rows, width}, options.dtype, value), options.device, options.requires_grad, at);
  });
}

}  // namespace tasuki
