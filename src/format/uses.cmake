leat_use(ZLIB::ZLIB)
leat_use(PkgConfig::XXHASH)
