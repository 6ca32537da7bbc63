#include <algorithm>
#include <cstring>

#include "src/cpu/conv_choices.hpp"
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
  memory::desc operand[3], bias;  // x, weight, y
  memory::dims strides, dilations, padding, padding_end;

  memory::desc& of(ConvOperand o) { return operand[static_cast<int>(o)]; }
  const memory::desc& of(ConvOperand o) const { return operand[static_cast<int>(o)]; }
};

constexpr ConvOperand operands[] = {ConvOperand::x, ConvOperand::weight, ConvOperand::y};

memory::dims to_dims(const Shape& s) { return memory::dims(s.begin(), s.end()); }
memory::dims to_dims(const ConvShape::Sizes& sizes, int dims, std::int64_t less = 0) {
  memory::dims result(sizes.end() - dims, sizes.end());
  for (auto& d : result) d -= less;
  return result;
}
/// oneDNN gives the weight of a grouped convolution a dimension of groups.
memory::dims dims_of(const ConvShape& s, ConvOperand operand) {
  memory::dims dims = to_dims(s.shape(operand));
  if (operand == ConvOperand::weight && s.groups > 1) {
    dims[0] /= s.groups;
    dims.insert(dims.begin(), s.groups);
  }
  return dims;
}

/// As the tensors lie.
Descriptions given(const ConvShape& s) {
  const auto type = dnnl_type(s.dtype);
  Descriptions d;
  for (const ConvOperand operand : operands) {
    memory::dims dims = dims_of(s, operand), strides = to_dims(s.strides_of(operand));
    if (dims.size() > strides.size()) strides.insert(strides.begin(), strides[0] * dims[1]);
    d.of(operand) = memory::desc(dims, type, strides);
  }
  if (s.has_bias) d.bias = memory::desc({s.o}, type, memory::dims{1});
  d.strides = to_dims(s.stride, s.dims);
  d.dilations = to_dims(s.dilation, s.dims, 1);
  d.padding = to_dims(s.padding, s.dims);
  d.padding_end = to_dims(s.padding_end, s.dims);
  return d;
}

Descriptions wished(const ConvShape& s, const Descriptions& given, Freedom freedom) {
  Descriptions d = given;
  for (const ConvOperand operand : operands)
    if (freedom == Freedom::everything || operand == ConvOperand::weight)
      d.of(operand) = memory::desc(dims_of(s, operand), dnnl_type(s.dtype), memory::format_tag::any);
  return d;
}

Forward::primitive_desc describe_forward(const Descriptions& d, bool has_bias) {
  const auto direct = dnnl::algorithm::convolution_direct;
  const auto training = dnnl::prop_kind::forward_training;
  const auto &x = d.of(ConvOperand::x), &weight = d.of(ConvOperand::weight), &y = d.of(ConvOperand::y);
  using Make = DescriptorMaker<Forward>;
  if (has_bias) return Make::make(dnnl_attributes(), training, direct, x, weight, d.bias, y, d.strides, d.dilations, d.padding, d.padding_end);
  return Make::make(dnnl_attributes(), training, direct, x, weight, y, d.strides, d.dilations, d.padding, d.padding_end);
}

class DnnlConv final : public ConvPlan {
 public:
  /// Null unless oneDNN has an implementation for these wishes that is more than reference loops.
  static DnnlConv* make(ConvOperand result, const ConvShape& s, const Descriptions& lies, const Descriptions& wish) {
    const bool has_bias = s.has_bias && result != ConvOperand::x;
    const auto forward = describe_forward(wish, has_bias);
    if (!forward) return nullptr;
    const auto direct = dnnl::algorithm::convolution_direct;
    const auto &x = wish.of(ConvOperand::x), &weight = wish.of(ConvOperand::weight), &y = wish.of(ConvOperand::y);
    DnnlConv plan(result, has_bias, s.dtype);
    switch (result) {
      case ConvOperand::y:
        if (is_reference(forward)) return nullptr;
        plan.take(lies, {forward.src_desc(), forward.weights_desc(), forward.dst_desc()}, forward.impl_info_str());
        plan.bind(Forward(forward), {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_BIAS}, lies.bias, forward.scratchpad_desc());
        break;
      case ConvOperand::x: {
        using Make = DescriptorMaker<InputGrad, Forward::primitive_desc>;
        const auto d = Make::make(dnnl_attributes(), forward, direct, x, weight, y, wish.strides, wish.dilations, wish.padding, wish.padding_end);
        if (!d || is_reference(d)) return nullptr;
        plan.take(lies, {d.diff_src_desc(), d.weights_desc(), d.diff_dst_desc()}, d.impl_info_str());
        plan.bind(InputGrad(d), {DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST, 0}, lies.bias, d.scratchpad_desc());
        break;
      }
      case ConvOperand::weight: {
        using Make = DescriptorMaker<WeightGrad, Forward::primitive_desc>;
        const auto d = has_bias ? Make::make(dnnl_attributes(), forward, direct, x, weight, wish.bias, y, wish.strides, wish.dilations,
                                             wish.padding, wish.padding_end)
                                : Make::make(dnnl_attributes(), forward, direct, x, weight, y, wish.strides, wish.dilations, wish.padding,
                                             wish.padding_end);
        if (!d || is_reference(d)) return nullptr;
        plan.take(lies, {d.src_desc(), d.diff_weights_desc(), d.diff_dst_desc()}, d.impl_info_str());
        plan.bind(WeightGrad(d), {DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_BIAS}, lies.bias, d.scratchpad_desc());
        break;
      }
    }
    return new DnnlConv(std::move(plan));
  }

