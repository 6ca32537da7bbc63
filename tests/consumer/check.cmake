# Builds and runs one consumer project in a clean folder, as a stranger would.
# cmake -DPROJECT=find_package|add_subdirectory|fetch_content -DSHARED=ON|OFF -DWORK=<folder> -DSOURCE=<tasuki> -DBUILD=<its build>
#       -DOPTIONS=<options for every configure step> -P check.cmake

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}\nended with ${result}:\n${output}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})
list(APPEND OPTIONS -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=${SHARED})
set(prefix ${WORK}/prefix)

if(PROJECT STREQUAL "find_package")
  if(SHARED)  # the build that runs these tests is static
    set(BUILD ${WORK}/tasuki)
    run(${CMAKE_COMMAND} -S ${SOURCE} -B ${BUILD} ${OPTIONS}
      -DTASUKI_BUILD_TESTS=OFF -DTASUKI_BUILD_EXAMPLES=OFF -DTASUKI_BUILD_BENCHMARKS=OFF)
    run(${CMAKE_COMMAND} --build ${BUILD} --parallel)
  endif()
  run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix})
  # nothing private may travel: a stranger has neither the sources nor this build
  file(GLOB_RECURSE package ${prefix}/*.cmake)
  foreach(file IN LISTS package)
    file(READ ${file} text)
    foreach(private ${SOURCE} ${BUILD})
      string(FIND "${text}" "${private}/" at)
      if(NOT at EQUAL -1)
        message(FATAL_ERROR "${file} names ${private}")
      endif()
    endforeach()
  endforeach()
endif()

run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/${PROJECT} -B ${WORK}/consumer ${OPTIONS}
  -DCMAKE_PREFIX_PATH=${prefix} -DTASUKI_SOURCE=${SOURCE})
run(${CMAKE_COMMAND} --build ${WORK}/consumer --parallel)
execute_process(COMMAND ${WORK}/consumer/consumer WORKING_DIRECTORY ${WORK} RESULT_VARIABLE result)
if(NOT result EQUAL 0)
  message(FATAL_ERROR "the consumer's program ended with ${result}")
endif()
file(REMOVE_RECURSE ${WORK})
