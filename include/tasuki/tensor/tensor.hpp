#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "tasuki/core/device.hpp"
#include "tasuki/core/dtype.hpp"
#include "tasuki/core/function_ref.hpp"
#include "tasuki/core/half.hpp"
#include "tasuki/core/shape.hpp"
#include "tasuki/core/source_location.hpp"

namespace tasuki {

class Index;
class Tensor;
class TensorImpl;
class Storage;

/// How the logical dimensions N, C, [D,] H, W lie in memory. `channels_last` puts C innermost (NHWC, NDHWC).
enum class MemoryFormat : std::uint8_t { contiguous, channels_last };

/// For factory functions: `ts::randn({2, 3}, {.dtype = ts::f64})`.
struct TensorOptions {
  DType dtype = DType::f32;
  Device device = default_device();
  bool requires_grad = false;
};

struct BackwardOptions {
  bool retain_graph = false;  ///< keep what the tape saved, for another backward
  bool create_graph = false;  ///< record the backward pass itself, for gradients of gradients; implies retain_graph
};

/// A right operand: a tensor, or a number that takes the tensor's dtype, and the place where the user wrote it (operators cannot
/// take default arguments).
class Operand {
 public:
  Operand(const Tensor& tensor, SourceLocation at = SourceLocation::current()) : tensor_(&tensor), at_(at) {}
  template <class S>
    requires(std::is_arithmetic_v<S>)
  Operand(S scalar, SourceLocation at = SourceLocation::current())
      : scalar_(static_cast<double>(scalar)), integral_(std::is_integral_v<S>), at_(at) {}
  const Tensor* tensor() const { return tensor_; }
  double scalar() const { return scalar_; }
  bool is_integral_scalar() const { return integral_; }
  SourceLocation at() const { return at_; }

 private:
  const Tensor* tensor_ = nullptr;
  double scalar_ = 0;
  bool integral_ = false;
  SourceLocation at_;
};

template <class T>
class DataAccess;

/// A handle on an n-dimensional array: cheap to copy, never lazy; copies share the elements and the place on the tape.
/// Ops are free functions (ts::relu(x)); the common ones are methods as well.
class Tensor {
  using At = SourceLocation;

 public:
  Tensor() = default;  ///< undefined: no array
  Tensor(const Tensor& o) : impl_(o.impl_) {
    if (impl_) retain(impl_);
  }
  Tensor(Tensor&& o) noexcept : impl_(o.detach_impl()) {}
  Tensor& operator=(const Tensor& o) {
    Tensor copy(o);
    swap(copy);
    return *this;
  }
  Tensor& operator=(Tensor&& o) noexcept {
    Tensor taken(static_cast<Tensor&&>(o));
    swap(taken);
    return *this;
  }
  ~Tensor() {
    if (impl_) release(impl_);
  }
  void swap(Tensor& o) noexcept {
    TensorImpl* p = impl_;
    impl_ = o.impl_;
    o.impl_ = p;
  }
  bool defined() const { return impl_ != nullptr; }
  explicit operator bool() const { return defined(); }
  /// True when both are handles on the same tensor (not: equal elements).
  bool is_same(const Tensor& o) const { return impl_ == o.impl_; }
  bool shares_storage(const Tensor& o) const;

  // -- what it is. All of these throw ValueError on an undefined tensor.
  const Shape& shape() const;
  const Shape& sizes() const { return shape(); }
  const Strides& strides() const;
  std::int64_t size(int dim) const;  ///< negative dims count from the back
  std::int64_t stride(int dim) const;
  int ndim() const;
  int dim() const { return ndim(); }
  std::int64_t numel() const;
  DType dtype() const;
  Device device() const;
  std::size_t element_size() const { return size_of(dtype()); }
  std::size_t nbytes() const { return static_cast<std::size_t>(numel()) * element_size(); }
  bool is_contiguous(MemoryFormat format = MemoryFormat::contiguous) const;
  /// How often the storage was written in place.
  std::uint32_t version() const;
  /// "f32[64, 784] cpu"; "undefined".
  std::string describe() const;
  /// Elements as NumPy prints them, summarized beyond 1,000.
  std::string to_string() const;

