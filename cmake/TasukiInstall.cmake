# find_package(tasuki): the archive or shared library, the public headers and nothing private.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/tasuki)
set(targets tasuki)
if(TASUKI_HAS_MPI)
  list(APPEND targets tasuki_mpi)
endif()
install(TARGETS ${targets} EXPORT tasuki-targets)
install(DIRECTORY include/tasuki DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp" PATTERN "*.inc")
install(EXPORT tasuki-targets NAMESPACE tasuki:: DESTINATION ${package_dir})

get_target_property(library_type tasuki TYPE)
if(library_type STREQUAL "STATIC_LIBRARY")
  set(TASUKI_IS_STATIC ON)
else()
  set(TASUKI_IS_STATIC OFF)
endif()
configure_package_config_file(cmake/tasuki-config.cmake.in ${PROJECT_BINARY_DIR}/tasuki-config.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/tasuki-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${PROJECT_BINARY_DIR}/tasuki-config.cmake
  ${PROJECT_BINARY_DIR}/tasuki-config-version.cmake
  cmake/FindDNNL.cmake
  DESTINATION ${package_dir})
