target_compile_definitions(${target} PUBLIC LEAT_VERSION="${PROJECT_VERSION}")
leat_use(prometheus-cpp::core)
leat_test_use(PkgConfig::HTTPLIB)
