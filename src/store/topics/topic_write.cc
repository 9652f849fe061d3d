// TopicLog's writers: staging, and the one atomic write that gives offsets.
#include <arrow/array/concatenate.h>
#include <arrow/array/util.h>
#include <rocksdb/db.h>
#include <rocksdb/iterator.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <set>

#include "base/failpoint.h"
#include "store/database.h"
#include "store/topics/topic_log.h"

namespace leat {
namespace {

bool Same(const std::optional<Token>& a, const std::optional<Token>& b) {
  return a ? b && a->SameEpoch(*b) : !b;
}

// Times of a segment's rows or records, in milliseconds; `now` where they have none.
void NoteTimes(const Segment& segment, int64_t now, StagedSegment* staged) {
  int64_t least = INT64_MAX, most = INT64_MIN;
  auto note = [&](const std::vector<int64_t>& times, int64_t unit) {
    if (times.empty()) return;
    const auto [low, high] = std::ranges::minmax_element(times);
    least = std::min(least, *low / unit);
    most = std::max(most, *high / unit);
  };
  for (const Chunk& chunk : segment.chunks) note(chunk.time, 1000);
  if (segment.records) note(segment.records->timestamps, 1);
  staged->min_time = least == INT64_MAX ? now : least;
  staged->max_time = most == INT64_MIN ? now : most;
}

Result<std::shared_ptr<arrow::BinaryArray>> JoinedParts(const arrow::ArrayVector& parts) {
  auto all = arrow::Concatenate(parts);
  if (!all.ok()) return Status::Bug("joining records: " + all.status().ToString());
  return std::static_pointer_cast<arrow::BinaryArray>(*all);
}

// Several callers' records as one run; some may have headers and some none.
Result<Records> Join(const std::vector<const Records*>& parts) {
  if (parts.size() == 1) return *parts[0];
  Records all;
  all.topic = parts[0]->topic;
  arrow::ArrayVector keys, values, headers;
  bool any_headers = false;
  for (const Records* part : parts) {
    keys.push_back(part->keys);
    values.push_back(part->values);
    any_headers = any_headers || part->headers;
    all.timestamps.insert(all.timestamps.end(), part->timestamps.begin(),
                          part->timestamps.end());
  }
  ASSIGN_OR_RETURN(all.keys, JoinedParts(keys));
  ASSIGN_OR_RETURN(all.values, JoinedParts(values));
  if (!any_headers) return all;
  for (const Records* part : parts) {
    if (part->headers) {
      headers.push_back(part->headers);
      continue;
    }
    auto none = arrow::MakeArrayOfNull(arrow::binary(), part->size());
    if (!none.ok()) return Status::Bug("joining records: " + none.status().ToString());
    headers.push_back(*none);
  }
  ASSIGN_OR_RETURN(all.headers, JoinedParts(headers));
  return all;
}

}  // namespace

// What one caller waits for.
struct TopicLog::Change {
  // A commit.
  PipelineWorker worker = {};
  std::vector<uint64_t> segments = {};
  std::vector<TokenChange> tokens = {};
  // Or an append.
  const TopicPartition* to = nullptr;
  const Records* records = nullptr;

  std::vector<StagedSegment> staged = {};  // found by Check
  bool repeated = false;                   // it was committed before
  int64_t first = 0;                       // offset of an append
  Status status = {};
  bool done = false;
};

// What one write does.
struct TopicLog::Plan {
  rocksdb::WriteBatch batch;
  int64_t now = NowMillis();
  std::map<TopicPartition, Topic::Partition> partitions;  // as they will be
  std::map<std::string, Token> tokens;                    // by key
  std::set<uint64_t> given;                               // segments with offsets now

