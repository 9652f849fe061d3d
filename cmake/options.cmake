if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()
set(LEAT_SANITIZE "" CACHE STRING "address,undefined | thread | empty")
option(LEAT_FUZZ "Build the fuzz targets (clang)" OFF)

# Several files of a library are compiled as one, so that what they include is compiled once.
# For a folder in which one edits much: cmake -DCMAKE_UNITY_BUILD=OFF build
set(CMAKE_UNITY_BUILD ON CACHE BOOL "Compile several files of a library as one")
set(CMAKE_UNITY_BUILD_BATCH_SIZE 8 CACHE STRING "How many")

find_program(CCACHE ccache)
if(CCACHE)
  # The sloppiness is what ccache asks for with precompiled headers; base_dir lets clones in
  # different folders share the cache.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR}
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      CCACHE_NOHASHDIR=true ${CCACHE})
endif()

set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1 -DNDEBUG")
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1")
add_compile_options(-Wall -Wextra -Werror -Wno-unused-parameter -march=x86-64-v3
                    -fno-omit-frame-pointer)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 sees uninitialised and overflowing memory in std::variant and std::string at -O2
  # where there is none.
  add_compile_options(-Wno-maybe-uninitialized -Wno-stringop-overflow -Wno-restrict
                      -Wno-array-bounds -Wno-stringop-overread)
  # Where a file is one of several in a unity build, g++ takes it for a header.
  add_compile_options(-Wno-subobject-linkage)
endif()

if(LEAT_SANITIZE)
  add_compile_options(-fsanitize=${LEAT_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${LEAT_SANITIZE})
  if(LEAT_SANITIZE MATCHES "address")
    # AddressSanitizer itself sees what goes beyond an object, at run time; the second check,
    # of what the compiler can tell, takes a sixth of the compile time.
    add_compile_options(-fno-sanitize=object-size)
  endif()
endif()
if(LEAT_FUZZ)
  # The code under test counts the branches it takes: without that a fuzzer is blind.
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()
