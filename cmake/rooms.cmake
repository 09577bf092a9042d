# A room is one folder under src/, one static library, and exactly the edges given here (tools/layers.toml says the same and
# tools/check_layers.py compares). Sources are found by name: x.cpp is the room, x_test.cpp is its unit test,
# main.cpp belongs to a program.
#
# What nearly every source includes of the standard library is read once, by the first room and by its test, and taken from there by the
# others: a third of the time of a build. The preset dev does without, so that a source that forgets an include is found.
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
    target_compile_options(${name}_test PRIVATE $<$<CONFIG:Release>:-O1>)   # what is tested is in the room's library; a test itself runs once for every time it is compiled
    target_compile_definitions(${name}_test PRIVATE RIGCAST_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    rigcast_precompile(${name}_test base_test ${rigcast_common_headers} <gmock/gmock.h> <gtest/gtest.h>)
    add_test(NAME unit.${name} COMMAND ${name}_test)
    set_tests_properties(unit.${name} PROPERTIES ENVIRONMENT RC_PARAMS=seed=1)   # properties: the same cases in every run of the suite; others by hand
  endif()
endfunction()
