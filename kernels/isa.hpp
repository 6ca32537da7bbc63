#pragma once

/// Which copy of the *.simd.cpp kernels runs. Each such file is compiled once per instruction set, into the namespace that
/// TASUKI_ISA names; the right one is picked at run time:
///
///     TASUKI_PER_ISA(void scale(const float* x, float* y, std::int64_t n))      // in the header: declares all copies
///     TASUKI_ON_ISA(scale)(x, y, n);                                            // calls the one for this processor
namespace tasuki::kernels::cpu {

enum class Isa : unsigned char { baseline, avx2, avx512 };

/// What the processor has, or less where the environment variable TASUKI_ISA says so ("baseline", "avx2", "avx512"). Fixed at
/// the first call.
Isa isa();
const char* name_of(Isa isa);

}  // namespace tasuki::kernels::cpu

#if defined(__x86_64__)
#define TASUKI_PER_ISA(...)               \
  namespace baseline { __VA_ARGS__; }     \
  namespace avx2 { __VA_ARGS__; }         \
  namespace avx512 { __VA_ARGS__; }
#define TASUKI_ON_ISA(function)                                                                       \
  (::tasuki::kernels::cpu::isa() == ::tasuki::kernels::cpu::Isa::avx512 ? &avx512::function           \
   : ::tasuki::kernels::cpu::isa() == ::tasuki::kernels::cpu::Isa::avx2 ? &avx2::function             \
                                                                        : &baseline::function)
#else
#define TASUKI_PER_ISA(...) \
  namespace baseline { __VA_ARGS__; }
#define TASUKI_ON_ISA(function) (&baseline::function)
#endif
