// Convolutions by matrix products over unrolled windows, in doubles; tap by tap where a group has one output. For f64, which oneDNN lacks, and for corner cases (empty operands,
// shapes without an implementation).
#include <algorithm>
#include <numeric>

#include "kernels/panel_gemm.hpp"
#include "kernels/visit.hpp"
#include "src/cpu/conv_choices.hpp"
#include "src/cpu/dnnl_support.hpp"
#include "src/cpu/isa_scope.hpp"
#include "tasuki/core/half.hpp"

namespace tasuki::cpu {

namespace {

TASUKI_USE_ISA

/// Calls f(offset) for the elements of an operand of up to 5 dimensions in row-major order.
template <class F>
void for_each_offset(const Shape& shape, const Strides& strides, F&& f) {
  std::int64_t size[5] = {1, 1, 1, 1, 1}, step[5] = {};
  std::copy(shape.begin(), shape.end(), size + 5 - shape.ndim());
  std::copy(strides.begin(), strides.end(), step + 5 - shape.ndim());
  for (std::int64_t a = 0; a < size[0]; ++a)
    for (std::int64_t b = 0; b < size[1]; ++b)
      for (std::int64_t c = 0; c < size[2]; ++c)
        for (std::int64_t d = 0; d < size[3]; ++d)
          for (std::int64_t e = 0; e < size[4]; ++e) f(a * step[0] + b * step[1] + c * step[2] + d * step[3] + e * step[4]);
}

std::int64_t product(const ConvShape::Sizes& sizes) { return sizes[0] * sizes[1] * sizes[2]; }

template <class T>
class HostConv final : public ConvPlan {
 public:
  HostConv(ConvOperand result, const ConvShape& s)
      : result_(result), s_(s), taps_(s.c / s.groups * product(s.kernel)), pixels_(product(s.y_size)), outputs_(s.o / s.groups) {
    std::copy_n(s.strides_of(ConvOperand::x).begin() + 2, s.dims, x_step_.end() - s.dims);
    output_ = s.shape(ConvOperand::y);
    output_[0] = 1;
    output_[1] = outputs_;
  }
  const char* implementation() const override { return "host"; }
  std::size_t workspace_bytes() const override { return bytes(taps_ * pixels_) + bytes(outputs_ * pixels_) + bytes(s_.o * taps_) + bytes(Product::row_scratch()); }

  void run(const ConvBuffers& buffers, void* workspace) const override {
    T* const x = static_cast<T*>(buffers.of(ConvOperand::x));
    T* const given_weight = static_cast<T*>(buffers.of(ConvOperand::weight));
    T* const y = static_cast<T*>(buffers.of(ConvOperand::y));
    T* const bias = s_.has_bias ? static_cast<T*>(buffers.bias) : nullptr;
    double* const columns = static_cast<double*>(workspace);
    double* const image = at_byte<double>(columns, bytes(taps_ * pixels_));
    double* const weight = at_byte<double>(image, bytes(outputs_ * pixels_));
    double* const scratch = at_byte<double>(weight, bytes(s_.o * taps_));
    const Shape weight_shape = s_.shape(ConvOperand::weight);
    const Strides &x_strides = s_.strides_of(ConvOperand::x), &y_strides = s_.strides_of(ConvOperand::y), &weight_strides = s_.strides_of(ConvOperand::weight);
    if (result_ == ConvOperand::weight) {
      std::fill_n(weight, s_.o * taps_, 0.0);
      if (bias) std::fill_n(bias, s_.o, T{});
    } else {
      double* next = weight;
      for_each_offset(weight_shape, weight_strides, [&](std::int64_t at) { *next++ = given_weight[at]; });
    }
    if (result_ == ConvOperand::x) for_each_offset(s_.shape(ConvOperand::x), x_strides, [&](std::int64_t at) { x[at] = T{}; });
    for (std::int64_t n = 0; n < s_.n; ++n)
      for (std::int64_t g = 0; g < s_.groups; ++g)
        run_group(x + n * x_strides[0] + g * (s_.c / s_.groups) * x_strides[1], weight + g * outputs_ * taps_, bias ? bias + g * outputs_ : nullptr,
                  y + n * y_strides[0] + g * outputs_ * y_strides[1], columns, image, scratch);
    if (result_ == ConvOperand::weight) {
      const double* next = weight;
      for_each_offset(weight_shape, weight_strides, [&](std::int64_t at) { given_weight[at] = static_cast<T>(*next++); });
    }
  }

 private:
  using Product = kernels::cpu::PanelGemmOf<double>;
  static std::size_t bytes(std::int64_t count) { return aligned_bytes(static_cast<std::size_t>(count) * sizeof(double)); }

