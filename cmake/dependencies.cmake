find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(CURL REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(RocksDB REQUIRED)
find_package(GTest REQUIRED)
find_package(prometheus-cpp REQUIRED)
pkg_check_modules(MARIADB REQUIRED IMPORTED_TARGET libmariadb)
pkg_check_modules(HTTPLIB REQUIRED IMPORTED_TARGET cpp-httplib)
pkg_check_modules(ZSTD REQUIRED IMPORTED_TARGET libzstd)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)

# What scripts/deps.sh fetched.
if(DEFINED ENV{LEAT_CACHE})
  set(cache $ENV{LEAT_CACHE})
elseif(DEFINED ENV{XDG_CACHE_HOME})
  set(cache $ENV{XDG_CACHE_HOME}/leat)
else()
  set(cache $ENV{HOME}/.cache/leat)
endif()

# Arrow: an installed one (LEAT_SYSTEM_ARROW), or the one in the pyarrow wheel that
# scripts/deps.sh put into the cache. The wheel brings headers and libraries, no CMake files.
option(LEAT_SYSTEM_ARROW "Use an installed Arrow instead of the wheel's" OFF)
if(LEAT_SYSTEM_ARROW)
  find_package(Arrow REQUIRED)
  find_package(Parquet REQUIRED)
  add_library(leat_arrow INTERFACE)
  target_link_libraries(leat_arrow INTERFACE Arrow::arrow_shared Parquet::parquet_shared)
else()
  file(GLOB wheel ${cache}/arrow/lib/python3*/site-packages/pyarrow)
  if(NOT wheel)
    message(FATAL_ERROR "No Arrow in ${cache}: run scripts/deps.sh first")
  endif()
  file(GLOB arrow_so ${wheel}/libarrow.so.*)
  string(REGEX REPLACE ".*\\.so\\." "" so ${arrow_so})
  add_library(leat_arrow INTERFACE)
  target_include_directories(leat_arrow SYSTEM INTERFACE ${wheel}/include)
  # The wheel's libparquet exports an OpenSSL of its own. The system's must be found first,
  # or libmariadb and libcurl call into a mixture of both and crash in their first handshake.
  target_link_options(leat_arrow INTERFACE
                      -Wl,--push-state,--no-as-needed,-lssl,-lcrypto,--pop-state)
  foreach(lib arrow parquet arrow_compute)
    target_link_libraries(leat_arrow INTERFACE ${wheel}/lib${lib}.so.${so})
  endforeach()
  add_library(leat_arrow_s3 INTERFACE)
  target_link_libraries(leat_arrow_s3 INTERFACE leat_arrow ${wheel}/libarrow_s3.so.${so})
endif()

# librdkafka: an installed one (LEAT_SYSTEM_RDKAFKA), or the one scripts/deps.sh put into the
# cache; scripts/install_librdkafka.sh says what others do wrong.
option(LEAT_SYSTEM_RDKAFKA "Use an installed librdkafka instead of the cache's" OFF)
if(LEAT_SYSTEM_RDKAFKA)
  pkg_check_modules(RDKAFKA REQUIRED IMPORTED_TARGET rdkafka)
  add_library(leat_rdkafka ALIAS PkgConfig::RDKAFKA)
else()
  find_library(LEAT_RDKAFKA rdkafka PATHS ${cache}/librdkafka/lib NO_DEFAULT_PATH)
  if(NOT LEAT_RDKAFKA)
    message(FATAL_ERROR "No librdkafka in ${cache}: run scripts/deps.sh first")
  endif()
  add_library(leat_rdkafka INTERFACE)
  target_include_directories(leat_rdkafka SYSTEM INTERFACE ${cache}/librdkafka/include)
  target_link_libraries(leat_rdkafka INTERFACE ${LEAT_RDKAFKA})
endif()

# What a library may ask for with leat_use(); the names are those of the third parties.
add_library(leat_third_party INTERFACE)
target_link_libraries(leat_third_party INTERFACE leat_arrow fmt::fmt
                      nlohmann_json::nlohmann_json Threads::Threads)

# DuckDB: an installed one, or the one scripts/deps.sh put into the cache.
find_library(LEAT_DUCKDB duckdb HINTS ${cache}/duckdb/lib)
find_path(LEAT_DUCKDB_INCLUDE duckdb.h HINTS ${cache}/duckdb/include)
if(NOT LEAT_DUCKDB OR NOT LEAT_DUCKDB_INCLUDE)
  message(FATAL_ERROR "No DuckDB in ${cache}: run scripts/deps.sh first")
endif()
add_library(leat_duckdb INTERFACE)
target_include_directories(leat_duckdb SYSTEM INTERFACE ${LEAT_DUCKDB_INCLUDE})
target_link_libraries(leat_duckdb INTERFACE ${LEAT_DUCKDB})
