leat_use(ZLIB::ZLIB)
