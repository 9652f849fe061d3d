leat_use(yaml-cpp)
