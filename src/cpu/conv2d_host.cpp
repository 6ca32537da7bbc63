// Convolutions by matrix products over unrolled windows. For f64, which oneDNN lacks, and for corner cases (empty operands,
// shapes without an implementation); made to be right, not to be fast.
#define EIGEN_DONT_PARALLELIZE
#include <Eigen/Core>
#include <algorithm>

#include "kernels/visit.hpp"
#include "src/cpu/conv2d_choices.hpp"
#include "src/cpu/dnnl_support.hpp"
#include "tasuki/core/half.hpp"

namespace tasuki::cpu {

namespace {

/// Calls f(offset) for the elements of a 4-d operand in row-major order.
template <class F>
void for_each_offset(const Shape& shape, const Strides& strides, F&& f) {
  for (std::int64_t a = 0; a < shape[0]; ++a)
    for (std::int64_t b = 0; b < shape[1]; ++b)
      for (std::int64_t c = 0; c < shape[2]; ++c)
        for (std::int64_t d = 0; d < shape[3]; ++d) f(a * strides[0] + b * strides[1] + c * strides[2] + d * strides[3]);
}

template <class T>
class HostConv final : public ConvPlan {
  using Rows = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using Map = Eigen::Map<Rows>;

 public:
  HostConv(ConvPass pass, const ConvShape& s)
      : pass_(pass), s_(s), taps_(s.c / s.groups * s.kh * s.kw), pixels_(s.oh * s.ow), outputs_(s.o / s.groups) {}
  const char* implementation() const override { return "host"; }
  std::size_t workspace_bytes() const override { return bytes(taps_ * pixels_) + bytes(outputs_ * pixels_) + bytes(s_.o * taps_); }

  void run(const ConvBuffers& buffers, void* workspace) const override {
    T* const x = static_cast<T*>(buffers.x);
    T* const y = static_cast<T*>(buffers.y);
    T* const bias = s_.has_bias ? static_cast<T*>(buffers.bias) : nullptr;
    T* const columns = static_cast<T*>(workspace);
    T* const image = at_byte<T>(columns, bytes(taps_ * pixels_));
    T* const weight = at_byte<T>(image, bytes(outputs_ * pixels_));
    if (pass_ == ConvPass::weight_grad) {
      std::fill_n(weight, s_.o * taps_, T{});
      if (bias) std::fill_n(bias, s_.o, T{});
    } else {
      T* next = weight;
      for_each_offset(s_.weight_shape(), s_.weight_strides, [&](std::int64_t at) { *next++ = static_cast<const T*>(buffers.weight)[at]; });
    }
    if (pass_ == ConvPass::input_grad) for_each_offset(s_.x_shape(), s_.x_strides, [&](std::int64_t at) { x[at] = T{}; });
    for (std::int64_t n = 0; n < s_.n; ++n)
      for (std::int64_t g = 0; g < s_.groups; ++g)
        run_group(x + n * s_.x_strides[0] + g * (s_.c / s_.groups) * s_.x_strides[1], weight + g * outputs_ * taps_,
                  bias ? bias + g * outputs_ : nullptr, y + n * s_.y_strides[0] + g * outputs_ * s_.y_strides[1], columns, image);
    if (pass_ == ConvPass::weight_grad) {
      const T* next = weight;
      for_each_offset(s_.weight_shape(), s_.weight_strides, [&](std::int64_t at) { static_cast<T*>(buffers.weight)[at] = *next++; });
    }
  }

 private:
  static std::size_t bytes(std::int64_t count) { return aligned_bytes(static_cast<std::size_t>(count) * sizeof(T)); }

  void run_group(T* x, T* weight, T* bias, T* y, T* columns, T* image) const {
    Map unrolled(columns, taps_, pixels_), out(image, outputs_, pixels_), w(weight, outputs_, taps_);
    const Shape shape{1, outputs_, s_.oh, s_.ow};
    T* next = image;
    if (pass_ != ConvPass::forward) for_each_offset(shape, s_.y_strides, [&](std::int64_t at) { *next++ = y[at]; });
    if (pass_ != ConvPass::input_grad) unroll<false>(x, columns);
    switch (pass_) {
      case ConvPass::forward:
        if (taps_ > 0) out.noalias() = w * unrolled;
        else out.setZero();
        if (bias) out.colwise() += Eigen::Map<const Eigen::Matrix<T, Eigen::Dynamic, 1>>(bias, outputs_);
        for_each_offset(shape, s_.y_strides, [&](std::int64_t at) { y[at] = *next++; });
        break;
      case ConvPass::input_grad:
        unrolled.noalias() = w.transpose() * out;
        unroll<true>(x, columns);
        break;
      case ConvPass::weight_grad:
        w.noalias() += out * unrolled.transpose();
        if (bias) Eigen::Map<Eigen::Matrix<T, Eigen::Dynamic, 1>>(bias, outputs_) += out.rowwise().sum();
        break;
    }
  }

