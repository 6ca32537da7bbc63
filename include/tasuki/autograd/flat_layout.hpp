#pragma once
#include <cstddef>
#include <vector>

#include "tasuki/core/intrusive.hpp"
#include "tasuki/runtime/storage.hpp"
#include "tasuki/tensor/tensor.hpp"

namespace tasuki {

/// The order and the place of a list of parameters, shared by whoever works on all of them: optimizer, gradient reducer, sharding.
///
/// Parameters of one dtype and device form a group, which lies in one address range (an Arena) for the parameters and one for
/// their gradients, each tensor at an offset that is a multiple of 64 bytes. An arena is no storage: every parameter and gradient
/// keeps a Storage of its own, with its own version and residency. Packing happens inside the TensorImpl, so that all handles
/// follow, and backward writes gradients straight into their slots: there is nothing to gather and nothing to scatter.
///
/// A parameter that is only a part of a larger storage, or lies in memory with gaps, is left where it is and gets a gradient slot
/// only. A parameter given twice (shared between modules) has one entry.
class FlatLayout {
 public:
  struct Entry {
    Tensor parameter;
    Tensor gradient;      ///< the slot; a dense tensor of the parameter's shape and strides. Undefined after release_gradient_slots
    std::size_t group;    ///< index into groups()
    std::size_t offset;   ///< bytes from the start of the group's ranges
    std::size_t bytes;    ///< of the tensor itself, without padding
    bool packed;          ///< the parameter itself is in the arena, at `offset`
    Shape shape;          ///< of the parameter when it was packed
    Strides strides;      ///< of its gradient
  };
  struct Group {
    DType dtype;
    Device device;
    std::size_t bytes = 0;  ///< of the range, padding included
    intrusive_ptr<Arena> parameters, gradients;
  };
  static constexpr std::size_t alignment = 64;

  /// Packs. Throws ValueError for undefined tensors, AutogradError for tensors that are not leaves, DTypeError for integers.
  explicit FlatLayout(const std::vector<Tensor>& parameters);
  ~FlatLayout();
  FlatLayout(const FlatLayout&) = delete;
  FlatLayout& operator=(const FlatLayout&) = delete;

  /// In the order in which the parameters were given.
  const std::vector<Entry>& entries() const { return entries_; }
  const std::vector<Group>& groups() const { return groups_; }
  /// Makes all gradients undefined. Under a budget their slots take no memory until backward writes to them, except for those that
  /// somebody still holds.
  void drop_gradients();
  /// Parameters and gradients lie in their arenas from now on, also under a budget: for whoever counts on one range of addresses.
  void keep_together();
  /// Whether no parameter has moved to another device, dtype or shape since it was packed.
  bool is_current() const;
  /// Packs again unless is_current; true if so. Values and gradients stay.
  bool refresh();
  /// Gives the gradients' memory back, for whoever keeps gradients elsewhere: backward makes new tensors then, and entries have no
  /// slot until the parameters are packed again, or make_gradient_slots.
  void release_gradient_slots();
  /// Gradients lie side by side again; those that there are are copied there.
  void make_gradient_slots();
  /// A zero tensor for each entry, in arenas of their own with the parameters' offsets: optimizer state. f64 where the parameter
  /// is f64, else f32.
  std::vector<Tensor> make_state() const;

 private:
  void pack();
  bool is_current(const Entry& entry) const;
  std::vector<Entry> entries_;
  std::vector<Group> groups_;
  bool together_ = false;
};

}  // namespace tasuki
