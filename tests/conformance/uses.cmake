target_include_directories(${target} PUBLIC ${CMAKE_SOURCE_DIR}/tests)