  /// Copies the windows of an image into columns, or adds columns back to where they came from.
  template <bool back>
  void unroll(T* x, T* columns) const {
    for (std::int64_t c = 0; c < s_.c / s_.groups; ++c)
      for (std::int64_t i = 0; i < s_.kh; ++i)
        for (std::int64_t j = 0; j < s_.kw; ++j)
          for (std::int64_t oh = 0; oh < s_.oh; ++oh)
            for (std::int64_t ow = 0; ow < s_.ow; ++ow, ++columns) {
              const std::int64_t h = oh * s_.stride_h - s_.padding_h + i * s_.dilation_h, w = ow * s_.stride_w - s_.padding_w + j * s_.dilation_w;
              const bool inside = h >= 0 && h < s_.h && w >= 0 && w < s_.w;
              const std::int64_t at = c * s_.x_strides[1] + h * s_.x_strides[2] + w * s_.x_strides[3];
              if constexpr (!back) *columns = inside ? x[at] : T{};
              else if (inside) x[at] += *columns;
            }
  }

  ConvPass pass_;
  ConvShape s_;
  std::int64_t taps_, pixels_, outputs_;
};

/// Row-major f32 copies of the operands; the result is rounded once.
class ConvertingConv final : public ConvPlan {
 public:
  ConvertingConv(ConvPass pass, const ConvShape& s) : pass_(pass), s_(s) {
    ConvShape inner = s;
    inner.dtype = f32;
    inner.x_strides = contiguous_strides(s.x_shape());
    inner.weight_strides = contiguous_strides(s.weight_shape());
    inner.y_strides = contiguous_strides(s.y_shape());
    inner_ = conv2d_plan(pass, inner);
  }
  const char* implementation() const override { return inner_->implementation(); }
  std::size_t workspace_bytes() const override {
    return floats(s_.x_shape()) + floats(s_.weight_shape()) + floats(s_.y_shape()) + floats({s_.o}) + inner_->workspace_bytes();
  }
  void run(const ConvBuffers& buffers, void* workspace) const override {
    ConvBuffers wide;
    wide.x = workspace;
    wide.weight = at_byte(wide.x, floats(s_.x_shape()));
    wide.y = at_byte(wide.weight, floats(s_.weight_shape()));
    wide.bias = at_byte(wide.y, floats(s_.y_shape()));
    void* const rest = at_byte(wide.bias, floats({s_.o}));
    const auto convert = [&]<class T>(T) {
      const bool bias_in = s_.has_bias && pass_ == ConvPass::forward, bias_out = s_.has_bias && pass_ == ConvPass::weight_grad;
      if (pass_ != ConvPass::input_grad) widen<T>(buffers.x, wide.x, s_.x_shape(), s_.x_strides);
      if (pass_ != ConvPass::weight_grad) widen<T>(buffers.weight, wide.weight, s_.weight_shape(), s_.weight_strides);
      if (pass_ != ConvPass::forward) widen<T>(buffers.y, wide.y, s_.y_shape(), s_.y_strides);
      if (bias_in) widen<T>(buffers.bias, wide.bias, {1, 1, 1, s_.o}, {0, 0, 0, 1});
      inner_->run(wide, rest);
      if (pass_ == ConvPass::input_grad) narrow<T>(wide.x, buffers.x, s_.x_shape(), s_.x_strides);
      if (pass_ == ConvPass::weight_grad) narrow<T>(wide.weight, buffers.weight, s_.weight_shape(), s_.weight_strides);
      if (pass_ == ConvPass::forward) narrow<T>(wide.y, buffers.y, s_.y_shape(), s_.y_strides);
      if (bias_out) narrow<T>(wide.bias, buffers.bias, {1, 1, 1, s_.o}, {0, 0, 0, 1});
    };
    if (s_.dtype == f16) convert(float16{});
    else convert(bfloat16{});
  }

 private:
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
  ConvPass pass_;
  ConvShape s_;
  PlanPtr<ConvPlan> inner_;
};

}  // namespace

Plan* make_host_conv(ConvPass pass, const ConvShape& shape) {
  if (shape.dtype == f64) return new HostConv<double>(pass, shape);
  return new HostConv<float>(pass, shape);
}

Plan* make_converting_conv(ConvPass pass, const ConvShape& shape) { return new ConvertingConv(pass, shape); }

}  // namespace tasuki::cpu
