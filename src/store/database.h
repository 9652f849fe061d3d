// Database: the one RocksDB of a data folder. Small entries lie in its default column
// family (store/keys.h), the segments of topics in one of their own, whose values RocksDB
// keeps in files that are never rewritten while they are needed.
//
// Thread-safe. Errors: kConfig (damaged, disk full: says what to do). A failed write or
// fsync is never tried again: every write after it fails, until the folder is opened
// anew. A synced write makes every write before it durable too.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/status.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
class Iterator;
class PinnableSlice;
class Status;
class WriteBatch;
}  // namespace rocksdb

namespace leat {

class Database {
 public:
  // Creates `<data>/store` where missing.
  static Result<std::unique_ptr<Database>> Open(const std::filesystem::path& data);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  Status Write(rocksdb::WriteBatch* batch, bool sync);
  Result<std::optional<std::string>> Get(const std::string& key) const;
  // Over the default column family, at the first key not below `start`.
  std::unique_ptr<rocksdb::Iterator> Seek(const std::string& start) const;
  // The error of a read that failed.
  Status ReadError(const rocksdb::Status& status) const;

  rocksdb::DB& rocks() const { return *rocks_; }
  rocksdb::ColumnFamilyHandle* segments() const { return segments_; }
  const std::filesystem::path& data() const { return data_; }

 private:
  explicit Database(const std::filesystem::path& data);

  const std::filesystem::path data_;
  std::unique_ptr<rocksdb::DB> rocks_;
  rocksdb::ColumnFamilyHandle* default_ = nullptr;
  rocksdb::ColumnFamilyHandle* segments_ = nullptr;
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;
  Status broken_;  // under mutex_: the first write that failed
};

// The key at the iterator begins with `prefix`.
bool Within(const rocksdb::Iterator& it, const std::string& prefix);

}  // namespace leat
