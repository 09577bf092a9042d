# A room is one folder under src/, one static library, and exactly the edges given here (tools/layers.toml says the same and
# tools/check_layers.py compares). Sources are found by name: x.cpp is the room, x_test.cpp is its unit test,
# main.cpp belongs to a program.
#
# Eight sources of a room are compiled as one, which reads, instantiates and optimises what they share once: a third of the time of a build.
# So names in unnamed namespaces are unlike within a room. What nearly every source includes of the standard library is read once, by the
# first room and by its test, and taken from there by the others. The preset dev does without both, so that a source that forgets an
# include is found and one that is edited compiles alone.
set(rigcast_common_headers <algorithm> <array> <cmath> <cstdint> <filesystem> <functional> <map> <memory> <optional> <set> <string>
    <string_view> <utility> <vector> <tl/expected.hpp>)

# `target` reads `headers` once for itself, or takes them from `first` where that is another target.
function(rigcast_precompile target first)
  if(NOT RIGCAST_PCH)
    return()
  endif()
  if(target STREQUAL first)
    target_precompile_headers(${target} PRIVATE ${ARGN})
  else()
    target_precompile_headers(${target} REUSE_FROM ${first})
  endif()
endfunction()

function(rigcast_unite target)
  if(RIGCAST_UNITY)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  endif()
endfunction()

function(rigcast_room name)
  cmake_parse_arguments(ROOM "" "" "USES;LIBRARIES" ${ARGN})
  set(folder ${CMAKE_SOURCE_DIR}/src/${name})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${folder}/*.cpp)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "(_test|/main)\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  if(sources)
    add_library(rc_${name} STATIC ${sources})
    set(visible PUBLIC)
    target_link_libraries(rc_${name} PRIVATE ${ROOM_LIBRARIES})
    rigcast_unite(rc_${name})
    rigcast_precompile(rc_${name} rc_base ${rigcast_common_headers})
  else()
    add_library(rc_${name} INTERFACE)
    set(visible INTERFACE)
  endif()
  target_include_directories(rc_${name} ${visible} ${CMAKE_SOURCE_DIR}/src)
  foreach(used ${ROOM_USES})
    target_link_libraries(rc_${name} ${visible} rc_${used})
  endforeach()
  if(RIGCAST_TESTS AND tests)
    add_executable(${name}_test ${tests})
    target_link_libraries(${name}_test PRIVATE rc_${name} rc_test_support GTest::gmock_main)
    target_compile_options(${name}_test PRIVATE $<$<CONFIG:Release>:-O1> $<$<BOOL:${RIGCAST_FUZZ}>:-O0>)   # what is tested is in the room's library; a test itself runs once for every time it is compiled
    target_compile_definitions(${name}_test PRIVATE RIGCAST_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    rigcast_unite(${name}_test)
    rigcast_precompile(${name}_test base_test ${rigcast_common_headers} <gmock/gmock.h> <gtest/gtest.h>)
    add_test(NAME unit.${name} COMMAND ${name}_test)
    set_tests_properties(unit.${name} PROPERTIES ENVIRONMENT RC_PARAMS=seed=1)   # properties: the same cases in every run of the suite; others by hand
  endif()
endfunction()
