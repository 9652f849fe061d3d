// TopicLog: the embedded broker. Topics have partitions; a partition is a row of segments
// with rising offsets; groups keep how far they have read. All of it lies in the store.
//
// Writing: a pipeline's sink stages segments, which get their offsets when they are
// committed, in one atomic write with the tokens of the epoch; a reader that has no
// position of its own (http, stdin) appends, and hears of it after the fsync. Whatever
// waits at the same time shares one write and one fsync.
//
// Retention never passes a group: a group that is registered at a partition holds back
// what it has not read. A topic that is deleted and made again goes on with its offsets,
// so that a position never means another record.
//
// Owned by the Store. Thread-safe. Errors: kConfig (no such topic or partition; the
// store's), kFenced (a token is not what the writer expects).
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "core/epoch.h"
#include "store/topics/groups.h"
#include "store/topics/schemas.h"
#include "store/topics/topic.h"
#include "store/topics/topic_keys.h"

namespace leat {

class Database;

class TopicLog {
 public:
  static Result<std::unique_ptr<TopicLog>> Open(Database& database);
  ~TopicLog();

  // --- Topics.
  // Makes it, or gives an existing one these settings; partitions are never taken away.
  Status Create(const std::string& name, const TopicSettings& settings);
  // Makes it unless it is there.
  Status CreateMissing(const std::string& name, const TopicSettings& settings);
  Status Delete(const std::string& name);
  std::vector<std::string> Names() const;
  Result<TopicInfo> Describe(const std::string& name) const;
  // kConfig when there is no such topic.
  Result<TopicSettings> Settings(const std::string& name) const;
  Result<OffsetRange> Range(const TopicPartition& partition) const;
  // The first offset whose record, or one behind it in its segment, is not older.
  Result<int64_t> OffsetAt(const TopicPartition& partition, int64_t time) const;
  // Forgets the records below `before`, whoever has not read them.
  Status DeleteRecords(const TopicPartition& partition, int64_t before);

  // --- Writing.
  // It is as durable as the next synced write: the epoch's save.
  Result<StagedSegment> Stage(const PipelineWorker& worker, const TopicPartition& to,
                              const Segment& segment);
  // The ids of what a worker has staged, in this life or before, and not committed.
  Result<std::vector<uint64_t>> Staged(const PipelineWorker& worker) const;
  Status Unstage(const PipelineWorker& worker, const std::vector<uint64_t>& ids);
  struct TokenChange {
    std::optional<Token> previous;
    Token next;
  };
  // Gives the staged segments their offsets, in this order, and writes the tokens, if
  // the tokens are still the previous ones. Repeating it is harmless.
  Status Commit(const PipelineWorker& worker, const std::vector<uint64_t>& segments,
                const std::vector<TokenChange>& tokens);
  Result<std::optional<Token>> GetToken(const std::string& pipeline,
                                        const ShardId& shard) const;
  // Durable when it returns. Answers the first record's offset.
  Result<int64_t> Append(const TopicPartition& to, Records records);

  // --- Reading.
  // The segment with the offset `from`, without the rows below it, or the next one;
  // nothing at the end.
  Result<std::optional<FetchedSegment>> Fetch(const TopicPartition& partition,
                                              int64_t from) const;
  // Rises with everything that becomes readable or changes; waits until it is past
  // `seen`, or for the deadline.
  uint64_t version() const;
  uint64_t WaitPast(uint64_t seen, SteadyTime deadline) const;
  // Lets readers look again, as after a reset of a group.
  void Wake();
  // Rises when topics or partitions come up or go away.
  uint64_t shape() const { return shape_; }

  ConsumerGroups& groups() { return groups_; }
  const ConsumerGroups& groups() const { return groups_; }

  // --- Upkeep; a thread of its own does it from time to time.
  // Drops what is older or larger than the topic's settings allow.
  Status Retain(int64_t now);
  // Drops from compacted topics what a newer record of the same key replaces, once
  // enough has come in since the last time; or, with `all`, in any case.
  Status Compact(int64_t now, bool all);

 private:
  using Entry = topic_keys::SegmentEntry;
  struct Topic {
    TopicSettings settings;
    int64_t created = 0;
    struct Partition {
      OffsetRange offsets;
      int64_t clean = 0;  // compacted up to here
    };
    std::vector<Partition> partitions;
  };
  struct Change;
  struct Plan;

  explicit TopicLog(Database& database);
  Status Load();
  // Under write_mutex_.
  Status PutTopic(const std::string& name, Topic topic);
  Result<Topic::Partition> PartitionOf(const TopicPartition& partition) const;
  void SetPartition(const TopicPartition& partition, const Topic::Partition& now);

  Result<std::string> Encode(const Segment& segment);
  Result<Segment> ReadSegment(uint64_t id) const;
  Status Submit(Change* change);
  void WriteGroup(const std::vector<Change*>& group);
  Status Check(Change* change, const Plan& plan) const;
  Status Add(const Change& change, Plan* plan) const;
  Status AddAppends(const std::vector<Change*>& group, Plan* plan);

  Result<std::vector<Entry>> Entries(const TopicPartition& partition) const;
  Result<std::optional<Entry>> EntryAt(const TopicPartition& partition,
                                       int64_t from) const;
  // Under write_mutex_: the segments go, and the partition begins at `start`.
  Status Drop(const TopicPartition& partition, const std::vector<Entry>& entries,
              int64_t start);
  // Under write_mutex_.
  Status Forget(const TopicPartition& partition, int64_t before);
  Status RetainPartition(const TopicPartition& partition, const TopicSettings& settings,
                         int64_t now);
  Status CompactPartition(const TopicPartition& partition, int64_t now, bool all);
  // Under write_mutex_: the entry's segment has these rows only; with none it goes.
  Status Rewrite(const TopicPartition& partition, const Entry& entry, Segment segment,
                 const std::vector<int64_t>& keep);
  void StartUpkeep();
  void Bump();  // under mutex_

  Database& database_;
  ConsumerGroups groups_;
  mutable KeptSchemas schemas_;
  std::atomic<uint64_t> next_id_ = 1;
  std::atomic<uint64_t> shape_ = 1;

  // Held by whoever changes what is readable, for as long as the change takes.
  std::mutex write_mutex_;

  mutable std::mutex mutex_;  // what follows
  mutable std::condition_variable changed_;
  std::map<std::string, Topic> topics_;
  uint64_t version_ = 0;

  std::mutex queue_mutex_;  // what follows
  std::condition_variable queue_changed_;
  std::vector<Change*> queue_;
  bool writing_ = false;

  CancelToken closing_;
  std::thread upkeep_;
};

}  // namespace leat
