#include "src/cpu/conv2d.hpp"

#include "src/cpu/conv2d_choices.hpp"
#include "src/cpu/dnnl_support.hpp"

namespace tasuki::cpu {

double ConvShape::flops() const {
  return 2.0 * static_cast<double>(n) * static_cast<double>(o) * static_cast<double>(oh) * static_cast<double>(ow) *
         static_cast<double>(c / groups) * static_cast<double>(kh) * static_cast<double>(kw);
}

namespace {

PlanKey::Op key_of(ConvPass pass) {
  switch (pass) {
    case ConvPass::forward: return PlanKey::conv2d_forward;
    case ConvPass::input_grad: return PlanKey::conv2d_input_grad;
    case ConvPass::weight_grad: return PlanKey::conv2d_weight_grad;
  }
  return PlanKey::conv2d_forward;
}

Plan* make_plan(ConvPass pass, const ConvShape& s) {
  const bool empty = s.flops() == 0;
  if (!empty && (s.dtype == f32 || (s.dtype == bf16 && has_fast_bf16()))) {
    if (Plan* plan = make_direct_conv(pass, s)) return plan;
    if (Plan* plan = make_dnnl_conv(pass, s)) return plan;
  }
  return s.dtype == bf16 || s.dtype == f16 ? make_converting_conv(pass, s) : make_host_conv(pass, s);
}

}  // namespace

PlanPtr<ConvPlan> conv2d_plan(ConvPass pass, const ConvShape& s) {
  PlanKey key(key_of(pass));
  key.add({static_cast<std::int64_t>(s.dtype), s.n, s.c, s.h, s.w, s.o, s.kh, s.kw, s.has_bias});
  key.add({s.stride_h, s.stride_w, s.padding_h, s.padding_w, s.dilation_h, s.dilation_w, s.groups});
  for (const Strides* strides : {&s.x_strides, &s.weight_strides, &s.y_strides})
    for (const std::int64_t stride : *strides) key.add(stride);
  return find_or_make_plan<ConvPlan>(key, [&] { return make_plan(pass, s); });
}

}  // namespace tasuki::cpu
