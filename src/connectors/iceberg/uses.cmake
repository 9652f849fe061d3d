leat_use(SQLite::SQLite3 PkgConfig::XXHASH)
