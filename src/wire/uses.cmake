leat_use(leat_arrow_s3)
leat_use(CURL::libcurl)
