#include "connectors/topic/embedded/sink.h"

#include <algorithm>

#include "connectors/topic/embedded/partitioner.h"
#include "core/json.h"
#include "store/store.h"

namespace leat::topic::embedded {
namespace {

// Of rows in memory: about 1 MB as kept.
constexpr int64_t kSegmentBytes = 2 << 20;

std::string ManifestOf(const std::vector<uint64_t>& ids) {
  return DumpJson(nlohmann::json(ids));
}

Result<std::vector<uint64_t>> ReadManifest(const std::string& manifest) {
  if (manifest.empty()) return std::vector<uint64_t>();
  const auto json = TryParseJson<nlohmann::json>(manifest);
  if (!json.is_array() || !std::ranges::all_of(json, [](const auto& id) {
        return id.is_number_unsigned();
      })) {
    return Status::Config("this is no manifest of embedded topics: " + manifest);
  }
  return json.get<std::vector<uint64_t>>();
}

}  // namespace

Result<std::unique_ptr<Sink>> EmbeddedSink::Make(SinkOptions options,
                                                 const Context& context) {
  ASSIGN_OR_RETURN(auto encoder, MakeEncoder({.format = options.format,
                                              .topic = options.topic,
                                              .clock = &context.clock,
                                              .log = &context.log}));
  return std::unique_ptr<Sink>(
      new EmbeddedSink(std::move(options), std::move(encoder), context));
}

EmbeddedSink::EmbeddedSink(SinkOptions options, std::unique_ptr<Encoder> encoder,
                           const Context& context)
    : options_(std::move(options)),
      encoder_(std::move(encoder)),
      context_(context),
      log_(context.store->topics()),
      worker_{context.pipeline, context.worker} {}

Needs EmbeddedSink::needs() const {
  Needs needs = encoder_->needs();
  needs.Add({.before = Needs::Before::kKey});
  return needs;
}

Status EmbeddedSink::Open(std::span<const SchemaRef> tables) {
  for (const auto& [name, settings] : context_.project.topics) {
    RETURN_IF_ERROR(log_.CreateMissing(name, settings));
  }
  for (const SchemaRef& table : tables) {
    RETURN_IF_ERROR(TargetOf(table->id).status());
  }
  // What an older life staged and nobody decided on. A saved epoch may still be
  // committed.
  ASSIGN_OR_RETURN(
      auto saved, context_.store->Load(worker_.pipeline, std::to_string(worker_.worker)));
  std::vector<uint64_t> keep;
  if (saved && !saved->folded) {
    ASSIGN_OR_RETURN(keep, ReadManifest(saved->checkpoint.manifest));
  }
  ASSIGN_OR_RETURN(auto left, log_.Staged(worker_));
  std::erase_if(left,
                [&](uint64_t id) { return std::ranges::find(keep, id) != keep.end(); });
  return log_.Unstage(worker_, left);
}

Result<const EmbeddedSink::Target*> EmbeddedSink::TargetOf(const TableId& table) {
  if (auto found = targets_.find(table); found != targets_.end()) return &found->second;
  ASSIGN_OR_RETURN(Target target, OpenTopic(encoder_->TopicFor(table),
                                            "the rows of " + table.ToString()));
  return &(targets_[table] = std::move(target));
}

Result<EmbeddedSink::Target> EmbeddedSink::OpenTopic(const std::string& topic,
                                                     const std::string& what) {
  if (!IsTopicName(topic)) {
    return Status::Config("\"" + topic + "\", for " + what +
                          ", cannot name a topic: use letters, digits, . _ and -");
  }
  auto declared = context_.project.topics.find(topic);
  RETURN_IF_ERROR(log_.CreateMissing(topic, declared == context_.project.topics.end()
                                                ? options_.settings
                                                : declared->second));
  Target target;
  target.topic = topic;
  ASSIGN_OR_RETURN(target.settings, log_.Settings(topic));
  return target;
}

Result<ShardTokens> EmbeddedSink::GetTokens(std::span<const ShardId> shards,
                                            std::span<const SinkTable> tables,
                                            const Claim& claim) {
  ShardTokens tokens;
  if (std::ranges::find(tables, kTokenTable) == tables.end()) return tokens;
  for (const ShardId& shard : shards) {
    ASSIGN_OR_RETURN(auto token, log_.GetToken(context_.pipeline, shard));
    if (token) tokens[shard][kTokenTable] = *std::move(token);
  }
  return tokens;
}

Status EmbeddedSink::Write(const Batch& batch, std::vector<DeadLetter>* rejects) {
  const uint32_t seq = next_seq_;
  const int64_t rows = std::max<int64_t>(batch.rows(), 1);
  for (const Event& event : batch.events) {
    RETURN_IF_ERROR(WriteEvent(event, seq));
    next_seq_ = std::max(next_seq_, seq + event.seq + 1);
  }
  for (const Chunk& chunk : batch.chunks) {
    if (chunk.size() == 0) continue;
    RETURN_IF_ERROR(WriteChunk(chunk, batch.bytes * chunk.size() / rows, seq));
    next_seq_ = std::max(next_seq_, seq + chunk.seq.back() + 1);
  }
  RETURN_IF_ERROR(WriteNotes(batch));
  staged_bytes_ += batch.bytes;
  std::vector<TopicPartition> full;
  for (const auto& [to, open] : open_) {
    if (open.bytes >= kSegmentBytes) full.push_back(to);
  }
  for (const TopicPartition& to : full) RETURN_IF_ERROR(Stage(to));
  if (open_.empty()) next_seq_ = 0;
  return Status::Ok();
}

Status EmbeddedSink::WriteEvent(const Event& event, uint32_t seq) {
  // Of the source as a whole, or for the notes alone.
  if (event.table == TableId() || event.kind == Event::Kind::kStatement) {
    return Status::Ok();
  }
  ASSIGN_OR_RETURN(const Target* target, TargetOf(event.table));
  // Every partition has rows of the new shape; the rest happens once.
  const bool all = event.kind == Event::Kind::kSchema;
  const int32_t partitions = all ? target->settings.partitions : 1;
  for (int32_t p = 0; p < partitions; p++) {
    OpenSegment& open = open_[{target->topic, p}];
    open.segment.events.push_back(event);
    open.segment.events.back().seq += seq;
  }
  return Status::Ok();
}

Status EmbeddedSink::WriteNotes(const Batch& batch) {
  return encoder_->EncodeNotes(
      batch, [this](const Records& records) { return WriteNotes(records); });
}

// They come seldom: each lot is a segment of its own.
Status EmbeddedSink::WriteNotes(const Records& records) {
  if (!notes_.contains(records.topic)) {
    ASSIGN_OR_RETURN(notes_[records.topic],
                     OpenTopic(records.topic, "records beside the rows"));
  }
  const int32_t partitions = notes_[records.topic].settings.partitions;
  std::map<int32_t, RecordsBuilder> parts;
  for (int64_t i = 0; i < records.size(); i++) {
    const int32_t partition = PartitionOf(*records.keys, i, partitions);
    RecordsBuilder& to = parts.try_emplace(partition, records.topic).first->second;
    to.key().Append(records.keys->GetView(i));
    to.value().Append(records.values->GetView(i));
    to.End(records.timestamps[static_cast<size_t>(i)], records.keys->IsValid(i),
           records.values->IsValid(i),
           records.headers ? records.headers->GetView(i) : std::string_view());
  }
  for (auto& [partition, part] : parts) {
    Segment segment;
    segment.records = part.Finish();
    RETURN_IF_ERROR(Stage({records.topic, partition}, std::move(segment)));
  }
  staged_bytes_ += records.bytes();
  return Status::Ok();
}

Status EmbeddedSink::WriteChunk(const Chunk& chunk, int64_t bytes, uint32_t seq) {
  ASSIGN_OR_RETURN(const Target* target, TargetOf(chunk.schema->id));
  const int32_t partitions = target->settings.partitions;
  std::shared_ptr<arrow::BinaryArray> keys, before;
  if (partitions > 1 || target->settings.compact) {
    ASSIGN_OR_RETURN(keys, encoder_->Keys(chunk, /*before=*/false));
  }
  if (partitions == 1) return Add({target->topic, 0}, chunk, keys, bytes, seq);
  if (chunk.before) {
    ASSIGN_OR_RETURN(before, encoder_->Keys(chunk, /*before=*/true));
  }
  ASSIGN_OR_RETURN(auto parts, Split(chunk, keys, before, partitions));
  for (auto& [partition, part] : parts) {
    const int64_t share = bytes * part.chunk.size() / chunk.size();
    auto kept = target->settings.compact ? std::move(part.keys) : nullptr;
    RETURN_IF_ERROR(Add({target->topic, partition}, std::move(part.chunk),
                        std::move(kept), share, seq));
  }
  return Status::Ok();
}

Status EmbeddedSink::Add(const TopicPartition& to, Chunk chunk,
                         std::shared_ptr<arrow::BinaryArray> keys, int64_t bytes,
                         uint32_t seq) {
  OpenSegment& open = open_[to];
  for (uint32_t& s : chunk.seq) s += seq;
  open.segment.chunks.push_back(std::move(chunk));
  if (keys) open.segment.keys.push_back(std::move(keys));
  open.bytes += bytes;
  return Status::Ok();
}

Status EmbeddedSink::Stage(const TopicPartition& to) {
  auto open = open_.extract(to);
  Segment& segment = open.mapped().segment;
  segment.format = options_.format.name;
  RETURN_IF_ERROR(MergeChunks(&segment));
  return Stage(to, std::move(segment));
}

Status EmbeddedSink::Stage(const TopicPartition& to, Segment segment) {
  ASSIGN_OR_RETURN(const StagedSegment staged, log_.Stage(worker_, to, segment));
  staged_.push_back(staged.id);
  return Status::Ok();
}

Result<Prepared> EmbeddedSink::Prepare() {
  while (!open_.empty()) RETURN_IF_ERROR(Stage(open_.begin()->first));
  next_seq_ = 0;
  if (staged_.empty()) return Prepared{};
  // Durable with the save of the epoch, which is a synced write of the same store.
  return Prepared{{kTokenTable}, ManifestOf(staged_)};
}

Result<Committed> EmbeddedSink::Commit(const Checkpoint& checkpoint) {
  ASSIGN_OR_RETURN(const std::vector<uint64_t> ids, ReadManifest(checkpoint.manifest));
  std::vector<TopicLog::TokenChange> tokens;
  for (const ShardRange& range : checkpoint.shards) {
    const Token* previous = FindToken(range.previous, kTokenTable);
    tokens.push_back(
        {previous ? std::optional(*previous) : std::nullopt, checkpoint.TokenOf(range)});
  }
  RETURN_IF_ERROR(log_.Commit(worker_, ids, tokens));
  staged_.clear();
  staged_bytes_ = 0;
  return Committed{};
}

Status EmbeddedSink::Abort() {
  open_.clear();
  next_seq_ = 0;
  staged_bytes_ = 0;
  encoder_->Abort();
  return log_.Unstage(worker_, std::exchange(staged_, {}));
}

}  // namespace leat::topic::embedded
