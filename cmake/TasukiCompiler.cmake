# Compiler flags that every target built here shares. None of them reaches the users of the library.

set(CMAKE_CXX_EXTENSIONS OFF)
if(TASUKI_TOP_LEVEL)
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
endif()

if(TASUKI_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  find_program(TASUKI_CCACHE_PROGRAM ccache)
  mark_as_advanced(TASUKI_CCACHE_PROGRAM)
  if(TASUKI_CCACHE_PROGRAM)
    # the tests use a precompiled header; without this sloppiness ccache would not cache what includes it
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros ${TASUKI_CCACHE_PROGRAM})
  endif()
endif()

# Release means -O2 here: -O3 costs compile time everywhere and gains only in the kernels, which ask for it themselves.
function(tasuki_compile_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra $<$<CONFIG:Release>:-O2>)
  if(TASUKI_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${TASUKI_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
    # PUBLIC: whoever links an instrumented archive needs the runtime
    get_target_property(type ${target} TYPE)
    if(type STREQUAL "EXECUTABLE" OR type STREQUAL "OBJECT_LIBRARY")
      target_link_options(${target} PRIVATE -fsanitize=${TASUKI_SANITIZE})
    else()
      target_link_options(${target} PUBLIC $<BUILD_INTERFACE:-fsanitize=${TASUKI_SANITIZE}>)
    endif()
  endif()
endfunction()
