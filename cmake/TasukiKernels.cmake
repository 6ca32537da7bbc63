# kernels/*.simd.cpp are compiled once per instruction set, with TASUKI_ISA naming the namespace that each copy lives in.
# The table in kernels/isa.hpp picks one at run time, so one binary runs on every x86-64 and is fast on new ones.
# These files must not instantiate inline functions outside their own namespace: the linker keeps one copy of such a
# function and could keep the AVX-512 one for everybody (tests/structure/simd_symbols.py looks for that).

set(TASUKI_ISA_baseline_FLAGS "")
set(TASUKI_ISAS baseline)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  list(APPEND TASUKI_ISAS avx2 avx512)
  set(TASUKI_ISA_avx2_FLAGS -mavx2 -mfma -mf16c)
  set(TASUKI_ISA_avx512_FLAGS -mavx2 -mfma -mf16c -mavx512f -mavx512bw -mavx512dq -mavx512vl -mprefer-vector-width=512)
endif()

function(tasuki_add_simd_kernels target)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/kernels/*.simd.cpp)
  if(NOT sources)
    return()
  endif()
  foreach(isa IN LISTS TASUKI_ISAS)
    set(variant tasuki_simd_${isa})
    add_library(${variant} OBJECT ${sources})
    target_compile_features(${variant} PRIVATE cxx_std_20)
    target_compile_definitions(${variant} PRIVATE TASUKI_ISA=${isa})
    target_include_directories(${variant} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
    tasuki_compile_options(${variant})
    target_compile_options(${variant} PRIVATE
      $<$<CONFIG:Release>:-O3> -ffp-contract=fast -fno-math-errno -fno-trapping-math ${TASUKI_ISA_${isa}_FLAGS})
    set_target_properties(${variant} PROPERTIES POSITION_INDEPENDENT_CODE ON)
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:${variant}>)
  endforeach()
endfunction()