  // The next `count` offsets of the partition.
  int64_t Take(const TopicPartition& to, int64_t count) {
    OffsetRange& offsets = partitions[to].offsets;
    const int64_t first = offsets.end;
    offsets.end += count;
    return first;
  }
  void Put(StagedSegment segment) {
    const int64_t first = Take(segment.to, segment.count);
    const TopicPartition to = segment.to;
    batch.Put(topic_keys::Segment(to, first),
              topic_keys::Encode({std::move(segment), first, now}));
  }
};

Result<std::string> TopicLog::Encode(const Segment& segment) {
  return EncodeSegment(segment,
                       [this](const SchemaRef& schema) { return schemas_.Keep(schema); });
}

Result<StagedSegment> TopicLog::Stage(const PipelineWorker& worker,
                                      const TopicPartition& to, const Segment& segment) {
  RETURN_IF_ERROR(PartitionOf(to).status());
  ASSIGN_OR_RETURN(const std::string bytes, Encode(segment));
  StagedSegment staged;
  staged.id = next_id_++;
  staged.to = to;
  // Events alone have a place in the row of segments, too.
  staged.count = std::max<int64_t>(segment.rows(), 1);
  staged.bytes = static_cast<int64_t>(bytes.size());
  NoteTimes(segment, NowMillis(), &staged);
  rocksdb::WriteBatch batch;
  batch.Put(database_.segments(), topic_keys::Number(staged.id), bytes);
  batch.Put(topic_keys::Staged(worker, staged.id), topic_keys::Encode({staged, 0, 0}));
  RETURN_IF_ERROR(database_.Write(&batch, /*sync=*/false));
  return staged;
}

Result<std::vector<uint64_t>> TopicLog::Staged(const PipelineWorker& worker) const {
  std::vector<uint64_t> ids;
  const std::string prefix = topic_keys::Staged(worker);
  auto it = database_.Seek(prefix);
  for (; Within(*it, prefix); it->Next()) {
    ids.push_back(topic_keys::ReadNumber(it->key().ToStringView().substr(prefix.size())));
  }
  if (!it->status().ok()) return database_.ReadError(it->status());
  return ids;
}

Status TopicLog::Unstage(const PipelineWorker& worker, const std::vector<uint64_t>& ids) {
  if (ids.empty()) return Status::Ok();
  rocksdb::WriteBatch batch;
  for (const uint64_t id : ids) {
    batch.Delete(topic_keys::Staged(worker, id));
    batch.Delete(database_.segments(), topic_keys::Number(id));
  }
  return database_.Write(&batch, /*sync=*/false);
}

Status TopicLog::Commit(const PipelineWorker& worker,
                        const std::vector<uint64_t>& segments,
                        const std::vector<TokenChange>& tokens) {
  RETURN_IF_ERROR(failpoint::Durable("topics.commit.before"));
  Change change{.worker = worker, .segments = segments, .tokens = tokens};
  RETURN_IF_ERROR(Submit(&change));
  return failpoint::Durable("topics.commit.after");
}

Result<int64_t> TopicLog::Append(const TopicPartition& to, Records records) {
  if (records.size() == 0) return Status::Bug("appending no records");
  Change change{.to = &to, .records = &records};
  RETURN_IF_ERROR(Submit(&change));
  return change.first;
}

Result<std::optional<Token>> TopicLog::GetToken(const std::string& pipeline,
                                                const ShardId& shard) const {
  ASSIGN_OR_RETURN(auto text, database_.Get(topic_keys::Token(pipeline, shard)));
  if (!text) return std::optional<Token>();
  ASSIGN_OR_RETURN(Token token, Token::FromJson(*text));
  return std::optional(std::move(token));
}

// Whoever finds nobody writing writes for all that wait.
Status TopicLog::Submit(Change* change) {
  std::unique_lock lock(queue_mutex_);
  queue_.push_back(change);
  queue_changed_.wait(lock, [&] { return change->done || !writing_; });
  if (change->done) return change->status;
  writing_ = true;
  const std::vector<Change*> group = std::exchange(queue_, {});
  lock.unlock();
  WriteGroup(group);
  lock.lock();
  writing_ = false;
  for (Change* one : group) one->done = true;
  queue_changed_.notify_all();
  return change->status;
}

void TopicLog::WriteGroup(const std::vector<Change*>& group) {
  std::lock_guard write(write_mutex_);
  Plan plan;
  for (Change* change : group) {
    change->status = Check(change, plan);
    if (change->status.ok() && !change->repeated) change->status = Add(*change, &plan);
  }
  Status written = AddAppends(group, &plan);
  for (const auto& [partition, now] : plan.partitions) {
    plan.batch.Put(topic_keys::Of(topic_keys::kPartition, partition),
                   topic_keys::Encode(now.offsets, now.clean));
  }
  if (written.ok() && plan.batch.Count() > 0) {
    written = database_.Write(&plan.batch, /*sync=*/true);
  }
  if (!written.ok()) {
    for (Change* change : group) {
      if (change->status.ok()) change->status = written;
    }
    return;
  }
  std::lock_guard lock(mutex_);
  for (const auto& [partition, now] : plan.partitions) {
    topics_[partition.topic].partitions[static_cast<size_t>(partition.partition)] = now;
  }
  Bump();
}

// Nothing of a change that fails here is in the plan.
Status TopicLog::Check(Change* change, const Plan& plan) const {
  if (change->to) return PartitionOf(*change->to).status();
  size_t mine = 0;
  for (const TokenChange& token : change->tokens) {
    const std::string key = topic_keys::Token(token.next.pipeline, token.next.shard);
    std::optional<Token> now;
    if (auto planned = plan.tokens.find(key); planned != plan.tokens.end()) {
      now = planned->second;
    } else {
      ASSIGN_OR_RETURN(now, GetToken(token.next.pipeline, token.next.shard));
    }
    if (now && now->SameEpoch(token.next)) {
      mine++;
    } else if (!Same(now, token.previous)) {
      return Status::Fenced("another process went on with shard " + token.next.shard +
                            " of pipeline " + token.next.pipeline + " into its topics");
    }
  }
  change->repeated = mine > 0 && mine == change->tokens.size();
  if (change->repeated) return Status::Ok();
  for (const uint64_t id : change->segments) {
    ASSIGN_OR_RETURN(auto value, database_.Get(topic_keys::Staged(change->worker, id)));
    auto entry = value ? topic_keys::DecodeEntry(*value) : std::nullopt;
    if (!entry || plan.given.contains(id)) {
      return Status::Fenced("a segment that pipeline " + change->worker.pipeline +
                            " staged for a topic is gone: a newer start dropped it");
    }
    RETURN_IF_ERROR(PartitionOf(entry->segment.to).status());
    change->staged.push_back(std::move(entry->segment));
  }
  return Status::Ok();
}

Status TopicLog::Add(const Change& change, Plan* plan) const {
  for (const StagedSegment& segment : change.staged) {
    if (!plan->partitions.contains(segment.to)) {
      ASSIGN_OR_RETURN(plan->partitions[segment.to], PartitionOf(segment.to));
    }
    plan->batch.Delete(topic_keys::Staged(change.worker, segment.id));
    plan->given.insert(segment.id);
    plan->Put(segment);
  }
  for (const TokenChange& token : change.tokens) {
    const std::string key = topic_keys::Token(token.next.pipeline, token.next.shard);
    plan->batch.Put(key, token.next.ToJson());
    plan->tokens[key] = token.next;
  }
  return Status::Ok();
}

// All appends to a partition become one segment.
Status TopicLog::AddAppends(const std::vector<Change*>& group, Plan* plan) {
  std::map<TopicPartition, std::vector<Change*>> appends;
  for (Change* change : group) {
    if (change->to && change->status.ok()) appends[*change->to].push_back(change);
  }
  for (const auto& [to, changes] : appends) {
    std::vector<const Records*> parts;
    for (const Change* change : changes) parts.push_back(change->records);
    Segment segment;
    ASSIGN_OR_RETURN(segment.records, Join(parts));
    ASSIGN_OR_RETURN(const std::string bytes, Encode(segment));
    if (!plan->partitions.contains(to)) {
      ASSIGN_OR_RETURN(plan->partitions[to], PartitionOf(to));
    }
    StagedSegment staged;
    staged.id = next_id_++;
    staged.to = to;
    staged.count = segment.rows();
    staged.bytes = static_cast<int64_t>(bytes.size());
    NoteTimes(segment, plan->now, &staged);
    int64_t first = plan->partitions[to].offsets.end;
    for (Change* change : changes) {
      change->first = first;
      first += change->records->size();
    }
    plan->batch.Put(database_.segments(), topic_keys::Number(staged.id), bytes);
    plan->Put(std::move(staged));
  }
  return Status::Ok();
}

}  // namespace leat
