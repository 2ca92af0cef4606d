# A service's code except main.c is a static library, so that unit tests reach all of it.

# posemesh_service(<name> SOURCES <file>... [LIBRARIES <target>...]): library posemesh_<name>, program posemesh-<name>
function(posemesh_service name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_library(posemesh_${name} STATIC ${arg_SOURCES})
  target_include_directories(posemesh_${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(posemesh_${name} PUBLIC posemesh_common ${arg_LIBRARIES})
  add_executable(posemesh-${name} main.c)
  target_link_libraries(posemesh-${name} PRIVATE posemesh_${name})
  set_target_properties(posemesh-${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
endfunction()

# posemesh_unit_tests(LIBRARIES <target>...): every <subject>_test.c of this folder becomes the test unit/<subject>
function(posemesh_unit_tests)
  cmake_parse_arguments(arg "" "" "SUPPORT;LIBRARIES" ${ARGN})
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.c)
  add_library(posemesh_unit_support STATIC ${arg_SUPPORT})
  target_include_directories(posemesh_unit_support PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(posemesh_unit_support PUBLIC ${arg_LIBRARIES} PkgConfig::CMOCKA)
  foreach(file ${files})
    get_filename_component(subject ${file} NAME_WE)
    string(REGEX REPLACE "_test$" "" subject ${subject})
    add_executable(unit-${subject} ${file})
    target_link_libraries(unit-${subject} PRIVATE posemesh_unit_support)
    set_target_properties(unit-${subject} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/unit)
    add_test(NAME unit/${subject} COMMAND unit-${subject})
    set_tests_properties(unit/${subject} PROPERTIES TIMEOUT 120 LABELS unit
      ENVIRONMENT "POSEMESH_SOURCE_DIR=${CMAKE_SOURCE_DIR}")
  endforeach()
endfunction()
