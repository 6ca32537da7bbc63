#include "kernels/isa.hpp"

#include <cstdlib>
#include <string_view>

namespace tasuki::kernels::cpu {

namespace {

Isa detect() {
#if defined(__x86_64__)
  Isa best = Isa::baseline;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    best = Isa::avx2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
      best = Isa::avx512;
  }
  if (const char* wanted = std::getenv("TASUKI_ISA"))
    for (const Isa candidate : {Isa::baseline, Isa::avx2})
      if (candidate < best && std::string_view(wanted) == name_of(candidate)) return candidate;
  return best;
#else
  return Isa::baseline;
#endif
}

}  // namespace

Isa isa() {
  static const Isa chosen = detect();
  return chosen;
}

const char* name_of(Isa isa) {
  switch (isa) {
    case Isa::baseline: return "baseline";
    case Isa::avx2: return "avx2";
    case Isa::avx512: return "avx512";
  }
  return "?";
}

}  // namespace tasuki::kernels::cpu
