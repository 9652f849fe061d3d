leat_use(leat_arrow_s3)
leat_use(CURL::libcurl)
leat_test_use(PkgConfig::HTTPLIB)
