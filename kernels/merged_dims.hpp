#pragma once
#include <cstdint>

// Kernels are compiled per instruction set into the namespace TASUKI_ISA; so is what they inline.
#if !defined(TASUKI_ISA)
#define TASUKI_ISA portable
#endif

namespace tasuki::kernels::cpu::TASUKI_ISA {

/// The dimensions of K arrays of one shape, for a walk through memory: ordered by the strides of the first array, outermost first,
/// without those of size 1, neighbours merged where all arrays allow it. Dense arrays come out with one dimension.
template <int K>
struct MergedDims {
  int count = 0;
  std::int64_t size[8] = {};
  std::int64_t stride[K][8] = {};

  MergedDims() = default;
  /// Dimension `skip` is left out; -1 leaves none out.
  MergedDims(const std::int64_t* shape, int ndim, int skip, const std::int64_t* const (&strides)[K]) {
    int order[8], n = 0;
    for (int d = 0; d < ndim; ++d) {
      if (d == skip || shape[d] == 1) continue;
      int at = n++;
      for (; at > 0 && magnitude(strides[0][order[at - 1]]) < magnitude(strides[0][d]); --at) order[at] = order[at - 1];
      order[at] = d;
    }
    for (int i = 0; i < n; ++i) {
      const int d = order[i];
      bool merges = count > 0;
      for (int k = 0; k < K && merges; ++k) merges = stride[k][count - 1] == strides[k][d] * shape[d];
      if (!merges) ++count;
      size[count - 1] = merges ? size[count - 1] * shape[d] : shape[d];
      for (int k = 0; k < K; ++k) stride[k][count - 1] = strides[k][d];
    }
  }

  /// Where position `number` of the first `dims` dimensions, the last of them fastest, lies in each array.
  void locate(std::int64_t number, int dims, std::int64_t (&offset)[K]) const {
    for (int k = 0; k < K; ++k) offset[k] = 0;
    for (int d = dims - 1; d >= 0; --d) {
      const std::int64_t i = number % size[d];
      number /= size[d];
      for (int k = 0; k < K; ++k) offset[k] += i * stride[k][d];
    }
  }

 private:
  static std::int64_t magnitude(std::int64_t a) { return a < 0 ? -a : a; }
};

}  // namespace tasuki::kernels::cpu::TASUKI_ISA
