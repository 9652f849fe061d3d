#include "store/store.h"

#include <rocksdb/iterator.h>
#include <rocksdb/status.h>
#include <rocksdb/write_batch.h>

#include "base/failpoint.h"
#include "base/folder.h"
#include "store/database.h"
#include "store/dead_letter.h"
#include "store/keys.h"
#include "store/lock.h"
#include "store/topics/topic_log.h"

namespace leat {
namespace {

// One write of a fold or of a long deletion.
constexpr size_t kWriteBytes = 1 << 20;
std::string FoldedMark(const Checkpoint& c) {
  return std::to_string(c.epoch) + " " + c.attempt;
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
  ASSIGN_OR_RETURN(store->lock_, FolderLock::Take(data));
  ASSIGN_OR_RETURN(store->db_, Database::Open(data));
  ASSIGN_OR_RETURN(store->topics_, TopicLog::Open(*store->db_));
  RETURN_IF_ERROR(SyncFolder(data));  // RocksDB syncs what is in its folder only
  return store;
}

Status Store::Begin(const Owner& owner) {
  RETURN_IF_ERROR(failpoint::Durable("store.begin.before"));
  {
    rocksdb::WriteBatch batch;
    batch.Put(keys::Attempt(owner.pipeline, owner.worker), owner.attempt);
    std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(db_->Write(&batch, /*sync=*/true));
  }
  return failpoint::Durable("store.begin.after");
}

Result<std::optional<SavedEpoch>> Store::Load(const std::string& pipeline,
                                              const std::string& worker) const {
  ASSIGN_OR_RETURN(auto text, Get(keys::Saved(pipeline, worker)));
  if (!text) return std::optional<SavedEpoch>();
  auto checkpoint = Checkpoint::FromJson(*text);
  if (!checkpoint.ok()) {
    return db_->ReadError(rocksdb::Status::Corruption(checkpoint.status().message()));
  }
  ASSIGN_OR_RETURN(auto folded, Get(keys::Folded(pipeline, worker)));
  SavedEpoch saved{*std::move(checkpoint), false};
  saved.folded = folded && *folded == FoldedMark(saved.checkpoint);
  return std::optional(std::move(saved));
}

Status Store::Save(const Owner& owner, const Checkpoint& checkpoint, bool sync) {
  RETURN_IF_ERROR(failpoint::Durable("store.save.before"));
  {
    rocksdb::WriteBatch batch;
    batch.Put(keys::Saved(owner.pipeline, owner.worker), checkpoint.ToJson());
    std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(WriteAs(owner, &batch, sync));
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
    for (ShardRange range : c.shards) {
      range.previous = c.After(range);
      batch.Put(keys::Range(owner.pipeline, owner.worker, range.shard), range.ToJson());
    }
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
  auto it = db_->Seek(prefix);
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
  if (!it->status().ok()) return db_->ReadError(it->status());
  if (batch.Count() == 0) return Status::Ok();
  batch.Put(keys::DeadLetterCount(owner.pipeline), std::to_string(count));
  return WriteAs(owner, &batch, /*sync=*/false);
}

// State moves in one write: half an epoch's state would be no state at all.
Status Store::FoldState(const Owner& owner, const std::string& overlay,
                        rocksdb::WriteBatch* batch) const {
  std::string prefix = overlay + keys::kStateEntry;
  std::string target = keys::State(owner.pipeline, owner.worker);
  auto it = db_->Seek(prefix);
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
  return it->status().ok() ? Status::Ok() : db_->ReadError(it->status());
}

Result<std::optional<ShardRange>> Store::LoadRange(const Owner& owner,
                                                   const ShardId& shard) const {
  ASSIGN_OR_RETURN(auto text, Get(keys::Range(owner.pipeline, owner.worker, shard)));
  if (!text) return std::optional<ShardRange>();
  auto range = ShardRange::FromJson(*text);
  if (range.ok()) return std::optional(*std::move(range));
  return db_->ReadError(rocksdb::Status::Corruption(range.status().message()));
}

Result<std::vector<Checkpoint>> Store::Unfinished() const {
  std::vector<Checkpoint> unfinished;
  std::string prefix(1, keys::kCheckpoints);
  auto it = db_->Seek(prefix);
  for (; Within(*it, prefix); it->Next()) {
    std::string key = it->key().ToString();
    size_t end = key.find('\0');
    std::string pipeline = key.substr(1, end - 1);
    std::string worker = key.substr(end + 1, key.size() - end - 2);
    ASSIGN_OR_RETURN(auto saved, Load(pipeline, worker));
    if (saved && !saved->folded) unfinished.push_back(std::move(saved->checkpoint));
  }
  if (!it->status().ok()) return db_->ReadError(it->status());
  return unfinished;
}

Status Store::DropState(const Owner& owner) {
  std::string state = keys::State(owner.pipeline, owner.worker);
  rocksdb::WriteBatch batch;
  batch.DeleteRange(state, keys::After(state));
  std::lock_guard lock(mutex_);
  return WriteAs(owner, &batch, /*sync=*/true);
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
  auto it = db_->Seek(overlays);
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
  if (!it->status().ok()) return db_->ReadError(it->status());
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
  auto it = db_->Seek(start);
  for (; Within(*it, prefix) && static_cast<int>(found.size()) < limit; it->Next()) {
    rocksdb::Slice id = it->key();
    id.remove_prefix(prefix.size());
    auto letter = DecodeDeadLetter(it->value().ToStringView());
    if (!letter.ok()) {
      return db_->ReadError(rocksdb::Status::Corruption(letter.status().message()));
    }
    found.push_back({id.ToString(), *std::move(letter)});
  }
  if (!it->status().ok()) return db_->ReadError(it->status());
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
  return db_->Write(&batch, /*sync=*/true);
}

Result<std::vector<std::string>> Store::Pipelines() const {
  std::vector<std::string> names;
  std::string prefix(1, keys::kAttempts);
  auto it = db_->Seek(prefix);
  for (; Within(*it, prefix); it->Next()) {
    std::string key = it->key().ToString();
    std::string name = key.substr(1, key.find('\0') - 1);
    if (names.empty() || names.back() != name) names.push_back(std::move(name));
  }
  if (!it->status().ok()) return db_->ReadError(it->status());
  return names;
}

Status Store::RequestReset(const std::string& pipeline, int workers) {
  rocksdb::WriteBatch batch;
  for (int i = 0; i < workers; i++) {
    batch.Put(keys::Reset(pipeline, std::to_string(i)), "");
  }
  std::lock_guard lock(mutex_);
  return db_->Write(&batch, /*sync=*/true);
}

Result<bool> Store::ResetRequested(const Owner& owner) const {
  ASSIGN_OR_RETURN(auto mark, Get(keys::Reset(owner.pipeline, owner.worker)));
  return mark.has_value();
}

Status Store::FinishReset(const Owner& owner) {
  const std::string state = keys::State(owner.pipeline, owner.worker);
  rocksdb::WriteBatch batch;
  batch.DeleteRange(state, keys::After(state));
  batch.Delete(keys::Reset(owner.pipeline, owner.worker));
  std::lock_guard lock(mutex_);
  return WriteAs(owner, &batch, /*sync=*/true);
}

Status Store::SetPaused(const std::string& pipeline, bool paused) {
  rocksdb::WriteBatch batch;
  if (paused) {
    batch.Put(keys::Paused(pipeline), "");
  } else {
    batch.Delete(keys::Paused(pipeline));
  }
  std::lock_guard lock(mutex_);
  return db_->Write(&batch, /*sync=*/true);
}

Result<std::set<std::string>> Store::Paused() const {
  std::set<std::string> names;
  std::string prefix(1, keys::kPaused);
  auto it = db_->Seek(prefix);
  for (; Within(*it, prefix); it->Next()) {
    std::string name = it->key().ToString().substr(1);
    name.pop_back();  // the zero byte
    names.insert(std::move(name));
  }
  if (!it->status().ok()) return db_->ReadError(it->status());
  return names;
}

Status Store::WriteAs(const Owner& owner, rocksdb::WriteBatch* batch, bool sync) {
  ASSIGN_OR_RETURN(auto attempt, Get(keys::Attempt(owner.pipeline, owner.worker)));
  if (attempt != owner.attempt) {
    return Status::Fenced("pipeline " + owner.pipeline +
                          " was started anew meanwhile; this one stops");
  }
  return db_->Write(batch, sync);
}

Result<std::optional<std::string>> Store::Get(const std::string& key) const {
  return db_->Get(key);
}

}  // namespace leat
