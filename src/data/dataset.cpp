#include "tasuki/data/dataset.hpp"

#include <cstring>

#include "src/core/annotated.hpp"
#include "tasuki/core/error.hpp"
#include "tasuki/tensor/layout.hpp"
#include "tasuki/tensor/tensor_impl.hpp"

namespace tasuki::data {

namespace {

Tensor make_batch(const Shape& example, DType dtype, std::int64_t count) {
  Shape shape = example;
  shape.insert(0, count);
  return detail::allocate(Device::cpu(), shape, dtype, OwnerClass::input);
}

/// Copies one example behind those that are there; the first says what all must look like.
class Stack {
 public:
  Stack(const char* what, std::int64_t count) : what_(what), count_(count) {}
  void add(const Tensor& example, std::int64_t index) {
    if (added_ == 0 && example.defined()) {
      batch_ = make_batch(example.shape(), example.dtype(), count_);
      first_index_ = index;
    }
    if (example.defined() != batch_.defined())
      TASUKI_THROW(ValueError, "examples of one batch must all have ", what_, ", or none; example ", index, " differs from the one before");
    ++added_;
    if (!example.defined()) return;
    const Shape wanted(batch_.shape().data() + 1, batch_.shape().size() - 1);
    if (example.shape() != wanted)
      TASUKI_THROW(ShapeError, "expected  ", what_, " of one shape in a batch: ", wanted, ", as in example ", first_index_, "\nactual    ", example.shape(), " in example ", index);
    if (example.dtype() != batch_.dtype())
      TASUKI_THROW(DTypeError, "expected  ", what_, " of one dtype in a batch: ", batch_.dtype(), ", as in example ", first_index_, "\nactual    ", example.dtype(), " in example ", index);
    const Tensor host = example.cpu().contiguous();
    if (host.numel() > 0)
      std::memcpy(static_cast<char*>(batch_.impl()->address()) + static_cast<std::size_t>(added_ - 1) * host.nbytes(), host.impl()->address(), host.nbytes());
  }
  Tensor result() const { return batch_; }

 private:
  const char* what_;
  std::int64_t count_, added_ = 0, first_index_ = 0;
  Tensor batch_;
};

Tensor gather(const Tensor& rows, const std::int64_t* indices, std::int64_t count) {
  if (!rows.defined()) return {};
  const Shape example(rows.shape().data() + 1, rows.shape().size() - 1);
  Tensor batch = make_batch(example, rows.dtype(), count);
  const std::size_t bytes = static_cast<std::size_t>(example.numel()) * rows.element_size();
  const char* from = static_cast<const char*>(rows.impl()->address());
  char* to = static_cast<char*>(batch.impl()->address());
  for (std::int64_t i = 0; i < count && bytes > 0; ++i, to += bytes) std::memcpy(to, from + static_cast<std::size_t>(indices[i]) * bytes, bytes);
  return batch;
}

void check_index(std::int64_t index, std::int64_t size) {
  TASUKI_CHECK(IndexError, index >= 0 && index < size, "the index is ", index, ", the dataset has ", size, " examples");
}

}  // namespace

Batch Dataset::batch(const std::int64_t* indices, std::int64_t count) const {
  Stack x("inputs", count), t("targets", count);
  for (std::int64_t i = 0; i < count; ++i) {
    const Batch example = get(indices[i]);
    if (!example.x.defined()) TASUKI_THROW(ValueError, "example ", indices[i], " has no input: get() returned an undefined x");
    x.add(example.x, indices[i]);
    t.add(example.t, indices[i]);
  }
  return {x.result(), t.result()};
}

TensorDataset::TensorDataset(const Tensor& x, const Tensor& t, SourceLocation at) {
  const auto operands = [&] { return "x: " + x.describe() + (t.defined() ? "   t: " + t.describe() : ""); };
  annotated("TensorDataset", "", at, operands, [&] {
    TASUKI_CHECK_OP(ShapeError, x.ndim(), >=, 1, "dimension 0 counts the examples");
    if (t.defined()) {
      TASUKI_CHECK_OP(ShapeError, t.ndim(), >=, 1, "dimension 0 counts the examples");
      TASUKI_CHECK_OP(ShapeError, x.size(0), ==, t.size(0), "each example needs one target");
    }
    if (!x.device().is_cpu() || (t.defined() && !t.device().is_cpu()))
      TASUKI_THROW(DeviceError, "expected  tensors on the CPU\nactual    ", x.device(), "\nkeep the dataset in host memory and move the batches with .to(device)");
    x_ = x.detach().contiguous();
    if (t.defined()) t_ = t.detach().contiguous();
  });
}

Batch TensorDataset::get(std::int64_t index) const {
  check_index(index, size());
  return {x_.select(0, index), t_.defined() ? t_.select(0, index) : Tensor()};
}

Batch TensorDataset::batch(const std::int64_t* indices, std::int64_t count) const {
  for (std::int64_t i = 0; i < count; ++i) check_index(indices[i], size());
  return {gather(x_, indices, count), gather(t_, indices, count)};
}

}  // namespace tasuki::data
