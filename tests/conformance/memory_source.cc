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

int MemoryGroup::Join() {
  std::lock_guard lock(mutex_);
  members_[++joined_] = {};
  return joined_;
}

void MemoryGroup::Leave(int member) {
  std::lock_guard lock(mutex_);
  for (const ShardId& shard : HeldBy(member)) owners_.erase(shard);
  members_.erase(member);
}

std::vector<ShardId> MemoryGroup::HeldBy(int member) const {
  std::vector<ShardId> held;
  for (const auto& [shard, owner] : owners_) {
    if (owner == member) held.push_back(shard);
  }
  return held;
}

std::vector<ShardId> MemoryGroup::Free() const {
  std::vector<ShardId> free;
  for (const auto& [shard, transactions] : log_.shards()) {
    bool done = log_.purged(shard) >= log_.size(shard);
    if (!done && !owners_.contains(shard)) free.push_back(shard);
  }
  return free;
}

// Whoever is not heard of has gone.
void MemoryGroup::Expel(int but) {
  for (auto& [shard, owner] : owners_) {
    if (owner != but) members_[owner].lost.insert(shard);
  }
  std::erase_if(owners_, [&](const auto& entry) { return entry.second != but; });
}

MemoryGroup::Deal MemoryGroup::Poll(int member, bool idle) {
  constexpr int kPatience = 20;
  std::lock_guard lock(mutex_);
  Member& me = members_[member];
  for (auto& [id, other] : members_) {
    if (id != member) other.waiting = 0;  // for somebody who is there
  }
  for (const ShardId& shard : me.giving) owners_.erase(shard);
  me.giving.clear();
  Deal deal;
  if (!me.lost.empty()) {
    deal.drop.assign(me.lost.begin(), me.lost.end());
    deal.lost = true;
    me.lost.clear();
    return deal;
  }
  std::vector<ShardId> held = HeldBy(member);
  std::vector<ShardId> free = Free();
  if (!held.empty() && (idle || Draw(6))) {
    deal.drop = idle ? held : std::vector{held[random_() % held.size()]};
    deal.lost = Draw(6);
    for (const ShardId& shard : deal.drop) {
      if (deal.lost) owners_.erase(shard);
      if (!deal.lost) me.giving.insert(shard);
    }
  } else if (!free.empty() && (held.empty() || Draw(3))) {
    for (const ShardId& shard : free) {
      if (deal.take.empty() || Draw(2)) deal.take.push_back(shard);
    }
    for (const ShardId& shard : deal.take) owners_[shard] = member;
  } else if (held.empty() && owners_.empty()) {
    deal.end = true;
  } else if (held.empty() && ++me.waiting > kPatience) {
    Expel(member);
  }
  if (!held.empty()) me.waiting = 0;
  return deal;
}

// As a broker does: who lost a shard says nothing about it any more. Another member may
// have read its tokens in the middle of that epoch's commit, and begins before it.
void MemoryGroup::Ack(int member, const ShardId& shard, int64_t committed) {
  std::lock_guard lock(mutex_);
  auto owner = owners_.find(shard);
  if (owner != owners_.end() && owner->second == member) log_.Purge(shard, committed);
}

MemorySource::MemorySource(MemoryLog& log, MemorySourceOptions options)
    : log_(log), options_(std::move(options)) {
  if (options_.group) member_ = options_.group->Join();
}

MemorySource::~MemorySource() {
  if (options_.group) options_.group->Leave(member_);
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
  Forget(shard);
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
  if (options_.group) {
    if (std::optional<ReadResult> dealt = AskGroup()) return *std::move(dealt);
  }
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
    if (cursor.at < log_.size(shard)) {
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

std::optional<ReadResult> MemorySource::AskGroup() {
  ReadResult result;
  bool idle = AllRead();
  MemoryGroup::Deal deal = options_.group->Poll(member_, idle);
  if (!deal.drop.empty()) {
    for (const ShardId& shard : deal.drop) Forget(shard);
    result.kind = ReadResult::Kind::kRevoked;
    result.shards = std::move(deal.drop);
    result.lost = deal.lost;
  } else if (!deal.take.empty() || !assigned_) {
    result.kind = ReadResult::Kind::kAssigned;
    result.shards = std::move(deal.take);
    assigned_ = true;
  } else if (deal.end) {
    result.kind = ReadResult::Kind::kEnd;
  } else if (idle) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  } else {
    return std::nullopt;
  }
  return result;
}

bool MemorySource::AllRead() const {
  return ready_.empty() && std::ranges::all_of(cursors_, [&](const auto& cursor) {
           return cursor.second.at >= log_.size(cursor.first);
         });
}

void MemorySource::Forget(const ShardId& shard) {
  cursors_.erase(shard);
  std::erase_if(ready_, [&](const Batch& batch) { return batch.shard == shard; });
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

Result<Position> MemorySource::End(const ShardId& shard) { return At(log_.size(shard)); }

bool MemorySource::Reached(const Position& at, const Position& target) const {
  return Number(at) >= Number(target);
}

void MemorySource::Ack(const ShardId& shard, const Position& committed) {
  if (!options_.acks) return;
  if (options_.group) return options_.group->Ack(member_, shard, Number(committed));
  log_.Purge(shard, Number(committed));
}

}  // namespace leat
