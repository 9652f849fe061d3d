#include "store/store.h"

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <set>

#include "base/failpoint.h"
#include "base/folder.h"
#include "store/dead_letter.h"
#include "store/keys.h"
#include "store/lock.h"

namespace leat {
namespace {

// One write of a fold or of a long deletion.
constexpr size_t kWriteBytes = 1 << 20;
// RocksDB may end the process when the disk fills up under it, so the store stops before.
constexpr uintmax_t kRoomBytes = 2 << 20;

// Small everywhere: the store sees a few writes a second, and an idle pipeline must not
// cost memory.
rocksdb::Options MakeOptions() {
  rocksdb::Options o;
  o.create_if_missing = true;
  o.write_buffer_size = 1 << 20;
  o.max_write_buffer_number = 2;
  o.max_total_wal_size = 8 << 20;
  o.max_open_files = 64;
  o.max_background_jobs = 1;
  o.manifest_preallocation_size = 64 << 10;
  o.keep_log_file_num = 2;
  o.max_log_file_size = 1 << 20;
  o.info_log_level = rocksdb::WARN_LEVEL;
  o.stats_dump_period_sec = 0;
  o.stats_persist_period_sec = 0;
  // A torn record at the log's end is a crash; one in the middle is damage, and is said.
  o.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(1 << 20);
  o.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return o;
}

Status OpenError(const std::filesystem::path& folder, const rocksdb::Status& s) {
  if (s.IsCorruption() || s.IsInvalidArgument() || s.IsNotFound() || s.IsPathNotFound()) {
    return Status::Config(
        "the store in " + folder.string() + " is damaged (" + s.ToString() +
        "). Positions are kept in the sinks, so it may be removed: remove that folder "
        "and start again. Lost with it are the dead letters kept there and, for sinks "
        "without a place for tokens, the position; an epoch that was saved but not yet "
        "committed is read from the source again");
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

Status ReadError(const std::filesystem::path& data, const rocksdb::Status& s) {
  return OpenError(data / "store", s);
}

std::string FoldedMark(const Checkpoint& c) {
  return std::to_string(c.epoch) + " " + c.attempt;
}

std::unique_ptr<rocksdb::Iterator> Seek(rocksdb::DB& db, const std::string& prefix,
                                        const std::string& start) {
  std::unique_ptr<rocksdb::Iterator> it(db.NewIterator(rocksdb::ReadOptions()));
  it->Seek(start.empty() ? prefix : start);
  return it;
}

bool Within(const rocksdb::Iterator& it, const std::string& prefix) {
  return it.Valid() && it.key().starts_with(prefix);
}

}  // namespace

Store::Store() = default;
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::Open(const std::filesystem::path& data) {
  if (Status made = MakeFolder(data); !made.ok()) {
    return Status::Config("cannot create the data folder " + data.string() + ": " +
                          made.message() + "; choose another one with --data");
  }
  std::unique_ptr<Store> store(new Store);
  store->data_ = data;
  RETURN_IF_ERROR(CheckRoom(data));
  ASSIGN_OR_RETURN(store->lock_, FolderLock::Take(data));
  rocksdb::DB* db = nullptr;
  std::filesystem::path folder = data / "store";
  rocksdb::Status s = rocksdb::DB::Open(MakeOptions(), folder.string(), &db);
  if (!s.ok()) return OpenError(folder, s);
  store->db_.reset(db);
  RETURN_IF_ERROR(SyncFolder(data));  // RocksDB syncs what is in its folder only
  return store;
}

Status Store::Begin(const Owner& owner) {
  RETURN_IF_ERROR(failpoint::Durable("store.begin.before"));
  {
    rocksdb::WriteBatch batch;
    batch.Put(keys::Attempt(owner.pipeline, owner.worker), owner.attempt);
    std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(WriteUnchecked(&batch, /*sync=*/true));
  }
  return failpoint::Durable("store.begin.after");
}

Result<std::optional<SavedEpoch>> Store::Load(const std::string& pipeline,
                                              const std::string& worker) const {
  ASSIGN_OR_RETURN(auto text, Get(keys::Saved(pipeline, worker)));
  if (!text) return std::optional<SavedEpoch>();
  auto checkpoint = Checkpoint::FromJson(*text);
  if (!checkpoint.ok()) {
    return ReadError(data_, rocksdb::Status::Corruption(checkpoint.status().message()));
  }
  ASSIGN_OR_RETURN(auto folded, Get(keys::Folded(pipeline, worker)));
  SavedEpoch saved{*std::move(checkpoint), false};
  saved.folded = folded && *folded == FoldedMark(saved.checkpoint);
  return std::optional(std::move(saved));
}

Status Store::Save(const Owner& owner, const Checkpoint& checkpoint) {
  RETURN_IF_ERROR(failpoint::Durable("store.save.before"));
  {
    rocksdb::WriteBatch batch;
    batch.Put(keys::Saved(owner.pipeline, owner.worker), checkpoint.ToJson());
    std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(WriteAs(owner, &batch, /*sync=*/true));
  }
  return failpoint::Durable("store.save.after");
}

// Not synced: a fold that is lost is done again by the next start, which finds the epoch
// saved and committed.
Status Store::Fold(const Owner& owner) {
  RETURN_IF_ERROR(failpoint::Durable("store.fold.before"));
  ASSIGN_OR_RETURN(auto saved, Load(owner.pipeline, owner.worker));
  if (!saved) return Status::Bug("folding an epoch that the store does not have");
  if (!saved->folded) {
    const Checkpoint& c = saved->checkpoint;
    std::string overlay =
        keys::Overlay({owner.pipeline, owner.worker, c.attempt}, c.epoch);
    std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(FoldDeadLetters(owner, overlay));
    rocksdb::WriteBatch batch;
    RETURN_IF_ERROR(FoldState(owner, overlay, &batch));
    batch.Put(keys::Folded(owner.pipeline, owner.worker), FoldedMark(c));
    RETURN_IF_ERROR(WriteAs(owner, &batch, /*sync=*/false));
  }
  return failpoint::Durable("store.fold.after");
}

// Dead letters move in bounded writes: each has its own key, so moving them piece by
// piece can be repeated at any point, and a million of them needs no memory.
Status Store::FoldDeadLetters(const Owner& owner, const std::string& overlay) {
  std::string prefix = overlay + keys::kDeadLetterEntry;
  std::string target = keys::DeadLetters(owner.pipeline);
  ASSIGN_OR_RETURN(int64_t count, CountLocked(owner.pipeline));
  rocksdb::WriteBatch batch;
  auto it = Seek(*db_, prefix, "");
  for (; Within(*it, prefix); it->Next()) {
    rocksdb::Slice id = it->key();
    id.remove_prefix(prefix.size());
    batch.Put(target + id.ToString(), it->value());
    batch.Delete(it->key());
    count++;
    if (batch.GetDataSize() < kWriteBytes) continue;
    batch.Put(keys::DeadLetterCount(owner.pipeline), std::to_string(count));
    RETURN_IF_ERROR(WriteAs(owner, &batch, /*sync=*/false));
    batch.Clear();
  }
  if (!it->status().ok()) return ReadError(data_, it->status());
  if (batch.Count() == 0) return Status::Ok();
  batch.Put(keys::DeadLetterCount(owner.pipeline), std::to_string(count));
  return WriteAs(owner, &batch, /*sync=*/false);
}

// State moves in one write: half an epoch's state would be no state at all.
Status Store::FoldState(const Owner& owner, const std::string& overlay,
                        rocksdb::WriteBatch* batch) const {
  std::string prefix = overlay + keys::kStateEntry;
  std::string target = keys::State(owner.pipeline, owner.worker);
  auto it = Seek(*db_, prefix, "");
  for (; Within(*it, prefix); it->Next()) {
    rocksdb::Slice key = it->key();
    rocksdb::Slice value = it->value();
    key.remove_prefix(prefix.size());
    if (value.empty()) return Status::Bug("an overlay's entry is empty");
    bool put = value[0] == keys::kPut;
    value.remove_prefix(1);
    if (put) {
      batch->Put(target + key.ToString(), value);
    } else {
      batch->Delete(target + key.ToString());
    }
    batch->Delete(it->key());
  }
  return it->status().ok() ? Status::Ok() : ReadError(data_, it->status());
}

Status Store::DropSaved(const Owner& owner) {
  RETURN_IF_ERROR(failpoint::Durable("store.drop.before"));
  std::string overlays = keys::Overlays(owner.pipeline, owner.worker);
  rocksdb::WriteBatch batch;
  batch.Delete(keys::Saved(owner.pipeline, owner.worker));
  batch.Delete(keys::Folded(owner.pipeline, owner.worker));
  batch.DeleteRange(overlays, keys::After(overlays));
  {
    std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(WriteAs(owner, &batch, /*sync=*/true));
  }
  return failpoint::Durable("store.drop.after");
}

Status Store::DropOverlays(const Owner& owner, Drop which) {
  ASSIGN_OR_RETURN(auto saved, Load(owner.pipeline, owner.worker));
  std::string overlays = keys::Overlays(owner.pipeline, owner.worker);
  std::string keep;
  if (saved && which == Drop::kUnsaved) {
    const Checkpoint& c = saved->checkpoint;
    keep = keys::Overlay({owner.pipeline, owner.worker, c.attempt}, c.epoch);
  }
  rocksdb::WriteBatch batch;
  auto it = Seek(*db_, overlays, "");
  while (Within(*it, overlays)) {
    if (!keep.empty() && it->key().starts_with(keep)) {
      it->Seek(keys::After(keep));
      continue;
    }
    // The overlay this key is of: its epoch, then the attempt up to its zero byte.
    size_t end = it->key().ToString().find('\0', overlays.size() + sizeof(uint64_t));
    std::string overlay = it->key().ToString().substr(0, end + 1);
    batch.DeleteRange(overlay, keys::After(overlay));
    it->Seek(keys::After(overlay));
  }
  if (!it->status().ok()) return ReadError(data_, it->status());
  if (batch.Count() == 0) return Status::Ok();
  std::lock_guard lock(mutex_);
  return WriteAs(owner, &batch, /*sync=*/false);
}

Result<std::vector<StoredDeadLetter>> Store::ListDeadLetters(const std::string& pipeline,
                                                             std::string_view after,
                                                             int limit) const {
  std::vector<StoredDeadLetter> found;
  std::string prefix = keys::DeadLetters(pipeline);
  // The zero byte makes it the first key behind `after`.
  std::string start = after.empty() ? prefix : prefix + std::string(after) + '\0';
  auto it = Seek(*db_, prefix, start);
  for (; Within(*it, prefix) && static_cast<int>(found.size()) < limit; it->Next()) {
    rocksdb::Slice id = it->key();
    id.remove_prefix(prefix.size());
    auto letter = DecodeDeadLetter(it->value().ToStringView());
    if (!letter.ok()) {
      return ReadError(data_, rocksdb::Status::Corruption(letter.status().message()));
    }
    found.push_back({id.ToString(), *std::move(letter)});
  }
  if (!it->status().ok()) return ReadError(data_, it->status());
  return found;
}

Result<int64_t> Store::CountDeadLetters(const std::string& pipeline) const {
  std::lock_guard lock(mutex_);
  return CountLocked(pipeline);
}

Result<int64_t> Store::CountLocked(const std::string& pipeline) const {
  ASSIGN_OR_RETURN(auto text, Get(keys::DeadLetterCount(pipeline)));
  return text ? std::stoll(*text) : 0;
}

Status Store::DeleteDeadLetters(const std::string& pipeline,
                                const std::vector<std::string>& ids) {
  std::lock_guard lock(mutex_);
  std::string prefix = keys::DeadLetters(pipeline);
  rocksdb::WriteBatch batch;
  ASSIGN_OR_RETURN(int64_t count, CountLocked(pipeline));
  for (const std::string& id : std::set<std::string>(ids.begin(), ids.end())) {
    ASSIGN_OR_RETURN(auto there, Get(prefix + id));
    if (!there) continue;
    batch.Delete(prefix + id);
    count--;
  }
  batch.Put(keys::DeadLetterCount(pipeline), std::to_string(count));
  return WriteUnchecked(&batch, /*sync=*/true);
}

Result<std::vector<std::string>> Store::Pipelines() const {
  std::vector<std::string> names;
  std::string prefix(1, keys::kAttempts);
  auto it = Seek(*db_, prefix, "");
  for (; Within(*it, prefix); it->Next()) {
    std::string key = it->key().ToString();
    std::string name = key.substr(1, key.find('\0') - 1);
    if (names.empty() || names.back() != name) names.push_back(std::move(name));
  }
  if (!it->status().ok()) return ReadError(data_, it->status());
  return names;
}

Status Store::WriteAs(const Owner& owner, rocksdb::WriteBatch* batch, bool sync) {
  ASSIGN_OR_RETURN(auto attempt, Get(keys::Attempt(owner.pipeline, owner.worker)));
  if (attempt != owner.attempt) {
    return Status::Fenced("pipeline " + owner.pipeline +
                          " was started anew meanwhile; this one stops");
  }
  return WriteUnchecked(batch, sync);
}

Status Store::WriteUnchecked(rocksdb::WriteBatch* batch, bool sync) {
  RETURN_IF_ERROR(broken_);
  RETURN_IF_ERROR(CheckRoom(data_));
  rocksdb::WriteOptions options;
  options.sync = sync;
  rocksdb::Status s = db_->Write(options, batch);
  if (!s.ok()) {
    broken_ = Status::Config("cannot write the store in " + (data_ / "store").string() +
                             ": " + s.ToString() +
                             "; nothing was advanced. Free space on the disk, or "
                             "replace it, and start again");
  }
  return broken_;
}

Result<std::optional<std::string>> Store::Get(const std::string& key) const {
  std::string value;
  rocksdb::Status s = db_->Get(rocksdb::ReadOptions(), key, &value);
  if (s.IsNotFound()) return std::optional<std::string>();
  if (!s.ok()) return ReadError(data_, s);
  return std::optional(std::move(value));
}

}  // namespace leat
