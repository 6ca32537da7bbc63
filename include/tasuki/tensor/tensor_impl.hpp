#pragma once
#include "tasuki/core/shape.hpp"
#include "tasuki/core/view.hpp"
#include "tasuki/runtime/storage.hpp"

namespace tasuki {

class Node;
struct LeafState;

/// What a Tensor points to: a view of a storage, and its place on the tape. Counted twice, like its storage: handles (Tensor
/// objects) keep the bytes and the grad edge; records (slots of nodes) keep only the description, so that a node knows how an
/// operand was laid out without keeping it alive.
class TensorImpl {
 public:
  /// One handle (the caller's) on a view of `storage`; takes over one record and one bytes reference of it.
  static TensorImpl* create(Storage* storage, std::int64_t offset, DType dtype, const Shape& shape, const Strides& strides);

  void retain() noexcept { count_up(handles_); }
  void release() noexcept {
    if (count_down(handles_)) drop_handles();
  }
  void retain_record() noexcept { count_up(records_); }
  void release_record() noexcept {
    if (count_down(records_)) destroy();
  }
  bool handle_unique() const { return __atomic_load_n(&handles_, __ATOMIC_ACQUIRE) == 1u; }

  void* address() const {
    return static_cast<char*>(storage->data()) + offset * static_cast<std::int64_t>(size_of(dtype));
  }
  View view() const {
    return {address(), shape.data(), strides.data(), numel, dtype, static_cast<std::uint8_t>(shape.ndim()), true, contiguous};
  }
  bool requires_grad() const { return grad_node != nullptr || wants_grad; }
  /// Points this tensor, and so every handle on it, at other bytes: how parameters move between devices and into arenas. Takes
  /// over one record and one bytes reference of `adopted`.
  void reseat(Storage* adopted, std::int64_t new_offset, DType new_dtype, const Shape& new_shape, const Strides& new_strides);

  Storage* storage;      // one record reference; one bytes reference while there are handles
  std::int64_t offset;   ///< elements from the start of the storage
  std::int64_t numel;
  Node* grad_node = nullptr;  ///< owned; the node that computed it, if that was recorded
  LeafState* leaf = nullptr;  ///< owned; gradient and hooks of a tensor that was not computed
  Shape shape;
  Strides strides;
  DType dtype;
  std::uint8_t output_number = 0;  ///< which output of grad_node this is
  bool contiguous;
  bool wants_grad = false;  ///< a leaf that requires a gradient
  bool is_view = false;     ///< a differentiable view of another tensor

 private:
  TensorImpl() = default;
  ~TensorImpl() = default;
  void drop_handles() noexcept;
  void destroy() noexcept;
  unsigned handles_ = 1, records_ = 1;  // all handles together hold one record
};

}  // namespace tasuki
