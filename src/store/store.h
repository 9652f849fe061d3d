// Store: what one machine keeps of its pipelines, in RocksDB under <data>/store. It holds
// what rolls a saved epoch forward, state and dead letters; positions are in the sinks,
// so the folder can be lost.
//
// One process owns it (a lock on <data>/leat.lock). Thread-safe. Errors: kConfig (locked,
// damaged, disk full: says what to do), kFenced (the store names another attempt). A
// failed fsync is never tried again: every write after it fails, until the store is
// opened anew.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "core/epoch.h"

namespace rocksdb {
class WriteBatch;
}  // namespace rocksdb

namespace leat {

class Database;
class FolderLock;
class TopicLog;

// One worker of a pipeline in one life: who writes. Every write is refused with kFenced
// once the store names another attempt of the worker.
struct Owner {
  std::string pipeline;
  std::string worker;
  std::string attempt;
};

// The newest saved epoch of a worker.
struct SavedEpoch {
  Checkpoint checkpoint;
  // It was committed and its overlay moved into the state.
  bool folded = false;
};

struct StoredDeadLetter {
  std::string id;  // printable; later letters of a worker sort after earlier ones
  DeadLetter letter;
};

class Store {
 public:
  // Creates `<data>/store` where missing.
  static Result<std::unique_ptr<Store>> Open(const std::filesystem::path& data);
  ~Store();

  // Makes `owner.attempt` the worker's attempt, durably; whoever was it before is fenced.
  Status Begin(const Owner& owner);
  Result<std::optional<SavedEpoch>> Load(const std::string& pipeline,
                                         const std::string& worker) const;
  // The decision point: durable, and everything written to the epoch's overlay and folded
  // before with it. Without `sync` it outlives the process, but not the machine.
  Status Save(const Owner& owner, const Checkpoint& checkpoint, bool sync = true);
  // After the commit of the saved epoch: moves its overlay into the state, and notes how
  // far its shards are with that. Repeating it is harmless.
  Status Fold(const Owner& owner);
  // What the newest folded epoch of a shard was: its `to` is where state and dead letters
  // kept here stand, and `previous` are the tokens the shard has had since.
  Result<std::optional<ShardRange>> LoadRange(const Owner& owner,
                                              const ShardId& shard) const;
  // The saved epochs of all pipelines that may not be committed yet.
  Result<std::vector<Checkpoint>> Unfinished() const;
  // Drops the saved epoch and every overlay of the worker: the sink is ahead of them.
  Status DropSaved(const Owner& owner);
  // Drops the worker's overlays: all, or all but that of the saved epoch.
  enum class Drop : uint8_t { kAll, kUnsaved };
  Status DropOverlays(const Owner& owner, Drop which);
  // Forgets the worker's state. Only between epochs.
  Status DropState(const Owner& owner);

  // Dead letters of a pipeline's committed epochs. `after`: an id, or empty for the
  // first.
  Result<std::vector<StoredDeadLetter>> ListDeadLetters(const std::string& pipeline,
                                                        std::string_view after,
                                                        int limit) const;
  Result<int64_t> CountDeadLetters(const std::string& pipeline) const;
  Status DeleteDeadLetters(const std::string& pipeline,
                           const std::vector<std::string>& ids);
  // Pipelines that ever saved something here.
  Result<std::vector<std::string>> Pipelines() const;

  // The workers of a pipeline are to start over from the source's configured start; a
  // worker has once it says so, which forgets its state too.
  Status RequestReset(const std::string& pipeline, int workers);
  Result<bool> ResetRequested(const Owner& owner) const;
  Status FinishReset(const Owner& owner);

  // Pipelines that somebody paused, until somebody resumes them.
  Status SetPaused(const std::string& pipeline, bool paused);
  Result<std::set<std::string>> Paused() const;

  // The embedded topics.
  TopicLog& topics() { return *topics_; }

  const std::filesystem::path& data() const { return data_; }

 private:
  friend class Overlay;

  Store();
  // Under mutex_. Applies the batch if the store names the owner's attempt.
  Status WriteAs(const Owner& owner, rocksdb::WriteBatch* batch, bool sync);
  Result<std::optional<std::string>> Get(const std::string& key) const;
  Status FoldDeadLetters(const Owner& owner, const std::string& overlay);
  Status FoldState(const Owner& owner, const std::string& overlay,
                   rocksdb::WriteBatch* batch) const;
  Result<int64_t> CountLocked(const std::string& pipeline) const;

  std::filesystem::path data_;
  std::unique_ptr<FolderLock> lock_;
  std::unique_ptr<Database> db_;
  std::unique_ptr<TopicLog> topics_;  // after db_: it has a thread that uses it
  mutable std::mutex mutex_;          // check of the attempt and write are one step
};

}  // namespace leat
