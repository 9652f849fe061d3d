leat_use(leat_arrow_s3 SQLite::SQLite3 ZLIB::ZLIB PkgConfig::XXHASH)
