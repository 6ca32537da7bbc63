#pragma once
#include "kernels/isa.hpp"

/// For a scope outside of tasuki::kernels::cpu: TASUKI_ON_ISA names the copies of a kernel relative to where it is used.
#if defined(__x86_64__)
#define TASUKI_USE_ISA                                    \
  namespace baseline = ::tasuki::kernels::cpu::baseline; \
  namespace avx2 = ::tasuki::kernels::cpu::avx2;         \
  namespace avx512 = ::tasuki::kernels::cpu::avx512;
#else
#define TASUKI_USE_ISA namespace baseline = ::tasuki::kernels::cpu::baseline;
#endif
