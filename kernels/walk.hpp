#pragma once
#include <cstdint>

namespace tasuki::kernels::cpu::TASUKI_ISA {

/// Visits the slices of up to eight-dimensional arrays along one dimension: `count` runs, each of `inner` slices that lie
/// `inner_stride` apart. All K arrays have one shape and strides of their own. Dimensions are ordered by the strides of the first
/// array and merged where memory allows, so that dense arrays come out as one run in memory order.
template <int K>
class Walk {
 public:
  /// `skip` is the dimension along which slices run; -1 visits single elements.
  Walk(const std::int64_t* shape, int ndim, int skip, const std::int64_t* const (&strides)[K]) {
    int order[8], n = 0;
    for (int d = 0; d < ndim; ++d) {
      if (d == skip || shape[d] == 1) continue;
      int at = n++;
      for (; at > 0 && magnitude(strides[0][order[at - 1]]) < magnitude(strides[0][d]); --at) order[at] = order[at - 1];
      order[at] = d;
    }
    for (int i = 0; i < n; ++i) {
      const int d = order[i];
      bool merges = dims_ > 0;
      for (int k = 0; k < K && merges; ++k) merges = stride_[k][dims_ - 1] == strides[k][d] * shape[d];
      if (!merges) ++dims_;
      size_[dims_ - 1] = merges ? size_[dims_ - 1] * shape[d] : shape[d];
      for (int k = 0; k < K; ++k) stride_[k][dims_ - 1] = strides[k][d];
    }
    if (dims_ > 0) {
      --dims_;
      inner = size_[dims_];
      for (int k = 0; k < K; ++k) inner_stride[k] = stride_[k][dims_];
    }
    for (int d = 0; d < dims_; ++d) count *= size_[d];
  }

  std::int64_t count = 1;
  std::int64_t inner = 1;
  std::int64_t inner_stride[K] = {};

  /// Where a run starts in each array.
  struct Place {
    std::int64_t offset[K];
  };
  Place run(std::int64_t number) const {
    Place place{};
    for (int d = dims_ - 1; d >= 0; --d) {
      const std::int64_t i = number % size_[d];
      number /= size_[d];
      for (int k = 0; k < K; ++k) place.offset[k] += i * stride_[k][d];
    }
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
  static std::int64_t magnitude(std::int64_t a) { return a < 0 ? -a : a; }
  int dims_ = 0;
  std::int64_t size_[8] = {};
  std::int64_t stride_[K][8] = {};
};

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
