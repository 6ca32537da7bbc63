#pragma once
#include <cstdint>

#include "kernels/merged_dims.hpp"

namespace tasuki::kernels::cpu::TASUKI_ISA {

/// Visits the slices of up to eight-dimensional arrays along one dimension: `count` runs, each of `inner` slices that lie
/// `inner_stride` apart. All K arrays have one shape and strides of their own. Dense arrays come out as one run in memory order.
template <int K>
class Walk {
 public:
  /// `skip` is the dimension along which slices run; -1 visits single elements.
  Walk(const std::int64_t* shape, int ndim, int skip, const std::int64_t* const (&strides)[K]) : dims_(shape, ndim, skip, strides) {
    if (dims_.count > 0) {
      --dims_.count;
      inner = dims_.size[dims_.count];
      for (int k = 0; k < K; ++k) inner_stride[k] = dims_.stride[k][dims_.count];
    }
    for (int d = 0; d < dims_.count; ++d) count *= dims_.size[d];
  }

  std::int64_t count = 1;
  std::int64_t inner = 1;
  std::int64_t inner_stride[K] = {};

  /// Where a run starts in each array.
  struct Place {
    std::int64_t offset[K];
  };
  Place run(std::int64_t number) const {
    Place place;
    dims_.locate(number, dims_.count, place.offset);
    return place;
  }
  /// Where one slice of all count * inner starts.
  Place slice(std::int64_t number) const {
    Place place = run(count == 1 ? 0 : number / inner);
    const std::int64_t i = count == 1 ? number : number % inner;
    for (int k = 0; k < K; ++k) place.offset[k] += i * inner_stride[k];
    return place;
  }

 private:
  MergedDims<K> dims_;
};

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
