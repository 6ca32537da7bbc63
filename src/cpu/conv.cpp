#include "src/cpu/conv.hpp"

#include "src/cpu/conv_choices.hpp"
#include "src/cpu/dnnl_support.hpp"

namespace tasuki::cpu {

Shape ConvShape::shape(ConvOperand operand) const {
  Shape s;
  const Sizes* sizes = nullptr;
  switch (operand) {
    case ConvOperand::x: s = {n, c}, sizes = &x_size; break;
    case ConvOperand::weight: s = {o, c / groups}, sizes = &kernel; break;
    case ConvOperand::y: s = {n, o}, sizes = &y_size; break;
  }
  for (auto size = sizes->end() - dims; size != sizes->end(); ++size) s.push_back(*size);
  return s;
}

double ConvShape::flops() const {
  return 2.0 * static_cast<double>(shape(ConvOperand::y).numel()) * static_cast<double>(c / groups) *
         static_cast<double>(kernel[0] * kernel[1] * kernel[2]);
}

namespace {

PlanKey::Op key_of(ConvOperand result) {
  switch (result) {
    case ConvOperand::x: return PlanKey::conv_x;
    case ConvOperand::weight: return PlanKey::conv_weight;
    default: return PlanKey::conv_y;
  }
}

/// oneDNN 2.6 gives such gradients of bf16 weights numbers that nobody has computed: of volumes whose windows begin in the padding and
/// then step over planes.
bool is_miscomputed(ConvOperand result, const ConvShape& s) {
  return result == ConvOperand::weight && s.dtype == bf16 && s.dims == 3 && s.stride[0] > 1 && (s.padding[0] > 0 || s.padding_end[0] > 0);
}

Plan* make_plan(ConvOperand result, const ConvShape& s) {
  const bool empty = s.flops() == 0;
  if (!empty && (s.dtype == f32 || (s.dtype == bf16 && has_fast_bf16() && !is_miscomputed(result, s)))) {
    if (Plan* plan = make_direct_conv(result, s)) return plan;
    if (Plan* plan = make_dnnl_conv(result, s)) return plan;
  }
  return s.dtype == bf16 || s.dtype == f16 ? make_converting_conv(result, s) : make_host_conv(result, s);
}

}  // namespace

PlanPtr<ConvPlan> conv_plan(ConvOperand result, const ConvShape& s) {
  PlanKey key(key_of(result));
  key.add({static_cast<std::int64_t>(s.dtype), s.has_bias, s.dims, s.n, s.c, s.o, s.groups});
  for (const auto* sizes : {&s.x_size, &s.kernel, &s.y_size, &s.stride, &s.padding, &s.padding_end, &s.dilation})
    for (std::size_t d = static_cast<std::size_t>(3 - s.dims); d < 3; ++d) key.add((*sizes)[d]);
  for (const Strides& strides : s.strides)
    for (const std::int64_t stride : strides) key.add(stride);
  return find_or_make_plan<ConvPlan>(key, [&] { return make_plan(result, s); });
}

}  // namespace tasuki::cpu
