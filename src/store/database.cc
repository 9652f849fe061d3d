#include "store/database.h"

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

namespace leat {
namespace {

// RocksDB may end the process when the disk fills up under it, so the store stops before.
constexpr uintmax_t kRoomBytes = 2 << 20;

rocksdb::BlockBasedTableOptions TableOptions() {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(1 << 20);
  return table;
}

// Small everywhere: without topics the store sees a few writes a second, and an idle
// pipeline must not cost memory.
rocksdb::Options MakeOptions() {
  rocksdb::Options o;
  o.create_if_missing = true;
  o.create_missing_column_families = true;
  o.write_buffer_size = 1 << 20;
  o.max_write_buffer_number = 2;
  o.max_total_wal_size = 64 << 20;
  o.max_open_files = 64;
  o.max_background_jobs = 2;
  o.manifest_preallocation_size = 64 << 10;
  o.keep_log_file_num = 2;
  o.max_log_file_size = 1 << 20;
  o.info_log_level = rocksdb::WARN_LEVEL;
  o.stats_dump_period_sec = 0;
  o.stats_persist_period_sec = 0;
  // A torn record at the log's end is a crash; one in the middle is damage, and is said.
  o.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  o.table_factory.reset(rocksdb::NewBlockBasedTableFactory(TableOptions()));
  return o;
}

// Values of about 1 MB, already compressed, that live and die in the order they came in:
// a flush writes them once, a file of them goes when the last one is deleted.
rocksdb::ColumnFamilyOptions SegmentOptions(const rocksdb::Options& common) {
  rocksdb::ColumnFamilyOptions o(common);
  o.write_buffer_size = 16 << 20;
  o.max_write_buffer_number = 3;
  o.enable_blob_files = true;
  o.min_blob_size = 2048;
  o.blob_file_size = 64 << 20;
  o.enable_blob_garbage_collection = true;
  o.compression = rocksdb::kNoCompression;
  return o;
}

Status OpenError(const std::filesystem::path& folder, const rocksdb::Status& s) {
  if (s.IsCorruption() || s.IsInvalidArgument() || s.IsNotFound() || s.IsPathNotFound()) {
    return Status::Config(
        "the store in " + folder.string() + " is damaged (" + s.ToString() +
        "). Positions are kept in the sinks, so it may be removed: remove that folder "
        "and start again. Lost with it are embedded topics, the dead letters kept there "
        "and, for sinks without a place for tokens, the position; an epoch that was "
        "saved but not yet committed is read from the source again");
  }
  return Status::Config("cannot open the store in " + folder.string() + ": " +
                        s.ToString() + "; check the disk's free space and permissions");
}

Status CheckRoom(const std::filesystem::path& data) {
  std::error_code error;
  std::filesystem::space_info space = std::filesystem::space(data, error);
  if (error || space.available >= kRoomBytes) return Status::Ok();
  return Status::Config(
      fmt::format("the disk of the data folder {} is full: No space left on device ({} "
                  "bytes are free, the store needs {}); nothing was advanced. Free space "
                  "on it and start again",
                  data.string(), space.available, kRoomBytes));
}

}  // namespace

Result<std::unique_ptr<Database>> Database::Open(const std::filesystem::path& data) {
  RETURN_IF_ERROR(CheckRoom(data));
  std::unique_ptr<Database> database(new Database(data));
  const rocksdb::Options options = MakeOptions();
  std::vector<rocksdb::ColumnFamilyDescriptor> families = {
      {rocksdb::kDefaultColumnFamilyName, options},
      {"segments", SegmentOptions(options)}};
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  const std::filesystem::path folder = data / "store";
  rocksdb::Status s =
      rocksdb::DB::Open(options, folder.string(), families, &handles, &db);
  if (!s.ok()) return OpenError(folder, s);
  database->rocks_.reset(db);
  database->default_ = handles[0];
  database->segments_ = handles[1];
  return database;
}

Database::Database(const std::filesystem::path& data) : data_(data) {}

Database::~Database() {
  if (!rocks_) return;
  rocks_->DestroyColumnFamilyHandle(default_);
  rocks_->DestroyColumnFamilyHandle(segments_);
}

Status Database::Write(rocksdb::WriteBatch* batch, bool sync) {
  if (failed_) {
    std::lock_guard lock(mutex_);
    return broken_;
  }
  RETURN_IF_ERROR(CheckRoom(data_));
  rocksdb::WriteOptions options;
  options.sync = sync;
  rocksdb::Status s = rocks_->Write(options, batch);
  if (s.ok()) return Status::Ok();
  std::lock_guard lock(mutex_);
  if (!failed_) {
    broken_ = Status::Config("cannot write the store in " + (data_ / "store").string() +
                             ": " + s.ToString() +
                             "; nothing was advanced. Free space on the disk, or "
                             "replace it, and start again");
    failed_ = true;
  }
  return broken_;
}

Result<std::optional<std::string>> Database::Get(const std::string& key) const {
  std::string value;
  rocksdb::Status s = rocks_->Get(rocksdb::ReadOptions(), key, &value);
  if (s.IsNotFound()) return std::optional<std::string>();
  if (!s.ok()) return ReadError(s);
  return std::optional(std::move(value));
}

std::unique_ptr<rocksdb::Iterator> Database::Seek(const std::string& start) const {
  std::unique_ptr<rocksdb::Iterator> it(rocks_->NewIterator(rocksdb::ReadOptions()));
  it->Seek(start);
  return it;
}

Status Database::ReadError(const rocksdb::Status& status) const {
  return OpenError(data_ / "store", status);
}

bool Within(const rocksdb::Iterator& it, const std::string& prefix) {
  return it.Valid() && it.key().starts_with(prefix);
}

}  // namespace leat
