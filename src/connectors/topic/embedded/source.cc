#include "connectors/topic/embedded/source.h"

#include <arrow/util/byte_size.h>
#include <fmt/format.h>

#include <algorithm>

#include "format/batch_order.h"
#include "store/store.h"

namespace leat::topic::embedded {
namespace {

// Small segments, as of a pipeline that commits often, are read together.
constexpr int64_t kBatchBytes = 1 << 20;
constexpr int kBatchSegments = 256;

}  // namespace

EmbeddedSource::EmbeddedSource(SourceOptions options, const Context& context)
    : options_(std::move(options)),
      context_(context),
      group_(options_.group.empty() ? context.pipeline : options_.group),
      log_(context.store->topics()),
      pattern_(options_.topics.Pattern()) {}

EmbeddedSource::~EmbeddedSource() {
  for (const std::string& topic : joined_) log_.groups().Leave(group_, topic);
}

Status EmbeddedSource::Open(const Needs& needs) {
  for (const auto& [name, settings] : context_.project.topics) {
    RETURN_IF_ERROR(log_.CreateMissing(name, settings));
  }
  DecoderOptions decoder;
  decoder.format = options_.format;
  decoder.topics = options_.topics.names;
  decoder.meta = needs.meta;
  decoder.log = &context_.log;
  ASSIGN_OR_RETURN(decoder_, MakeDecoder(std::move(decoder)));
  return Status::Ok();
}

std::vector<TopicPartition> EmbeddedSource::Mine() const {
  std::vector<TopicPartition> mine;
  for (const std::string& name : log_.Names()) {
    const bool wanted = pattern_ ? std::regex_match(name, *pattern_)
                                 : std::ranges::find(options_.topics.names, name) !=
                                       options_.topics.names.end();
    auto settings = log_.Settings(name);
    if (!wanted || !settings.ok()) continue;
    for (int32_t p = context_.worker; p < settings->partitions; p += context_.workers) {
      mine.push_back({name, p});
    }
  }
  return mine;
}

Status EmbeddedSource::Join(const std::string& topic) {
  if (joined_.contains(topic)) return Status::Ok();
  RETURN_IF_ERROR(log_.groups().Join(group_, topic, context_.pipeline));
  joined_.insert(topic);
  return Status::Ok();
}

Result<std::optional<ReadResult>> EmbeddedSource::Look() {
  ReadResult found;
  std::set<ShardId> there;
  for (TopicPartition& partition : Mine()) {
    ShardId shard = ShardOf(group_, partition);
    there.insert(shard);
    if (shards_.contains(shard)) continue;
    RETURN_IF_ERROR(Join(partition.topic));
    shards_[shard].partition = std::move(partition);
    found.shards.push_back(std::move(shard));
  }
  found.kind = ReadResult::Kind::kAssigned;
  if (!found.shards.empty() || !assigned_) {
    if (found.shards.empty()) {
      context_.log.Info("waiting for a topic to come up",
                        {{"pipeline", context_.pipeline}, {"group", group_}});
    }
    assigned_ = true;
    return std::optional(std::move(found));
  }
  found.kind = ReadResult::Kind::kRevoked;
  found.lost = true;
  for (const auto& [shard, cursor] : shards_) {
    if (!there.contains(shard)) found.shards.push_back(shard);
  }
  if (found.shards.empty()) return std::optional<ReadResult>();
  for (const ShardId& shard : found.shards) shards_.erase(shard);
  return std::optional(std::move(found));
}

Result<Place> EmbeddedSource::FirstPlace(const TopicPartition& partition) const {
  ASSIGN_OR_RETURN(const OffsetRange range, log_.Range(partition));
  const leat::topic::Start& start = options_.start;
  if (auto given = start.offsets.find(partition.partition);
      given != start.offsets.end()) {
    return Place{std::clamp(given->second, range.start, range.end), 0, ""};
  }
  switch (start.kind) {
    case leat::topic::Start::Kind::kEarliest: return Place{range.start, 0, ""};
    case leat::topic::Start::Kind::kLatest: return Place{range.end, 0, ""};
    case leat::topic::Start::Kind::kTime: break;
  }
  ASSIGN_OR_RETURN(const int64_t offset, log_.OffsetAt(partition, start.time));
  return Place{offset, 0, ""};
}

Result<Place> EmbeddedSource::Within(const TopicPartition& partition, Place place) const {
  ASSIGN_OR_RETURN(const OffsetRange range, log_.Range(partition));
  if (place.offset > range.end) {
    return Status::Config(fmt::format(
        "group {} has read {} up to offset {}, but it ends at {}: the store was lost, or "
        "an older copy of it restored. To go on from what is there: leat offsets {} "
        "--reset earliest",
        group_, partition.ToString(), place.offset, range.end, group_));
  }
  if (place.offset < range.start) {
    context_.log.Warn("records were deleted before they were read",
                      {{"pipeline", context_.pipeline},
                       {"group", group_},
                       {"partition", partition.ToString()},
                       {"records", range.start - place.offset}});
    place.offset = range.start;
  }
  return place;
}

Result<Position> EmbeddedSource::Start(const ShardId& shard, const Resume& resume) {
  auto found = shards_.find(shard);
  if (found == shards_.end()) return Status::Bug("starting a shard that is not here");
  Cursor& cursor = found->second;
  const TopicPartition& partition = cursor.partition;
  ASSIGN_OR_RETURN(auto group, log_.groups().Get(group_, partition));
  std::optional<Place> place;
  if (!resume.resume.empty()) {
    place = Place::Parse(resume.resume);
    if (!place) {
      return Status::Config("\"" + resume.resume.text + "\" is no position in " +
                            partition.ToString() +
                            ": the pipeline had another source; rename it to start anew");
    }
    RETURN_IF_ERROR(decoder_->Restore(place->learnt));
  }
  cursor.floors.clear();
  if (group && (!place || group->resets > place->resets)) {
    place = Place{group->offset, group->resets, ""};
  } else if (!place) {
    ASSIGN_OR_RETURN(place, FirstPlace(partition));
  } else {
    for (const auto& [table, floor] : resume.floors) {
      if (auto to = Place::Parse(floor)) cursor.floors[table] = *to;
    }
  }
  ASSIGN_OR_RETURN(cursor.at, Within(partition, *place));
  cursor.started = true;
  cursor.announced.clear();
  // Registers the group: from here on nothing goes that it has not read.
  RETURN_IF_ERROR(
      log_.groups().Commit(group_, partition, cursor.at.offset, cursor.at.resets));
  return cursor.at.ToPosition();
}

Result<ReadResult> EmbeddedSource::Read(SteadyTime deadline) {
  for (;;) {
    const uint64_t version = log_.version();
    if (const uint64_t shape = log_.shape(); !assigned_ || shape != looked_) {
      ASSIGN_OR_RETURN(auto looked, Look());
      if (looked) return *std::move(looked);
      looked_ = shape;
    }
    ASSIGN_OR_RETURN(auto moved, GoWhereReset());
    if (moved) return *std::move(moved);
    // The one after the last one read from comes first.
    auto next = shards_.upper_bound(last_);
    for (size_t i = 0; i < shards_.size(); i++, next++) {
      if (next == shards_.end()) next = shards_.begin();
      if (!next->second.started) continue;
      ASSIGN_OR_RETURN(auto batch, ReadShard(next->first, &next->second));
      if (!batch) continue;
      last_ = next->first;
      behind_ = true;
      ReadResult result;
      result.kind = ReadResult::Kind::kBatch;
      result.batch = *std::move(batch);
      return result;
    }
    behind_ = false;
    if (log_.WaitPast(version, deadline) == version) return ReadResult();
  }
}

Result<std::optional<ReadResult>> EmbeddedSource::GoWhereReset() {
  const uint64_t resets = log_.groups().resets();
  if (resets == resets_) return std::optional<ReadResult>();
  for (auto& [shard, cursor] : shards_) {
    if (!cursor.started) continue;
    ASSIGN_OR_RETURN(auto group, log_.groups().Get(group_, cursor.partition));
    if (!group || group->resets <= cursor.at.resets) continue;
    ASSIGN_OR_RETURN(Place place,
                     Within(cursor.partition, {group->offset, group->resets, ""}));
    place.learnt = cursor.at.learnt;
    cursor.at = std::move(place);
    cursor.floors.clear();
    context_.log.Info("going where the group was reset to",
                      {{"pipeline", context_.pipeline},
                       {"group", group_},
                       {"partition", cursor.partition.ToString()},
                       {"offset", cursor.at.offset}});
    ReadResult result;
    result.kind = ReadResult::Kind::kBatch;
    result.batch.shard = shard;
    result.batch.end = cursor.at.ToPosition();
    result.batch.boundary = true;
    return std::optional(std::move(result));
  }
  resets_ = resets;
  return std::optional<ReadResult>();
}

Result<std::optional<Batch>> EmbeddedSource::ReadShard(const ShardId& shard,
                                                       Cursor* cursor) {
  std::optional<Batch> batch;
  int64_t bytes = 0;
  for (int n = 0; n < kBatchSegments && bytes < kBatchBytes; n++) {
    ASSIGN_OR_RETURN(auto fetched, log_.Fetch(cursor->partition, cursor->at.offset));
    if (!fetched) break;
    // A change of a table closes the epoch before it, so it begins a batch.
    if (batch && ChangesTables(fetched->segment, *cursor)) break;
    if (!batch) batch.emplace();
    bytes += fetched->bytes;
    RETURN_IF_ERROR(Append(*std::move(fetched), cursor, &*batch));
  }
  if (!batch) return batch;
  batch->shard = shard;
  batch->end = cursor->at.ToPosition();
  batch->boundary = true;
  if (batch->source_time > 0) newest_ = batch->source_time;
  return batch;
}

Status EmbeddedSource::Append(FetchedSegment fetched, Cursor* cursor, Batch* batch) {
  const Place end{fetched.end, cursor->at.resets, ""};
  const size_t chunks = batch->chunks.size();
  if (fetched.segment.records) {
    RETURN_IF_ERROR(Decode(&fetched, cursor, batch));
  } else if (fetched.segment.format != options_.format.name) {
    return Status::Config(fmt::format(
        "the rows in {} were written as {}, this source reads {}: write format: {}",
        cursor->partition.ToString(), fetched.segment.format, options_.format.name,
        fetched.segment.format));
  } else {
    AppendRows(std::move(fetched.segment), cursor, batch);
  }
  if (!cursor->floors.empty()) {
    // Positions are ends of segments, so a table has all of a segment or nothing.
    auto own = batch->chunks.begin() + static_cast<std::ptrdiff_t>(chunks);
    batch->chunks.erase(std::remove_if(own, batch->chunks.end(),
                                       [&](const Chunk& chunk) {
                                         auto floor =
                                             cursor->floors.find(chunk.schema->id);
                                         return floor != cursor->floors.end() &&
                                                floor->second.Reached(end);
                                       }),
                        batch->chunks.end());
  }
  cursor->at.offset = fetched.end;
  return Status::Ok();
}

Status EmbeddedSource::Decode(FetchedSegment* fetched, Cursor* cursor, Batch* batch) {
  Records& records = *fetched->segment.records;
  const auto offsets = OffsetsOf(fetched->segment);
  records.topic = cursor->partition.topic;
  records.partitions.assign(static_cast<size_t>(records.size()),
                            cursor->partition.partition);
  for (const int64_t offset : offsets[0]) {
    records.offsets.push_back(fetched->first + offset);
  }
  const size_t rejects = batch->rejects.size();
  RETURN_IF_ERROR(decoder_->Decode(records, batch));
  for (size_t i = rejects; i < batch->rejects.size(); i++) {
    DeadLetter& letter = batch->rejects[i];
    if (letter.position.empty()) {
      letter.position = Place{fetched->end, cursor->at.resets, ""}.ToPosition();
    }
  }
  cursor->at.learnt = decoder_->State();
  return Status::Ok();
}

bool EmbeddedSource::ChangesTables(const Segment& segment, const Cursor& cursor) {
  return !segment.events.empty() ||
         std::ranges::any_of(segment.chunks, [&](const Chunk& chunk) {
           auto known = cursor.announced.find(chunk.schema->id);
           return known == cursor.announced.end() || known->second != chunk.schema;
         });
}

void EmbeddedSource::AppendRows(Segment segment, Cursor* cursor, Batch* batch) {
  uint32_t seq = NextSeq(*batch);
  for (const Chunk& chunk : segment.chunks) {
    SchemaRef& known = cursor->announced[chunk.schema->id];
    const bool told_here = std::ranges::any_of(segment.events, [&](const Event& e) {
      return e.kind != Event::Kind::kTruncate && e.schema == chunk.schema;
    });
    if (known == chunk.schema || told_here) continue;
    // A table's first rows here, or its schema changed before where this reader began.
    Event event;
    event.seq = seq++;
    event.table = chunk.schema->id;
    event.schema = known = chunk.schema;
    batch->events.push_back(std::move(event));
  }
  for (const Event& event : segment.events) {
    // A table that was truncated, and has sent nothing since this reader began.
    SchemaRef& known = cursor->announced[event.table];
    if (event.kind != Event::Kind::kTruncate || !event.schema || known) continue;
    Event told;
    told.seq = seq++;
    told.table = event.table;
    told.schema = known = event.schema;
    batch->events.push_back(std::move(told));
  }
  for (Event& event : segment.events) {
    event.seq += seq;
    if (event.schema) cursor->announced[event.schema->id] = event.schema;
    batch->events.push_back(std::move(event));
  }
  for (Chunk& chunk : segment.chunks) {
    for (uint32_t& s : chunk.seq) s += seq;
    for (const int64_t time : chunk.time) {
      batch->source_time = std::max(batch->source_time, time);
    }
    batch->bytes += arrow::util::TotalBufferSize(*chunk.rows);
    if (chunk.before) batch->bytes += arrow::util::TotalBufferSize(*chunk.before);
    batch->chunks.push_back(std::move(chunk));
  }
}

Result<Position> EmbeddedSource::End(const ShardId& shard) {
  auto found = shards_.find(shard);
  if (found == shards_.end()) return Status::Bug("the end of a shard that is not here");
  ASSIGN_OR_RETURN(const OffsetRange range, log_.Range(found->second.partition));
  return Place{range.end, found->second.at.resets, ""}.ToPosition();
}

bool EmbeddedSource::Reached(const Position& at, const Position& target) const {
  const auto here = Place::Parse(at);
  const auto there = Place::Parse(target);
  return here && there && here->Reached(*there);
}

Lag EmbeddedSource::GetLag() const {
  Lag lag;
  if (behind_ && newest_ > 0) {
    lag.micros = std::max<int64_t>(context_.clock.WallMicros() - newest_, 0);
  }
  return lag;
}

void EmbeddedSource::Ack(const ShardId& shard, const Position& committed) {
  auto found = shards_.find(shard);
  const auto place = Place::Parse(committed);
  if (found == shards_.end() || !place) return;
  Status kept =
      log_.groups().Commit(group_, found->second.partition, place->offset, place->resets);
  if (kept.ok()) return;
  context_.log.Warn("the group's offset could not be published",
                    {{"pipeline", context_.pipeline}, {"error", kept.message()}});
}

}  // namespace leat::topic::embedded
