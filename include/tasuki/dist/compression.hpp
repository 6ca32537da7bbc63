#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace tasuki::dist {

/// What gradients are made smaller by on their way. It changes results, costs time of its own, and pays on slow links only: measure
/// (DataParallel::compression_report) before you keep it. Gradients of other types than f32 travel as they are.
struct Compression {
  enum class Kind : std::uint8_t {
    none,
    /// Rounded to 16 bits, summed in f32, rounded once more: half the bytes. f16 is the more exact, and overflows beyond 65504.
    bf16,
    f16,
    /// The largest `fraction` of each bucket's elements. The rest is kept, and added to the next gradients (error feedback).
    top_k,
    /// For each matrix the nearest one of rank `rank` that a single step of subspace iteration finds, starting from the last step's
    /// (PowerSGD, Vogels et al. 2019), with error feedback. Vectors, and matrices that would not become smaller, travel whole.
    power_sgd
  };
  Kind kind = Kind::none;
  double fraction = 0.01;       ///< of top_k, above 0 and at most 1
  int rank = 4;                 ///< of power_sgd
  /// Of top_k: momentum that is kept with the residual, instead of the optimizer's, which must then have none: updates that were held
  /// back arrive with the momentum that they would have gathered (Lin et al. 2018).
  double momentum = 0;
  std::int64_t warm_up = 0;     ///< first steps, in which everything travels whole
};

/// Since the DataParallel was made, on this process.
struct CompressionReport {
  std::size_t whole_bytes = 0;  ///< that all-reduces would have been given
  std::size_t sent_bytes = 0;   ///< that were given to all-reduces and gathers instead
  double seconds = 0;           ///< of the communication thread, with compressing
  double residual = 0;          ///< norm of what is kept back now / norm of the last step's gradients with it; 0 without error feedback
  /// "12.9 of 1290.2 MB sent (1.0 %), 0.41 s, residual 0.83"
  std::string to_string() const;
};

}  // namespace tasuki::dist
