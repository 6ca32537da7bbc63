#include <algorithm>

#include "src/cpu/conv2d_choices.hpp"
#include "src/cpu/dnnl_support.hpp"

namespace tasuki::cpu {

namespace {

using dnnl::memory;
using Forward = dnnl::convolution_forward;
using InputGrad = dnnl::convolution_backward_data;
using WeightGrad = dnnl::convolution_backward_weights;

/// Which layouts oneDNN may choose by itself.
enum class Freedom { weights_only, everything };

struct Descriptions {
  memory::desc x, weight, bias, y;
  memory::dims strides, dilations, padding;
};

memory::dims to_dims(const Shape& s) { return memory::dims(s.begin(), s.end()); }

/// As the tensors lie.
Descriptions given(const ConvShape& s) {
  const auto type = dnnl_type(s.dtype);
  Descriptions d;
  d.x = memory::desc(to_dims(s.x_shape()), type, to_dims(s.x_strides));
  d.y = memory::desc(to_dims(s.y_shape()), type, to_dims(s.y_strides));
  memory::dims weight = to_dims(s.weight_shape()), weight_strides = to_dims(s.weight_strides);
  if (s.groups > 1) {
    weight[0] /= s.groups;
    weight.insert(weight.begin(), s.groups);
    weight_strides.insert(weight_strides.begin(), weight_strides[0] * weight[1]);
  }
  d.weight = memory::desc(weight, type, weight_strides);
  if (s.has_bias) d.bias = memory::desc({s.o}, type, memory::dims{1});
  d.strides = {s.stride_h, s.stride_w};
  d.dilations = {s.dilation_h - 1, s.dilation_w - 1};
  d.padding = {s.padding_h, s.padding_w};
  return d;
}

Descriptions wished(const ConvShape& s, const Descriptions& given, Freedom freedom) {
  const auto type = dnnl_type(s.dtype);
  const auto any = memory::format_tag::any;
  Descriptions d = given;
  memory::dims weight = to_dims(s.weight_shape());
  if (s.groups > 1) {
    weight[0] /= s.groups;
    weight.insert(weight.begin(), s.groups);
  }
  d.weight = memory::desc(weight, type, any);
  if (freedom == Freedom::everything) {
    d.x = memory::desc(to_dims(s.x_shape()), type, any);
    d.y = memory::desc(to_dims(s.y_shape()), type, any);
  }
  return d;
}

Forward::primitive_desc describe_forward(const Descriptions& d, bool has_bias) {
  const auto direct = dnnl::algorithm::convolution_direct;
  const auto training = dnnl::prop_kind::forward_training;
  using Make = DescriptorMaker<Forward>;
  if (has_bias) return Make::make(dnnl_attributes(), training, direct, d.x, d.weight, d.bias, d.y, d.strides, d.dilations, d.padding, d.padding);
  return Make::make(dnnl_attributes(), training, direct, d.x, d.weight, d.y, d.strides, d.dilations, d.padding, d.padding);
}

class DnnlConv final : public ConvPlan {
 public:
  /// Null unless oneDNN has an implementation for these wishes that is more than reference loops.
  static DnnlConv* make(ConvPass pass, const ConvShape& s, const Descriptions& lies, const Descriptions& wish) {
    const auto forward = describe_forward(wish, s.has_bias && pass != ConvPass::input_grad);
    if (!forward) return nullptr;
    DnnlConv plan(pass, s.has_bias);
    switch (pass) {
      case ConvPass::forward: {
        if (is_reference(forward)) return nullptr;
        plan.take(lies, forward.src_desc(), forward.weights_desc(), forward.dst_desc(), forward.impl_info_str());
        std::vector<BoundPrimitive::Argument> arguments{
            {DNNL_ARG_SRC, plan.x_.inside}, {DNNL_ARG_WEIGHTS, plan.weight_.inside}, {DNNL_ARG_DST, plan.y_.inside}};
        if (s.has_bias) arguments.push_back({DNNL_ARG_BIAS, lies.bias});
        plan.set_primitive(BoundPrimitive(Forward(forward), arguments, forward.scratchpad_desc()));
        break;
      }
      case ConvPass::input_grad: {
        using Make = DescriptorMaker<InputGrad, Forward::primitive_desc>;
        const auto d = Make::make(dnnl_attributes(), forward, dnnl::algorithm::convolution_direct, wish.x, wish.weight, wish.y,
                                  wish.strides, wish.dilations, wish.padding, wish.padding);
        if (!d || is_reference(d)) return nullptr;
        plan.take(lies, d.diff_src_desc(), d.weights_desc(), d.diff_dst_desc(), d.impl_info_str());
        plan.set_primitive(BoundPrimitive(
            InputGrad(d), {{DNNL_ARG_DIFF_SRC, plan.x_.inside}, {DNNL_ARG_WEIGHTS, plan.weight_.inside}, {DNNL_ARG_DIFF_DST, plan.y_.inside}},
            d.scratchpad_desc()));
        break;
      }
      case ConvPass::weight_grad: {
        using Make = DescriptorMaker<WeightGrad, Forward::primitive_desc>;
        const auto direct = dnnl::algorithm::convolution_direct;
        const auto d = s.has_bias ? Make::make(dnnl_attributes(), forward, direct, wish.x, wish.weight, wish.bias, wish.y, wish.strides,
                                               wish.dilations, wish.padding, wish.padding)
                                  : Make::make(dnnl_attributes(), forward, direct, wish.x, wish.weight, wish.y, wish.strides,
                                               wish.dilations, wish.padding, wish.padding);
        if (!d || is_reference(d)) return nullptr;
        plan.take(lies, d.src_desc(), d.diff_weights_desc(), d.diff_dst_desc(), d.impl_info_str());
        std::vector<BoundPrimitive::Argument> arguments{
            {DNNL_ARG_SRC, plan.x_.inside}, {DNNL_ARG_DIFF_WEIGHTS, plan.weight_.inside}, {DNNL_ARG_DIFF_DST, plan.y_.inside}};
        if (s.has_bias) arguments.push_back({DNNL_ARG_DIFF_BIAS, lies.bias});
        plan.set_primitive(BoundPrimitive(WeightGrad(d), arguments, d.scratchpad_desc()));
        break;
      }
    }
    return new DnnlConv(std::move(plan));
  }

