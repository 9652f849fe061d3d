leat_use(leat_arrow_s3)
leat_use(CURL::libcurl)
# Not for those who use this: its macros would be in everything.
target_link_libraries(${target} PRIVATE PkgConfig::HTTPLIB OpenSSL::Crypto)
leat_test_use(PkgConfig::HTTPLIB)
