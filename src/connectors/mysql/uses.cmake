leat_use(PkgConfig::MARIADB OpenSSL::SSL OpenSSL::Crypto ZLIB::ZLIB PkgConfig::ZSTD)
leat_use(PkgConfig::XXHASH)
