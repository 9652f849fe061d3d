leat_use(OpenSSL::Crypto PkgConfig::XXHASH)
leat_test_use(PkgConfig::HTTPLIB)
