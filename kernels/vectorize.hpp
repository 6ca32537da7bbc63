#pragma once

/// Stands before a loop no iteration of which reads what another one writes, so that the compiler vectorizes it without
/// checking whether the arrays overlap. An output that is one of the operands, at the same positions, is fine.
#if defined(__clang__)
// A functor that calls libm cannot be vectorized, and need not be.
#pragma clang diagnostic ignored "-Wpass-failed"
#define TASUKI_INDEPENDENT_ITERATIONS _Pragma("clang loop vectorize(assume_safety)")
#else
#define TASUKI_INDEPENDENT_ITERATIONS _Pragma("GCC ivdep")
#endif
