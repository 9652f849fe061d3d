#include "conformance/memory_source.h"

#include <arrow/array/builder_primitive.h>

#include <algorithm>
#include <set>
#include <thread>

namespace leat {
namespace {

int64_t Number(const Position& p) { return std::stoll(p.text); }
Position At(int64_t n) { return {std::to_string(n)}; }

Chunk MakeChunk(const SchemaRef& schema, int64_t id, uint32_t seq) {
  arrow::Int64Builder ids;
  std::shared_ptr<arrow::Array> array;
  if (!ids.Append(id).ok() || !ids.Finish(&array).ok()) std::abort();
  Chunk chunk;
  chunk.schema = schema;
  chunk.rows = arrow::RecordBatch::Make(schema->arrow, 1, {array});
  chunk.ops = {Op::kInsert};
  chunk.seq = {seq};
  chunk.time = {1'700'000'000'000'000};
  return chunk;
}

}  // namespace

void MemoryLog::Purge(const ShardId& shard, int64_t below) {
  std::lock_guard lock(mutex_);
  purged_[shard] = std::max(purged_[shard], below);
}

int64_t MemoryLog::purged(const ShardId& shard) const {
  std::lock_guard lock(mutex_);
  auto found = purged_.find(shard);
  return found == purged_.end() ? 0 : found->second;
}

SchemaRef MemoryLog::Schema(const std::string& table) const {
  return TableSchema::Make({"db", "", table},
                           {{"id", arrow::int64(), false, "bigint(20)"}}, {0});
}

Result<std::vector<SchemaRef>> MemorySource::Tables() {
  std::vector<SchemaRef> tables;
  if (!options_.knows_tables) return tables;
  std::set<std::string> names;
  for (const auto& [shard, transactions] : log_.shards()) {
    for (const MemoryTransaction& t : transactions) {
      for (const MemoryChange& change : t) names.insert(change.table);
    }
  }
  for (const std::string& name : names) {
    tables.push_back(log_.Schema(name));
    announced_.insert(name);
  }
  return tables;
}

Result<Position> MemorySource::Start(const ShardId& shard, const Resume& resume) {
  Cursor& cursor = cursors_[shard];
  cursor.at = resume.resume.empty() ? log_.FirstPosition() : Number(resume.resume);
  for (const auto& [table, floor] : resume.floors) {
    cursor.floors[table.table] = Number(floor);
  }
  if (cursor.at < log_.purged(shard)) {
    return Status::Config("the log is purged up to " +
                          std::to_string(log_.purged(shard)) + ", wanted is " +
                          std::to_string(cursor.at));
  }
  return At(cursor.at);
}

Result<ReadResult> MemorySource::Read(SteadyTime deadline) {
  ReadResult result;
  if (!assigned_) {
    assigned_ = true;
    result.kind = ReadResult::Kind::kAssigned;
    for (const auto& [shard, t] : log_.shards()) result.shards.push_back(shard);
    return result;
  }
  if (options_.fail_after >= 0 && reads_++ >= options_.fail_after) {
    return Status::Transient("the server went away");
  }
  for (auto& [shard, cursor] : cursors_) {
    if (!ready_.empty()) break;
    if (cursor.at < static_cast<int64_t>(log_.shards().at(shard).size())) {
      Emit(shard, &cursor);
    }
  }
  if (!ready_.empty()) {
    result.kind = ReadResult::Kind::kBatch;
    result.batch = std::move(ready_.front());
    ready_.pop_front();
    return result;
  }
  if (options_.ends) {
    result.kind = ReadResult::Kind::kEnd;
    return result;
  }
  std::this_thread::sleep_until(deadline);
  return result;
}

void MemorySource::Emit(const ShardId& shard, Cursor* cursor) {
  if (options_.on_read) options_.on_read(cursor->at);
  const MemoryTransaction& changes =
      log_.shards().at(shard)[static_cast<size_t>(cursor->at)];
  Batch batch;
  batch.shard = shard;
  uint32_t seq = 0;
  for (const MemoryChange& change : changes) {
    auto floor = cursor->floors.find(change.table);
    if (floor != cursor->floors.end() && cursor->at < floor->second) continue;
    Announce(change.table, &batch);
    batch.chunks.push_back(MakeChunk(log_.Schema(change.table), change.id, seq++));
    batch.bytes += 64;
    if (options_.split && &change != &changes.back()) {
      Batch part = std::move(batch);
      part.end = At(cursor->at);
      ready_.push_back(std::move(part));
      batch = Batch();
      batch.shard = shard;
      seq = 0;
    }
  }
  batch.end = At(++cursor->at);
  batch.boundary = true;
  ready_.push_back(std::move(batch));
}

void MemorySource::Announce(const std::string& table, Batch* batch) {
  if (!announced_.insert(table).second) return;
  Event event;
  event.table = {"db", "", table};
  event.schema = log_.Schema(table);
  batch->events.push_back(std::move(event));
}

Result<Position> MemorySource::End(const ShardId& shard) {
  return At(static_cast<int64_t>(log_.shards().at(shard).size()));
}

bool MemorySource::Reached(const Position& at, const Position& target) const {
  return Number(at) >= Number(target);
}

void MemorySource::Ack(const ShardId& shard, const Position& committed) {
  if (options_.acks) log_.Purge(shard, Number(committed));
}

}  // namespace leat
