# Dependencies are found on the system and never downloaded. All of them are private: no public header names one.

set(TASUKI_MISSING_PACKAGES "")
set(TASUKI_FOUND_SUMMARY "")

macro(tasuki_report name found version package)
  if(${found})
    list(APPEND TASUKI_FOUND_SUMMARY "${name} ${version}")
  else()
    list(APPEND TASUKI_FOUND_SUMMARY "${name} MISSING")
    list(APPEND TASUKI_MISSING_PACKAGES ${package})
  endif()
endmacro()

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(DNNL 2.6 QUIET)
tasuki_report("oneDNN" DNNL_FOUND "${DNNL_VERSION}" libdnnl-dev)
find_package(Eigen3 3.3 QUIET NO_MODULE)
tasuki_report("Eigen" Eigen3_FOUND "${Eigen3_VERSION}" libeigen3-dev)
find_package(ZLIB QUIET)
tasuki_report("zlib" ZLIB_FOUND "${ZLIB_VERSION_STRING}" zlib1g-dev)
find_package(nlohmann_json 3.9 QUIET)
tasuki_report("nlohmann-json" nlohmann_json_FOUND "${nlohmann_json_VERSION}" nlohmann-json3-dev)

if(TASUKI_MISSING_PACKAGES)
  list(JOIN TASUKI_FOUND_SUMMARY "\n    " found)
  list(JOIN TASUKI_MISSING_PACKAGES " " packages)
  message(FATAL_ERROR "Tasuki needs libraries that are not installed.\n    ${found}\nInstall them on Debian or Ubuntu:\n    apt-get install ${packages}")
endif()

# GCC brings OpenMP. Clang needs its runtime beside it; without one, Tasuki's own kernels run on one thread (oneDNN does not).
find_package(OpenMP QUIET COMPONENTS CXX)
if(OpenMP_CXX_FOUND)
  list(APPEND TASUKI_FOUND_SUMMARY "OpenMP ${OpenMP_CXX_VERSION}")
else()
  list(APPEND TASUKI_FOUND_SUMMARY "OpenMP not found: own kernels run on one thread (with clang: apt-get install libomp-dev)")
endif()

# A project that adds this one by add_subdirectory links the static library's dependencies in its own directory scope.
get_property(here DIRECTORY PROPERTY IMPORTED_TARGETS)
foreach(imported DNNL::dnnl ZLIB::ZLIB OpenMP::OpenMP_CXX Threads::Threads)
  if(imported IN_LIST here)
    set_target_properties(${imported} PROPERTIES IMPORTED_GLOBAL ON)
  endif()
endforeach()

foreach(backend CUDA MPI)
  if(TASUKI_${backend} STREQUAL "AUTO" OR NOT TASUKI_${backend})
    list(APPEND TASUKI_FOUND_SUMMARY "${backend} back end: not in this version")
  else()
    message(FATAL_ERROR "TASUKI_${backend}=${TASUKI_${backend}}: this version of Tasuki has no ${backend} back end yet. Configure with TASUKI_${backend}=OFF or AUTO.")
  endif()
endforeach()

# Eigen and nlohmann-json are headers only: their include directories are all that is needed, and nothing is exported.
function(tasuki_link_dependencies target)
  foreach(headers Eigen3::Eigen nlohmann_json::nlohmann_json)
    target_include_directories(${target} SYSTEM PRIVATE $<TARGET_PROPERTY:${headers},INTERFACE_INCLUDE_DIRECTORIES>)
  endforeach()
  target_link_libraries(${target} PRIVATE DNNL::dnnl ZLIB::ZLIB Threads::Threads)
  if(OpenMP_CXX_FOUND)
    target_link_libraries(${target} PRIVATE OpenMP::OpenMP_CXX)
  endif()
endfunction()

function(tasuki_print_summary)
  get_target_property(type tasuki TYPE)
  string(REPLACE "_LIBRARY" "" type "${type}")
  list(JOIN TASUKI_ISAS ", " isas)
  list(JOIN TASUKI_FOUND_SUMMARY "\n    " found)
  message(STATUS "Tasuki ${PROJECT_VERSION}: ${type} ${CMAKE_BUILD_TYPE}, ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}, kernels for ${isas}\n    ${found}\n"
    "    tests ${TASUKI_BUILD_TESTS}, examples ${TASUKI_BUILD_EXAMPLES}, benchmarks ${TASUKI_BUILD_BENCHMARKS}, fuzzers ${TASUKI_BUILD_FUZZERS}, sanitizers ${TASUKI_SANITIZE}")
endfunction()
