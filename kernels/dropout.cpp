#include "kernels/dropout.hpp"

#include "kernels/isa.hpp"

namespace tasuki::kernels::cpu {

TASUKI_PER_ISA(void dropout(const View&, const View&, double, PhiloxState, bool, std::uint8_t*))
TASUKI_PER_ISA(void dropout_by_bits(const View&, const std::uint8_t*, const View&, double, bool))

void dropout(const View& x, const View& y, double p, PhiloxState state, bool accumulate, std::uint8_t* kept) {
  TASUKI_ON_ISA(dropout)(x, y, p, state, accumulate, kept);
}
void dropout_by_bits(const View& x, const std::uint8_t* kept, const View& y, double p, bool accumulate) {
  TASUKI_ON_ISA(dropout_by_bits)(x, kept, y, p, accumulate);
}
std::int64_t dropout_bit_bytes(std::int64_t elements) { return (elements + philox_tile_words - 1) / philox_tile_words * (philox_tile_words / 8); }

}  // namespace tasuki::kernels::cpu