  void run_group(T* x, double* weight, T* bias, T* y, double* columns, double* image, double* scratch) const {
    const Strides& y_strides = s_.strides_of(ConvOperand::y);
    double* next = image;
    if (result_ != ConvOperand::y) for_each_offset(output_, y_strides, [&](std::int64_t at) { *next++ = static_cast<double>(y[at]); });
    if (outputs_ == 1) return run_tap_by_tap(x, weight, bias, y, image);
    if (result_ != ConvOperand::x) unroll<false>(x, columns);
    const auto multiply = [&](const Product& p) { TASUKI_ON_ISA(multiply_doubles)(p, scratch); };
    switch (result_) {
      case ConvOperand::y:
        for (std::int64_t i = 0; i < outputs_; ++i) std::fill_n(image + i * pixels_, pixels_, bias ? static_cast<double>(bias[i]) : 0.0);
        multiply({outputs_, pixels_, taps_, weight, taps_, 1, columns, pixels_, 1, nullptr, image, pixels_, true});
        for_each_offset(output_, y_strides, [&](std::int64_t at) { y[at] = static_cast<T>(*next++); });
        break;
      case ConvOperand::x:
        std::fill_n(columns, taps_ * pixels_, 0.0);
        multiply({taps_, pixels_, outputs_, weight, 1, taps_, image, pixels_, 1, nullptr, columns, pixels_, true});
        unroll<true>(x, columns);
        break;
      case ConvOperand::weight:
        multiply({outputs_, taps_, pixels_, image, pixels_, 1, columns, 1, pixels_, nullptr, weight, taps_, true});
        for (std::int64_t i = 0; i < outputs_ && bias; ++i) {
          double sum = 0;
          for (std::int64_t j = 0; j < pixels_; ++j) sum += image[i * pixels_ + j];
          bias[i] = static_cast<T>(static_cast<double>(bias[i]) + sum);
        }
        break;
    }
  }

  /// Products with a single row or column have nothing to gain from a copy of the windows. `image` holds y, whichever way.
  void run_tap_by_tap(T* x, double* weight, T* bias, T* y, double* image) const {
    if (result_ == ConvOperand::y) std::fill_n(image, pixels_, bias ? static_cast<double>(*bias) : 0.0);
    for_each_tap(x, [&](T* plane, const ConvShape::Sizes& tap) {
      double sum = 0;
      const double w = *weight;
      for_each_row(plane, tap, [&](std::int64_t row, std::int64_t first, std::int64_t count, T* from, std::int64_t step) {
        double* const to = image + row + first;
        switch (result_) {
          case ConvOperand::y:
            if (step == 1)
              for (std::int64_t i = 0; i < count; ++i) to[i] += w * static_cast<double>(from[i]);
            else
              for (std::int64_t i = 0; i < count; ++i) to[i] += w * static_cast<double>(from[i * step]);
            break;
          case ConvOperand::x:
            if (step == 1)
              for (std::int64_t i = 0; i < count; ++i) from[i] += static_cast<T>(w * to[i]);
            else
              for (std::int64_t i = 0; i < count; ++i) from[i * step] += static_cast<T>(w * to[i]);
            break;
          case ConvOperand::weight: sum += dot(to, from, step, count); break;
        }
      });
      if (result_ == ConvOperand::weight) *weight += sum;
      ++weight;
    });
    if (result_ == ConvOperand::y) for_each_offset(output_, s_.strides_of(ConvOperand::y), [&](std::int64_t at) { y[at] = static_cast<T>(*image++); });
    if (result_ == ConvOperand::weight && bias) *bias = static_cast<T>(static_cast<double>(*bias) + std::accumulate(image, image + pixels_, 0.0));
  }
  /// Four sums, which do not wait for each other.
  static double dot(const double* a, const T* b, std::int64_t b_step, std::int64_t n) {
    double sums[4] = {};
    std::int64_t i = 0;
    for (; i + 4 <= n; i += 4)
      for (std::int64_t k = 0; k < 4; ++k) sums[k] += a[i + k] * static_cast<double>(b[(i + k) * b_step]);
    for (; i < n; ++i) sums[0] += a[i] * static_cast<double>(b[i * b_step]);
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
  }