  // -- elements, on the host. Copies; waits for the device.
  /// The one element. T must hold the dtype's values: float or double from floating, any integer or double from integral, bool from bool.
  template <class T>
    requires(is_element<T>)
  T item(At at = At::current()) const {
    T value;
    item_into(&value, dtype_of<T>, at);
    return value;
  }
  /// All elements in row-major order; T is the C++ type of the dtype (float for f32, bfloat16 for bf16, ...).
  template <class T>
    requires(is_element<T>)
  std::vector<T> to_vector(At at = At::current()) const {
    std::vector<T> values(static_cast<std::size_t>(numel()));
    if constexpr (std::is_same_v<T, bool>) {
      std::vector<unsigned char> bytes(values.size());
      copy_to_host(bytes.data(), dtype_of<bool>, at);
      values.assign(bytes.begin(), bytes.end());
    } else {
      copy_to_host(values.data(), dtype_of<T>, at);
    }
    return values;
  }
  /// The elements of a contiguous CPU tensor, pinned while the returned access lives. The mutable form counts as an in-place write.
  template <class T>
  DataAccess<T> data(At at = At::current());
  template <class T>
  DataAccess<const T> data(At at = At::current()) const;

  // -- the tape
  bool requires_grad() const;
  /// Marks a leaf (a tensor that no recorded op computed) as wanting a gradient. Floating dtypes only.
  const Tensor& requires_grad_(bool on = true, At at = At::current()) const;
  bool is_leaf() const;
  /// The gradient that backward() left here; undefined before, and after zero_grad.
  Tensor grad() const;
  void set_grad(const Tensor& grad) const;
  void zero_grad() const;
  /// Keeps the gradient of a computed tensor, which backward otherwise drops.
  const Tensor& retain_grad() const;
  /// Gradients of this one-element tensor with respect to all leaves, added to their grad().
  void backward(const BackwardOptions& options = {}, At at = At::current()) const;
  /// The same, starting from a given gradient of this tensor.
  void backward(const Tensor& gradient, const BackwardOptions& options = {}, At at = At::current()) const;
  /// The same elements, off the tape.
  Tensor detach() const;
  /// Called with the gradient of this tensor in every backward pass, before it is used; a defined return value replaces it.
  void register_hook(Callback<Tensor(const Tensor&)> hook) const;
  /// For leaves: called once per backward pass, when the gradient is complete and stored.
  void register_post_accumulate_hook(Callback<void(const Tensor& leaf)> hook) const;

  // -- moves and casts; both are differentiable
  Tensor to(DType dtype, At at = At::current()) const;
  Tensor to(Device device, At at = At::current()) const;
  Tensor cpu(At at = At::current()) const { return to(Device::cpu(), at); }
  /// A dense tensor of the given format: itself where it already is one.
  Tensor contiguous(MemoryFormat format = MemoryFormat::contiguous, At at = At::current()) const;
  Tensor clone(At at = At::current()) const;

  // -- views: they share the elements
  Tensor operator[](std::int64_t index) const;  ///< select along dimension 0
  Tensor select(int dim, std::int64_t index, At at = At::current()) const;
  Tensor slice(int dim, std::int64_t begin, std::int64_t end, std::int64_t step = 1, At at = At::current()) const;
  Tensor narrow(int dim, std::int64_t begin, std::int64_t length, At at = At::current()) const;
  Tensor view(const Shape& shape, At at = At::current()) const;     ///< one -1 is inferred; never copies
  Tensor reshape(const Shape& shape, At at = At::current()) const;  ///< a view where possible, else a copy
  Tensor flatten(int from = 0, int to = -1, At at = At::current()) const;
  Tensor transpose(int a, int b, At at = At::current()) const;
  Tensor permute(const Dims& order, At at = At::current()) const;
  Tensor t(At at = At::current()) const;  ///< transpose of a matrix
  Tensor expand(const Shape& shape, At at = At::current()) const;
  Tensor squeeze(At at = At::current()) const;
  Tensor squeeze(int dim, At at = At::current()) const;
  Tensor unsqueeze(int dim, At at = At::current()) const;
  Tensor unfold(int dim, std::int64_t size, std::int64_t step, At at = At::current()) const;
  Tensor diagonal(std::int64_t offset = 0, int dim1 = 0, int dim2 = 1, At at = At::current()) const;

  /// x[indices]: numbers, slices, masks, lists of numbers; see ops/index.hpp.
  Tensor index(const std::vector<Index>& indices, At at = At::current()) const;

  // -- comparisons: bool tensors
  Tensor eq(Operand o) const;
  Tensor ne(Operand o) const;
  Tensor lt(Operand o) const;
  Tensor le(Operand o) const;
  Tensor gt(Operand o) const;
  Tensor ge(Operand o) const;

  // -- in place: they write into this tensor's elements and return it
  const Tensor& add_(Operand o) const;
  const Tensor& sub_(Operand o) const;
  const Tensor& mul_(Operand o) const;
  const Tensor& div_(Operand o) const;
  const Tensor& copy_(const Tensor& source, At at = At::current()) const;
  const Tensor& fill_(double value, At at = At::current()) const;
  const Tensor& zero_(At at = At::current()) const { return fill_(0, at); }
  const Tensor& index_put_(const std::vector<Index>& indices, Operand values, bool accumulate = false) const;
  const Tensor& operator+=(Operand o) const { return add_(o); }
  const Tensor& operator-=(Operand o) const { return sub_(o); }
  const Tensor& operator*=(Operand o) const { return mul_(o); }
  const Tensor& operator/=(Operand o) const { return div_(o); }

