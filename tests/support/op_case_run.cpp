#include <algorithm>

#include "tests/support/op_checks.hpp"

namespace tasuki::testing {
namespace {

std::string shapes_text(const std::vector<Input>& inputs) {
  std::string text;
  for (const Input& i : inputs) text += (text.empty() ? "" : " ") + i.shape.to_string();
  return text;
}

Instance with_shapes(const OpCase& c, const std::vector<Shape>& shapes) {
  Instance instance{c, c.inputs, false};
  for (std::size_t i = 0; i < instance.inputs.size() && i < shapes.size(); ++i) instance.inputs[i].shape = shapes[i];
  return instance;
}

std::vector<Instance> instances_of(const OpCase& c) {
  std::vector<Instance> list{{c, c.inputs, true}};
  for (const auto& shapes : c.more_shapes) list.push_back(with_shapes(c, shapes));
  if (c.flags & elementwise)
    for (const Shape& shape : {Shape{}, Shape{0}, Shape{2, 0, 3}, Shape{67}})  // 67: full vectors and a tail
      list.push_back(with_shapes(c, std::vector<Shape>(c.inputs.size(), shape)));
  return list;
}

void check_forward(const Instance& instance) {
  for (DType dtype : instance.op_case.dtypes)
    for (Layout layout : instance.layouts())
      DYNAMIC_SECTION("values in " << name_of(dtype) << ", " << name_of(layout)) { check_values(instance, dtype, layout); }
  if (!instance.main) return;
  if (instance.has(elementwise) || instance.has(special_values))
    for (DType dtype : instance.op_case.dtypes)
      if (is_floating(dtype)) DYNAMIC_SECTION("NaN and infinities in " << name_of(dtype)) { check_special_values(instance, dtype); }
  if (!instance.has(no_nan))
    SECTION("NaN is not lost") { check_nan_is_seen(instance); }
}

void check_backward(const Instance& instance) {
  if (instance.has(no_gradient)) return;
  if (instance.takes(f64)) {
    for (Layout layout : instance.layouts()) {
      DYNAMIC_SECTION("gradcheck, " << name_of(layout)) { check_gradcheck(instance, layout); }
      for (DType dtype : instance.op_case.dtypes)
        if (is_floating(dtype) && dtype != f64)
          DYNAMIC_SECTION("gradients in " << name_of(dtype) << ", " << name_of(layout)) {
            check_gradients_of_narrow_types(instance, dtype, layout);
          }
      const bool cheap = layout == Layout::contiguous || (layout == Layout::transposed && instance.main);
      if (cheap && !instance.has(no_double_backward))
        DYNAMIC_SECTION("gradgradcheck, " << name_of(layout)) { check_gradgradcheck(instance, layout); }
    }
  }
  SECTION("each gradient alone") { check_gradients_one_at_a_time(instance); }
  SECTION("gradients add up") { check_accumulation(instance); }
}

void check_bits(const Instance& instance) {
  for (DType dtype : instance.op_case.dtypes) {
    if (!instance.has(nondeterministic))
      DYNAMIC_SECTION("the same bits again, " << name_of(dtype)) { check_same_bits_again(instance, dtype); }
    DYNAMIC_SECTION("grad mode changes no bit, " << name_of(dtype)) { check_grad_mode_changes_no_bit(instance, dtype); }
    if (is_floating(dtype) && !instance.has(no_replay) && !instance.has(no_gradient))
      for (Layout layout : instance.layouts())
        DYNAMIC_SECTION("replay, " << name_of(dtype) << ", " << name_of(layout)) { check_replay(instance, dtype, layout); }
  }
}

}  // namespace

bool Instance::takes(DType dtype) const {
  return std::find(op_case.dtypes.begin(), op_case.dtypes.end(), dtype) != op_case.dtypes.end();
}

bool Instance::empty() const {
  return std::any_of(inputs.begin(), inputs.end(), [](const Input& i) { return i.shape.numel() == 0; });
}

std::vector<Layout> Instance::layouts() const {
  std::vector<Layout> list{Layout::contiguous};
  if (!main || has(no_strided)) return list;
  for (Layout layout : {Layout::transposed, Layout::sliced, Layout::expanded, Layout::channels_last})
    if (applies(layout, inputs) && !(layout == Layout::expanded && has(no_expand))) list.push_back(layout);
  return list;
}

Outputs Instance::run(const Inputs& operands) const {
  if (op_case.before) op_case.before();
  return op_case.forward(operands);
}

void run_cases(const std::vector<OpCase>& cases) {
  for (const OpCase& c : cases)
    for (const Instance& instance : instances_of(c))
      DYNAMIC_SECTION(c.title() << " on " << shapes_text(instance.inputs)) {
        check_forward(instance);
        check_backward(instance);
        check_bits(instance);
      }
}

}  // namespace tasuki::testing