  /// Calls f(plane of x, tap) for the taps of a group in the order of its weight.
  template <class F>
  void for_each_tap(T* x, F&& f) const {
    for (std::int64_t c = 0; c < s_.c / s_.groups; ++c)
      for (std::int64_t i = 0; i < s_.kernel[0]; ++i)
        for (std::int64_t j = 0; j < s_.kernel[1]; ++j)
          for (std::int64_t k = 0; k < s_.kernel[2]; ++k) f(x + c * s_.strides_of(ConvOperand::x)[1], ConvShape::Sizes{i, j, k});
  }
  /// Calls f(pixel of y that the row begins with, first, count, from, step) for all rows of y: pixels [first, first + count) of a row see
  /// from[0], from[step] ... through this tap, the others what lies outside.
  template <class F>
  void for_each_row(T* x, const ConvShape::Sizes& tap, F&& f) const {
    const auto position = [&](std::size_t d, std::int64_t out) { return out * s_.stride[d] - s_.padding[d] + tap[d] * s_.dilation[d]; };
    const auto inside = [&](std::size_t d, std::int64_t at) { return at >= 0 && at < s_.x_size[d]; };
    const std::int64_t width = s_.y_size[2], step = s_.stride[2] * x_step_[2];
    std::int64_t first = 0, last = width;  // of a row, what is inside
    while (first < last && !inside(2, position(2, first))) ++first;
    while (last > first && !inside(2, position(2, last - 1))) --last;
    std::int64_t row = 0;
    for (std::int64_t od = 0; od < s_.y_size[0]; ++od)
      for (std::int64_t oh = 0; oh < s_.y_size[1]; ++oh, row += width) {
        const std::int64_t d = position(0, od), h = position(1, oh);
        if (inside(0, d) && inside(1, h) && first < last) f(row, first, last - first, x + d * x_step_[0] + h * x_step_[1] + position(2, first) * x_step_[2], step);
        else f(row, std::int64_t{0}, std::int64_t{0}, nullptr, step);
      }
  }
  /// Copies the windows of an image into columns, or adds columns back to where they came from.
  template <bool back>
  void unroll(T* x, double* columns) const {
    for_each_tap(x, [&](T* plane, const ConvShape::Sizes& tap) {
      for_each_row(plane, tap, [&](std::int64_t row, std::int64_t first, std::int64_t count, T* from, std::int64_t step) {
        double* const to = columns + row;
        if constexpr (back) {
          for (std::int64_t i = 0; i < count; ++i) from[i * step] += static_cast<T>(to[first + i]);
        } else {
          std::fill_n(to, first, 0.0);
          if (step == 1)
            for (std::int64_t i = 0; i < count; ++i) to[first + i] = static_cast<double>(from[i]);
          else
            for (std::int64_t i = 0; i < count; ++i) to[first + i] = static_cast<double>(from[i * step]);
          std::fill(to + first + count, to + s_.y_size[2], 0.0);
        }
      });
      columns += pixels_;
    });
  }

  ConvOperand result_;
  ConvShape s_;
  std::int64_t taps_, pixels_, outputs_;
  ConvShape::Sizes x_step_{};  // depth, height, width
  Shape output_;               // of one group of one image
};

/// Row-major f32 copies of the operands; the result is rounded once.
class ConvertingConv final : public ConvPlan {
 public:
  ConvertingConv(ConvOperand result, const ConvShape& s) : result_(result), s_(s) {
    ConvShape inner = s;
    inner.dtype = f32;
    for (const ConvOperand operand : operands) inner.strides_of(operand) = contiguous_strides(s.shape(operand));
    inner_ = conv_plan(result, inner);
  }
  const char* implementation() const override { return inner_->implementation(); }
  std::size_t workspace_bytes() const override {
    std::size_t bytes = floats({s_.o}) + inner_->workspace_bytes();
    for (const ConvOperand operand : operands) bytes += floats(s_.shape(operand));
    return bytes;
  }
  void run(const ConvBuffers& buffers, void* workspace) const override {
    ConvBuffers wide;
    for (const ConvOperand operand : operands) {
      wide.of(operand) = workspace;
      workspace = at_byte(workspace, floats(s_.shape(operand)));
    }
    wide.bias = workspace;
    void* const rest = at_byte(workspace, floats({s_.o}));
    const auto convert = [&]<class T>(T) {
      for (const ConvOperand operand : operands)
        if (operand != result_) widen<T>(buffers.of(operand), wide.of(operand), s_.shape(operand), s_.strides_of(operand));
      if (s_.has_bias && result_ == ConvOperand::y) widen<T>(buffers.bias, wide.bias, {s_.o}, {1});
      inner_->run(wide, rest);
      narrow<T>(wide.of(result_), buffers.of(result_), s_.shape(result_), s_.strides_of(result_));
      if (s_.has_bias && result_ == ConvOperand::weight) narrow<T>(wide.bias, buffers.bias, {s_.o}, {1});
    };
    if (s_.dtype == f16) convert(float16{});
    else convert(bfloat16{});
  }

 private:
  static constexpr ConvOperand operands[] = {ConvOperand::x, ConvOperand::weight, ConvOperand::y};
  static std::size_t floats(const Shape& shape) { return aligned_bytes(static_cast<std::size_t>(shape.numel()) * sizeof(float)); }
  template <class T>
  static void widen(const void* from, void* to, const Shape& shape, const Strides& strides) {
    float* next = static_cast<float*>(to);
    for_each_offset(shape, strides, [&](std::int64_t at) { *next++ = static_cast<float>(static_cast<const T*>(from)[at]); });
  }
  template <class T>
  static void narrow(const void* from, void* to, const Shape& shape, const Strides& strides) {
    const float* next = static_cast<const float*>(from);
    for_each_offset(shape, strides, [&](std::int64_t at) { static_cast<T*>(to)[at] = T(*next++); });
  }
  ConvOperand result_;
  ConvShape s_;
  PlanPtr<ConvPlan> inner_;
};

}  // namespace

Plan* make_host_conv(ConvOperand result, const ConvShape& shape) {
  if (shape.dtype == f64) return new HostConv<double>(result, shape);
  return new HostConv<float>(result, shape);
}

Plan* make_converting_conv(ConvOperand result, const ConvShape& shape) { return new ConvertingConv(result, shape); }

}  // namespace tasuki::cpu