  DnnlConv(DnnlConv&& o) noexcept
      : result_(o.result_), has_bias_(o.has_bias_), clears_scratch_(o.clears_scratch_), name_(o.name_), bytes_(o.bytes_), scratch_at_(o.scratch_at_), scratch_bytes_(o.scratch_bytes_),
        place_{std::move(o.place_[0]), std::move(o.place_[1]), std::move(o.place_[2])}, primitive_(std::move(o.primitive_)) {}

  std::size_t workspace_bytes() const override { return bytes_; }
  const char* implementation() const override { return name_; }
  void run(const ConvBuffers& buffers, void* workspace) const override {
    void* const scratch = at_byte(workspace, scratch_at_);
    void* inside[3];
    for (const ConvOperand operand : operands) {
      const Place& place = place_[static_cast<int>(operand)];
      void*& at = inside[static_cast<int>(operand)] = buffers.of(operand);
      if (!place.reorder) continue;
      at = at_byte(workspace, place.at);
      if (operand != result_) place.reorder.execute({buffers.of(operand), at}, scratch);
    }
    if (clears_scratch_) std::memset(scratch, 0, primitive_.scratch_bytes());
    if (has_bias_) primitive_.execute({inside[0], inside[1], inside[2], buffers.bias}, scratch);
    else primitive_.execute({inside[0], inside[1], inside[2]}, scratch);
    const Place& place = place_[static_cast<int>(result_)];
    if (place.reorder) place.reorder.execute({inside[static_cast<int>(result_)], buffers.of(result_)}, scratch);
  }

 private:
  struct Place {
    memory::desc inside;     // the layout that the primitive works on
    BoundPrimitive reorder;  // from outside to inside, or back for the result; empty where the layouts are equal
    std::size_t at = 0;      // where the inside copy lies in the workspace
  };
  /// oneDNN's bf16 gradients of weights turn x and y around in the scratchpad, and read there, beyond the edges of narrow images, what
  /// nobody has written.
  DnnlConv(ConvOperand result, bool has_bias, DType dtype)
      : result_(result), has_bias_(has_bias), clears_scratch_(dtype == bf16 && result == ConvOperand::weight) {}

  void take(const Descriptions& lies, std::initializer_list<memory::desc> inside, const char* name) {
    name_ = name;
    auto next = inside.begin();
    for (const ConvOperand operand : operands) {
      Place& place = place_[static_cast<int>(operand)];
      place.inside = *next++;
      const memory::desc& outside = lies.of(operand);
      place.reorder = operand == result_ ? make_reorder(place.inside, outside) : make_reorder(outside, place.inside);
      if (!place.reorder) continue;
      place.at = bytes_;
      bytes_ += aligned_bytes(place.inside.get_size());
      scratch_bytes_ = std::max(scratch_bytes_, place.reorder.scratch_bytes());
    }
  }
  /// The ids are those of x, weight, y and bias.
  void bind(dnnl::primitive primitive, std::initializer_list<int> ids, const memory::desc& bias, const memory::desc& scratchpad) {
    std::vector<BoundPrimitive::Argument> arguments;
    auto id = ids.begin();
    for (const Place& place : place_) arguments.push_back({*id++, place.inside});
    if (has_bias_) arguments.push_back({*id, bias});
    primitive_ = BoundPrimitive(std::move(primitive), arguments, scratchpad);
    scratch_at_ = bytes_;
    bytes_ += std::max(scratch_bytes_, primitive_.scratch_bytes());
  }

  ConvOperand result_;
  bool has_bias_, clears_scratch_;
  const char* name_ = "";
  std::size_t bytes_ = 0, scratch_at_ = 0, scratch_bytes_ = 0;
  Place place_[3];
  BoundPrimitive primitive_;
};

}  // namespace

Plan* make_dnnl_conv(ConvOperand result, const ConvShape& s) {
  const Descriptions lies = given(s);
  // Channels-last is worked on in place. Row-major images are slower to convolve than to reorder, unless oneDNN says so itself.
  const bool channels_last = s.strides_of(ConvOperand::x)[1] == 1 && s.strides_of(ConvOperand::y)[1] == 1 && s.c > 1 && s.o > 1;
  const Freedom first = channels_last ? Freedom::weights_only : Freedom::everything;
  const Freedom second = channels_last ? Freedom::everything : Freedom::weights_only;
  for (const Freedom freedom : {first, second})
    if (Plan* plan = DnnlConv::make(result, s, lies, wished(s, lies, freedom))) return plan;
  return nullptr;
}

}  // namespace tasuki::cpu
