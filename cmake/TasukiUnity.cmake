# Most of a compiler's time here goes into the headers that sources share, so neighbours of a folder are compiled together.
# With TASUKI_UNITY=OFF each source is compiled by itself, as the presets for debuggers and sanitizers do: what one changes
# compiles faster then, and a source that forgets a header shows. What neighbours declare in unnamed namespaces needs names of
# its own.
set(TASUKI_UNITY_SIZE 8)
set(TASUKI_UNITY_OPTIONS $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)  # it takes every included file for a header

# Sources of the library: the last of each handful is compiled with -include for the others. CMake's own UNITY_BUILD would
# put a file that includes them into the build folder, and another folder's build would find nothing in a compiler's cache.
# A source with definitions of its own stays alone.
function(tasuki_unite)
  if(NOT TASUKI_UNITY)
    return()
  endif()
  set(folders "")
  foreach(source IN LISTS ARGN)
    get_filename_component(folder ${source} DIRECTORY)
    get_source_file_property(definitions ${source} COMPILE_DEFINITIONS)
    if(NOT definitions)
      list(APPEND folders ${folder})
      list(APPEND sources_of_${folder} ${source})
    endif()
  endforeach()
  list(REMOVE_DUPLICATES folders)
  foreach(folder IN LISTS folders)
    set(sources ${sources_of_${folder}})
    list(LENGTH sources count)
    math(EXPR groups "(${count} + ${TASUKI_UNITY_SIZE} - 1) / ${TASUKI_UNITY_SIZE}")
    foreach(group RANGE 1 ${groups})
      math(EXPR first "${count} * (${group} - 1) / ${groups}")
      math(EXPR others "${count} * ${group} / ${groups} - ${first} - 1")
      list(SUBLIST sources ${first} ${others} included)
      math(EXPR last "${first} + ${others}")
      list(GET sources ${last} compiled)
      set_source_files_properties(${included} PROPERTIES HEADER_FILE_ONLY ON)
      list(TRANSFORM included PREPEND "-include;")
      set_property(SOURCE ${compiled} APPEND PROPERTY COMPILE_OPTIONS ${TASUKI_UNITY_OPTIONS} ${included})
    endforeach()
  endforeach()
endfunction()

# Programs, which nobody builds twice.
function(tasuki_unite_program target)
  set_target_properties(${target} PROPERTIES UNITY_BUILD ${TASUKI_UNITY} UNITY_BUILD_BATCH_SIZE ${TASUKI_UNITY_SIZE})
  if(TASUKI_UNITY)
    target_compile_options(${target} PRIVATE ${TASUKI_UNITY_OPTIONS})
  endif()
endfunction()
