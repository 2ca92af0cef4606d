# posemesh_library(<name> LIBRARIES <target>...): every .c of libcommon/<name> becomes the library common_<name>
function(posemesh_library name)
  cmake_parse_arguments(arg "" "" "LIBRARIES" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${name}/*.c)
  add_library(common_${name} STATIC ${sources})
  target_include_directories(common_${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(common_${name} PUBLIC ${arg_LIBRARIES})
endfunction()

# A program beside the others in <build>/bin.
function(posemesh_program name)
  cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LIBRARIES})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
endfunction()

# posemesh_service(<name> FOLDERS <folder>... LIBRARIES <target>...): library posemesh_<name> of all .c here and in the folders, and
# the program posemesh-<name>. All but a main.c is in the library, so that unit tests reach it.
function(posemesh_service name)
  cmake_parse_arguments(arg "" "" "FOLDERS;LIBRARIES" ${ARGN})
  set(patterns *.c)
  foreach(folder ${arg_FOLDERS})
    list(APPEND patterns ${folder}/*.c)
  endforeach()
  file(GLOB sources CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR} ${patterns})
  list(FILTER sources EXCLUDE REGEX "(^|/)main\\.c$")
  add_library(posemesh_${name} STATIC ${sources})
  target_link_libraries(posemesh_${name} PUBLIC ${arg_LIBRARIES})
  posemesh_program(posemesh-${name} SOURCES main.c LIBRARIES posemesh_${name})
endfunction()

# posemesh_unit_tests(SUPPORT <file>... LIBRARIES <target>...): every <subject>_test.c of this folder becomes the test unit/<subject>,
# with what the support files have for all of them
function(posemesh_unit_tests)
  cmake_parse_arguments(arg "" "" "SUPPORT;LIBRARIES" ${ARGN})
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*_test.c)
  add_library(posemesh_unit_support STATIC ${arg_SUPPORT})
  target_include_directories(posemesh_unit_support PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(posemesh_unit_support PUBLIC ${arg_LIBRARIES} PkgConfig::CMOCKA PkgConfig::JANSSON)
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
