leat_test_use(PkgConfig::HTTPLIB)