  // -- the common ops as methods; their contracts stand with the free functions
  Tensor add(Operand o) const;
  Tensor sub(Operand o) const;
  Tensor mul(Operand o) const;
  Tensor div(Operand o) const;
  Tensor pow(Operand o) const;
  Tensor matmul(const Tensor& o, At at = At::current()) const;
  Tensor sum(At at = At::current()) const;
  Tensor sum(const Dims& dims, bool keepdim = false, At at = At::current()) const;
  Tensor mean(At at = At::current()) const;
  Tensor mean(const Dims& dims, bool keepdim = false, At at = At::current()) const;
  Tensor max(At at = At::current()) const;
  Tensor argmax(int dim, bool keepdim = false, At at = At::current()) const;
  Tensor softmax(int dim, At at = At::current()) const;
#define TASUKI_UNARY(name) Tensor name(At at = At::current()) const;
#include "tasuki/tensor/unary_names.inc"
#undef TASUKI_UNARY

  // -- for those who extend the library
  static Tensor adopt(TensorImpl* impl) {
    Tensor t;
    t.impl_ = impl;
    return t;
  }
  TensorImpl* impl() const { return impl_; }
  TensorImpl* detach_impl() noexcept {
    TensorImpl* p = impl_;
    impl_ = nullptr;
    return p;
  }
  Storage& storage() const;
  std::int64_t storage_offset() const;

 private:
  static void retain(TensorImpl* impl) noexcept;
  static void release(TensorImpl* impl) noexcept;
  void item_into(void* value, DType as, At at) const;
  void copy_to_host(void* values, DType as, At at) const;
  void* pin_data(DType as, bool writable, At at) const;
  static void unpin_data(TensorImpl* impl) noexcept;
  template <class T>
  friend class DataAccess;
  TensorImpl* impl_ = nullptr;
};

/// Direct access to the elements of a contiguous CPU tensor; it holds and pins the bytes.
template <class T>
class DataAccess {
 public:
  DataAccess(const Tensor& tensor, SourceLocation at)
      : tensor_(tensor), data_(static_cast<T*>(tensor.pin_data(dtype_of<std::remove_const_t<T>>, !std::is_const_v<T>, at))) {}
  DataAccess(DataAccess&&) = default;
  DataAccess(const DataAccess&) = delete;
  DataAccess& operator=(const DataAccess&) = delete;
  ~DataAccess() {
    if (tensor_.defined()) Tensor::unpin_data(tensor_.impl());
  }
  T* get() const { return data_; }
  T* begin() const { return data_; }
  T* end() const { return data_ + tensor_.numel(); }
  std::size_t size() const { return static_cast<std::size_t>(tensor_.numel()); }
  T& operator[](std::int64_t i) const { return data_[i]; }

 private:
  Tensor tensor_;
  T* data_;
};

template <class T>
DataAccess<T> Tensor::data(At at) {
  return DataAccess<T>(*this, at);
}
template <class T>
DataAccess<const T> Tensor::data(At at) const {
  return DataAccess<const T>(*this, at);
}

Tensor operator+(const Tensor& a, Operand b);
Tensor operator-(const Tensor& a, Operand b);
Tensor operator*(const Tensor& a, Operand b);
Tensor operator/(const Tensor& a, Operand b);
Tensor operator-(const Tensor& a);

namespace detail {
/// scalar - a and scalar / a.
Tensor subtract_from(Operand scalar, const Tensor& a);
Tensor divide_by(Operand scalar, const Tensor& a);

/// A number on the left. It remembers the caller's place, which an operator template could not.
struct LeftScalar {
  template <class S>
    requires(std::is_arithmetic_v<S>)
  LeftScalar(S scalar, SourceLocation at = SourceLocation::current()) : operand(scalar, at) {}
  Operand operand;
};
}  // namespace detail

inline Tensor operator+(detail::LeftScalar s, const Tensor& t) { return t + s.operand; }
inline Tensor operator*(detail::LeftScalar s, const Tensor& t) { return t * s.operand; }
inline Tensor operator-(detail::LeftScalar s, const Tensor& t) { return detail::subtract_from(s.operand, t); }
inline Tensor operator/(detail::LeftScalar s, const Tensor& t) { return detail::divide_by(s.operand, t); }

}  // namespace tasuki
