# A folder, with the rooms below it, is a library. Beside its code stand x_test.cc (one test
# program a library) and x_fuzz.cc (one fuzz target a file, its corpus in the library's
# testdata/x_fuzz). A library that needs a third party beyond leat_third_party says so in its
# own uses.cmake: leat_use(PkgConfig::MARIADB).

set(LEAT_PARTS "" CACHE INTERNAL "")

macro(leat_use)
  target_link_libraries(${target} PUBLIC ${ARGN})
endmacro()

# The same for a library's test program alone.
macro(leat_test_use)
  set(test_uses ${ARGN})
endmacro()

# leat_library(name folder layers...)
function(leat_library name folder)
  set(target leat_${name})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${folder}/*.cc)
  set(tests ${sources})
  set(fuzzers ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cc$")
  list(FILTER sources EXCLUDE REGEX "(_test|_fuzz|/main)\\.cc$")
  if(NOT sources)
    add_library(${target} INTERFACE)
    set(scope INTERFACE)
  else()
    add_library(${target} STATIC ${sources})
    set(scope PUBLIC)
    leat_precompile(${target} leat_pch)
  endif()
  target_include_directories(${target} ${scope} ${CMAKE_SOURCE_DIR}/src
                             ${CMAKE_BINARY_DIR}/generated)
  target_link_libraries(${target} ${scope} leat_third_party)
  foreach(layer ${ARGN})
    target_link_libraries(${target} ${scope} leat_${layer})
  endforeach()
  set(test_uses "")
  include(${CMAKE_SOURCE_DIR}/${folder}/uses.cmake OPTIONAL)
  if(tests)
    add_executable(${target}_test ${tests})
    leat_precompile(${target}_test leat_test_pch)
    target_compile_options(${target}_test PRIVATE ${LEAT_TEST_OPTIONS})
    target_link_libraries(${target}_test PRIVATE ${target} ${test_uses} GTest::gmock
                          GTest::gtest_main)
    target_compile_definitions(${target}_test PRIVATE
                               LEAT_TESTDATA="${CMAKE_SOURCE_DIR}/${folder}/testdata")
    add_test(NAME ${name} COMMAND ${target}_test)
  endif()
  if(LEAT_FUZZ)
    foreach(file ${fuzzers})
      get_filename_component(fuzzer ${file} NAME_WE)
      add_executable(${fuzzer} ${file})
      set_target_properties(${fuzzer} PROPERTIES UNITY_BUILD OFF)
      target_link_libraries(${fuzzer} PRIVATE ${target})
      target_compile_options(${fuzzer} PRIVATE -fsanitize=fuzzer)
      target_link_options(${fuzzer} PRIVATE -fsanitize=fuzzer)
    endforeach()
  endif()
endfunction()

# Tests are not optimised and count no branches for a fuzzer: with sanitizers that takes two
# thirds off their compile time, which is most of what there is.
set(LEAT_TEST_OPTIONS -O0)
if(LEAT_FUZZ)
  list(APPEND LEAT_TEST_OPTIONS -fno-sanitize=fuzzer-no-link)
endif()

# Two precompiled headers for the whole tree: leat_pch has the standard library, Arrow and JSON,
# leat_test_pch GoogleTest as well.
function(leat_precompile target pch)
  if(NOT TARGET ${pch})
    # Not anew each time: everything would be compiled again.
    set(source ${CMAKE_BINARY_DIR}/generated/${pch}.cc)
    if(NOT EXISTS ${source})
      file(WRITE ${source} "")
    endif()
    add_library(${pch} STATIC ${source})
    target_link_libraries(${pch} PUBLIC leat_third_party)
    set(headers <algorithm> <atomic> <charconv> <chrono> <condition_variable> <deque>
        <filesystem> <fstream> <functional> <map> <memory> <mutex> <optional> <random> <set>
        <span> <sstream> <string> <string_view> <thread> <unordered_map> <variant> <vector>
        <arrow/api.h> <fmt/format.h> <nlohmann/json.hpp>)
    if(pch STREQUAL leat_test_pch)
      target_link_libraries(${pch} PUBLIC GTest::gmock)
      target_compile_options(${pch} PRIVATE ${LEAT_TEST_OPTIONS})
      list(APPEND headers <gmock/gmock.h> <gtest/gtest.h>)
    endif()
    target_precompile_headers(${pch} PRIVATE ${headers})
  endif()
  target_link_libraries(${target} PRIVATE leat_third_party)
  target_precompile_headers(${target} REUSE_FROM ${pch})
endfunction()

# Every folder below `parent` is a connector or step: a library leat_<folder> and a function
# Register<Folder>(Registry*) in register.h.
function(leat_parts parent)
  file(GLOB headers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${parent}/*/register.h)
  foreach(header ${headers})
    get_filename_component(absolute ${header} DIRECTORY)
    file(RELATIVE_PATH folder ${CMAKE_SOURCE_DIR} ${absolute})
    get_filename_component(name ${folder} NAME)
    leat_library(${name} ${folder} base data core wire format store)
    set(LEAT_PARTS ${LEAT_PARTS} ${folder} CACHE INTERNAL "")
  endforeach()
endfunction()

function(leat_write_registration)
  set(includes "")
  set(calls "")
  add_library(leat_parts STATIC ${CMAKE_BINARY_DIR}/generated/register_parts.cc)
  target_include_directories(leat_parts PUBLIC ${CMAKE_SOURCE_DIR}/src)
  target_link_libraries(leat_parts PUBLIC leat_core)
  foreach(folder ${LEAT_PARTS})
    get_filename_component(name ${folder} NAME)
    string(SUBSTRING ${name} 0 1 first)
    string(TOUPPER ${first} first)
    string(SUBSTRING ${name} 1 -1 rest)
    string(REPLACE "src/" "" header ${folder}/register.h)
    string(APPEND includes "#include \"${header}\"\n")
    string(APPEND calls "  Register${first}${rest}(registry);\n")
    target_link_libraries(leat_parts PRIVATE leat_${name})
  endforeach()
  file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/register_parts.cc @ONLY CONTENT
    "#include \"core/register_parts.h\"\n\n@includes@\nnamespace leat {\n\nvoid RegisterParts(Registry* registry) {\n@calls@}\n\n}  // namespace leat\n")
endfunction()

function(leat_program name main)
  add_executable(${name} ${main})
  list(TRANSFORM ARGN PREPEND leat_ OUTPUT_VARIABLE libraries)
  target_link_libraries(${name} PRIVATE ${libraries})
endfunction()
