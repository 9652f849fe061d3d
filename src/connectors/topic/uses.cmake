leat_use(PkgConfig::HTTPLIB leat_rdkafka CURL::libcurl)