  DnnlConv(DnnlConv&& o) noexcept
      : pass_(o.pass_), has_bias_(o.has_bias_), name_(o.name_), bytes_(o.bytes_), scratch_at_(o.scratch_at_), scratch_bytes_(o.scratch_bytes_),
        x_(std::move(o.x_)), weight_(std::move(o.weight_)), y_(std::move(o.y_)), primitive_(std::move(o.primitive_)) {}

  std::size_t workspace_bytes() const override { return bytes_; }
  const char* implementation() const override { return name_; }
  void run(const ConvBuffers& buffers, void* workspace) const override {
    void* const scratch = at_byte(workspace, scratch_at_);
    void* const x = place(x_, buffers.x, workspace, pass_ != ConvPass::input_grad, scratch);
    void* const weight = place(weight_, buffers.weight, workspace, pass_ != ConvPass::weight_grad, scratch);
    void* const y = place(y_, buffers.y, workspace, pass_ != ConvPass::forward, scratch);
    if (has_bias_ && pass_ != ConvPass::input_grad) primitive_.execute({x, weight, y, buffers.bias}, scratch);
    else primitive_.execute({x, weight, y}, scratch);
    const Operand& result = pass_ == ConvPass::forward ? y_ : pass_ == ConvPass::input_grad ? x_ : weight_;
    void* const from = pass_ == ConvPass::forward ? y : pass_ == ConvPass::input_grad ? x : weight;
    void* const to = pass_ == ConvPass::forward ? buffers.y : pass_ == ConvPass::input_grad ? buffers.x : buffers.weight;
    if (result.reorder) result.reorder.execute({from, to}, scratch);
  }

 private:
  struct Operand {
    memory::desc inside;     // the layout that the primitive works on
    BoundPrimitive reorder;  // from outside to inside, or back for a result; empty where the layouts are equal
    std::size_t at = 0;      // where the inside copy lies in the workspace
  };
  DnnlConv(ConvPass pass, bool has_bias) : pass_(pass), has_bias_(has_bias) {}

  void take(const Descriptions& lies, const memory::desc& x, const memory::desc& weight, const memory::desc& y, const char* name) {
    name_ = name;
    settle(x_, lies.x, x, pass_ == ConvPass::input_grad);
    settle(weight_, lies.weight, weight, pass_ == ConvPass::weight_grad);
    settle(y_, lies.y, y, pass_ == ConvPass::forward);
  }
  void settle(Operand& operand, const memory::desc& outside, const memory::desc& inside, bool is_result) {
    operand.inside = inside;
    operand.reorder = is_result ? make_reorder(inside, outside) : make_reorder(outside, inside);
    if (!operand.reorder) return;
    operand.at = bytes_;
    bytes_ += aligned_bytes(inside.get_size());
    scratch_bytes_ = std::max(scratch_bytes_, operand.reorder.scratch_bytes());
  }
  void set_primitive(BoundPrimitive primitive) {
    primitive_ = std::move(primitive);
    scratch_at_ = bytes_;
    bytes_ += std::max(scratch_bytes_, primitive_.scratch_bytes());
  }
  static void* place(const Operand& operand, void* outside, void* workspace, bool is_read, void* scratch) {
    if (!operand.reorder) return outside;
    void* const inside = at_byte(workspace, operand.at);
    if (is_read) operand.reorder.execute({outside, inside}, scratch);
    return inside;
  }

  ConvPass pass_;
  bool has_bias_;
  const char* name_ = "";
  std::size_t bytes_ = 0, scratch_at_ = 0, scratch_bytes_ = 0;
  Operand x_, weight_, y_;
  BoundPrimitive primitive_;
};

}  // namespace

Plan* make_dnnl_conv(ConvPass pass, const ConvShape& s) {
  const Descriptions lies = given(s);
  // Channels-last is worked on in place. Row-major images are slower to convolve than to reorder, unless oneDNN says so itself.
  const bool channels_last = s.x_strides[1] == 1 && s.y_strides[1] == 1 && s.c > 1 && s.o > 1;
  const Freedom first = channels_last ? Freedom::weights_only : Freedom::everything;
  const Freedom second = channels_last ? Freedom::everything : Freedom::weights_only;
  for (const Freedom freedom : {first, second})
    if (Plan* plan = DnnlConv::make(pass, s, lies, wished(s, lies, freedom))) return plan;
  return nullptr;
}

}  // namespace tasuki::cpu
