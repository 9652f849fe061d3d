leat_use(RocksDB::rocksdb-shared)
