#include "connectors/iceberg/sink.h"

#include <arrow/compute/initialize.h>
#include <arrow/util/byte_size.h>
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/failpoint.h"
#include "connectors/iceberg/recompute_deletes.h"

namespace leat::iceberg {
namespace {

std::string Replaced(std::string text, std::string_view what, std::string_view with) {
  for (size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

std::string Rendered(std::string pattern, const TableId& id) {
  pattern = Replaced(std::move(pattern), "{database}", id.database);
  pattern = Replaced(std::move(pattern), "{schema}", id.schema);
  return Replaced(std::move(pattern), "{table}", id.table);
}

// A table's name as that of a folder: nothing that leads out of the parent.
std::string FolderName(const SinkTable& name) {
  std::string out;
  for (const char c : name) {
    const bool plain =
        std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '-' || c == '.';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<uint8_t>(c));
  }
  return out.front() == '.' ? "%2E" + out.substr(1) : out;
}

std::vector<std::string> NamesOf(const TableSchema& schema) {
  std::vector<std::string> names;
  for (const Column& c : schema.columns) names.push_back(c.name);
  return names;
}

// How far a walk over a batch got in each chunk.
class ChunkCursors {
 public:
  explicit ChunkCursors(const Batch& batch) {
    for (const Chunk& chunk : batch.chunks) ranges_.push_back({&chunk, 0, 0, 0});
  }

  // The rows of `table` (all tables: null) not yet answered whose seq is below `end`.
  std::vector<ChunkRange> Take(const TableId* table, uint64_t end) {
    std::vector<ChunkRange> out;
    for (ChunkRange& range : ranges_) {
      const Chunk& chunk = *range.chunk;
      if (table && chunk.schema->id != *table) continue;
      const auto stop = std::lower_bound(
          chunk.seq.begin() + static_cast<ptrdiff_t>(range.to), chunk.seq.end(), end,
          [](uint32_t seq, uint64_t e) { return seq < e; });
      range.to = static_cast<size_t>(stop - chunk.seq.begin());
      if (range.to == range.from) continue;
      out.push_back(range);
      range.before += static_cast<size_t>(
          std::count(chunk.ops.begin() + static_cast<ptrdiff_t>(range.from),
                     chunk.ops.begin() + static_cast<ptrdiff_t>(range.to), Op::kUpdate));
      range.from = range.to;
    }
    return out;
  }

 private:
  std::vector<ChunkRange> ranges_;
};

}  // namespace

IcebergSink::IcebergSink(SinkOptions options, const Context& context)
    : options_(std::move(options)), context_(context) {}

Result<std::unique_ptr<IcebergSink>> IcebergSink::Make(SinkOptions options,
                                                       const Context& context) {
  if (const auto status = arrow::compute::Initialize(); !status.ok()) {
    return FromArrow(status, "starting Arrow");
  }
  std::unique_ptr<IcebergSink> sink(new IcebergSink(std::move(options), context));
  ASSIGN_OR_RETURN(sink->files_,
                   FileIo::Make(sink->options_.warehouse, sink->options_.s3));
  ASSIGN_OR_RETURN(sink->catalog_, OpenCatalog(sink->options_.catalog, *sink->files_,
                                               context.project.data.string()));
  return sink;
}

Needs IcebergSink::needs() const {
  Needs needs;
  if (options_.mode == Mode::kUpsert) needs.before = Needs::Before::kKey;
  return needs;
}

SinkTable IcebergSink::TableFor(const TableId& source) const {
  return Rendered(options_.table, source);
}

SchemaRef IcebergSink::ShapeOf(const SchemaRef& source) const {
  if (options_.mode == Mode::kAppend) return AppendShape(*source);
  if (options_.key.empty()) return source;
  std::vector<int> key;
  for (const std::string& name : options_.key) key.push_back(source->Find(name));
  std::erase(key, -1);  // TableWriter::SetSource reports it
  return TableSchema::Make(source->id, source->columns, std::move(key));
}

Result<TableWriter*> IcebergSink::Find(const SinkTable& name) {
  if (const auto found = writers_.find(name); found != writers_.end()) {
    return found->second.get();
  }
  ASSIGN_OR_RETURN(auto table, Table::Load(*catalog_, *files_, context_.clock,
                                           TableName::Parse(name)));
  if (!table) return nullptr;
  table->SetUpkeep(options_.upkeep.table);
  TableWriterOptions options;
  options.mode = options_.mode;
  options.key = options_.key;
  options.index = context_.data / "index" / FolderName(name);
  options.files.file_bytes = options_.file_bytes;
  auto& writer = writers_[name];
  writer = std::make_unique<TableWriter>(*files_, std::move(table), std::move(options),
                                         context_.log, context_.cancel);
  return writer.get();
}

Result<TableWriter*> IcebergSink::Create(const SinkTable& name, const SchemaRef& source) {
  const SchemaRef shape = ShapeOf(source);
  NewTable made;
  ASSIGN_OR_RETURN(made.schema, MakeSchema(shape->columns, shape->key));
  ASSIGN_OR_RETURN(made.spec, PartitionSpec::Make(options_.partition, made.schema));
  if (!options_.location.empty()) {
    made.location =
        Rendered(Replaced(options_.location, "{warehouse}", files_->root()), source->id);
  }
  ASSIGN_OR_RETURN(auto table, Table::Create(*catalog_, *files_, context_.clock,
                                             TableName::Parse(name), made));
  return Find(name);
}

Status IcebergSink::CheckKey(const SchemaRef& source) const {
  if (options_.mode == Mode::kAppend || !ShapeOf(source)->key.empty()) {
    return Status::Ok();
  }
  return Status::Config(
      fmt::format("table {} has no key, so its rows cannot be upserted; give it a "
                  "primary key, name one with `key`, or use `mode: append`",
                  source->id.ToString()));
}

Status IcebergSink::Follow(const SchemaRef& source, const Event* change) {
  const SinkTable name = TableFor(source->id);
  ASSIGN_OR_RETURN(TableWriter * writer, Find(name));
  const SchemaRef shape = ShapeOf(source);
  RETURN_IF_ERROR(CheckKey(source));
  if (!writer) {
    ASSIGN_OR_RETURN(writer, Create(name, source));
    return writer->SetSource(source);
  }
  // A shape announced again, by a source that reconnected.
  const bool renames = change && !change->renamed_from.empty();
  if (!renames && writer->has_source() && writer->source()->id == source->id &&
      writer->source()->SameShape(*source)) {
    return Status::Ok();
  }
  SchemaChange wanted;
  wanted.columns = shape->columns;
  wanted.key = shape->key;
  if (change) {
    wanted.renamed_from = change->renamed_from;
    if (!wanted.renamed_from.empty()) {
      for (size_t i = wanted.renamed_from.size(); i < shape->columns.size(); i++) {
        wanted.renamed_from.push_back(shape->columns[i].name);  // _op, _ts
      }
    }
    if (writer->has_source()) wanted.previous = NamesOf(*ShapeOf(writer->source()));
  }
  RETURN_IF_ERROR(writer->CloseFiles());  // what is staged has the old shape
  RETURN_IF_ERROR(writer->table().EvolveSchema(wanted));
  return writer->SetSource(source);
}

Status IcebergSink::Open(std::span<const SchemaRef> tables) {
  std::map<SinkTable, TableId> sources;
  for (const SchemaRef& table : tables) {
    const auto [at, added] = sources.try_emplace(TableFor(table->id), table->id);
    if (!added) {
      return Status::Config(fmt::format(
          "tables {} and {} would both be written to {}; put {{database}} and {{table}} "
          "into `table`",
          at->second.ToString(), table->id.ToString(), at->first));
    }
    RETURN_IF_ERROR(Meet(table).Within("table " + table->id.ToString()));
  }
  return Status::Ok();
}

// A table that is there keeps its shape until rows of another one come: those read first
// may be older than the shape the source has now.
Status IcebergSink::Meet(const SchemaRef& source) {
  ASSIGN_OR_RETURN(TableWriter * writer, Find(TableFor(source->id)));
  if (!writer) return Follow(source, nullptr);
  met_[TableFor(source->id)] = source;
  return CheckKey(source);
}

Result<ShardTokens> IcebergSink::GetTokens(std::span<const ShardId> shards,
                                           std::span<const SinkTable> tables,
                                           const Claim& claim) {
  ShardTokens tokens;
  for (const SinkTable& name : tables) {
    ASSIGN_OR_RETURN(TableWriter* const writer, Find(name));
    if (!writer) continue;
    ASSIGN_OR_RETURN(const bool changed, writer->table().Refresh());
    if (changed) writer->Distrust();
    ASSIGN_OR_RETURN(auto found, writer->table().GetTokens(context_.pipeline, shards));
    for (auto& [shard, token] : found) tokens[shard][name] = std::move(token);
  }
  return tokens;
}

Status IcebergSink::Write(const Batch& batch, std::vector<DeadLetter>* rejects) {
  // Order matters within a table only: an event waits for its own table's rows.
  std::vector<const Event*> events;
  for (const Event& event : batch.events) events.push_back(&event);
  std::stable_sort(events.begin(), events.end(),
                   [](const Event* a, const Event* b) { return a->seq < b->seq; });
  ChunkCursors cursors(batch);
  for (const Event* event : events) {
    for (const ChunkRange& rows : cursors.Take(&event->table, event->seq)) {
      RETURN_IF_ERROR(WriteRange(rows, rejects));
    }
    RETURN_IF_ERROR(Apply(*event, batch));
  }
  for (const ChunkRange& rows : cursors.Take(nullptr, UINT64_MAX)) {
    RETURN_IF_ERROR(WriteRange(rows, rejects));
  }
  return Status::Ok();
}

Status IcebergSink::Apply(const Event& event, const Batch& batch) {
  switch (event.kind) {
    case Event::Kind::kSchema: return Follow(event.schema, &event);
    case Event::Kind::kRename:
      // Its rows go on in the new name's table; the old one stays as it is.
      context_.log.Warn(
          "a table was renamed; its rows go to another table from here on",
          {{"from", TableFor(event.table)}, {"to", TableFor(event.schema->id)}});
      return Follow(event.schema, nullptr);
    case Event::Kind::kDrop:
      context_.log.Warn("a table was dropped at the source; its Iceberg table stays",
                        {{"table", TableFor(event.table)}});
      return Status::Ok();
    case Event::Kind::kTruncate: {
      const SinkTable name = TableFor(event.table);
      ASSIGN_OR_RETURN(TableWriter* const writer, Find(name));
      if (!writer || (!writer->has_source() && !met_.contains(name))) {
        return Status::Bug("a table was truncated before it was announced: " +
                           event.table.ToString());
      }
      if (!writer->has_source()) RETURN_IF_ERROR(Follow(met_[name], nullptr));
      return writer->Truncate(batch.source_time);
    }
    case Event::Kind::kSnapshotDone:
    case Event::Kind::kStatement: return Status::Ok();
  }
  return Status::Ok();
}

Status IcebergSink::WriteRange(const ChunkRange& rows, std::vector<DeadLetter>* rejects) {
  const SchemaRef& schema = rows.chunk->schema;
  const SinkTable name = TableFor(schema->id);
  auto found = writers_.find(name);
  // A shape that no event announced: the first rows of a table, or a source that says
  // its shapes with its rows.
  if (found == writers_.end() || !found->second->has_source() ||
      (found->second->source() != schema &&
       !found->second->source()->SameShape(*schema))) {
    RETURN_IF_ERROR(Follow(schema, nullptr));
    found = writers_.find(name);
  }
  const auto bytes = arrow::util::ReferencedBufferSize(*rows.chunk->rows).ValueOr(0);
  staged_bytes_ += bytes * static_cast<int64_t>(rows.size()) /
                   std::max<int64_t>(1, rows.chunk->size());
  RETURN_IF_ERROR(found->second->Write(rows, rejects).Within("table " + name));
  return BoundMemory();
}

Status IcebergSink::BoundMemory() {
  for (;;) {
    int64_t buffered = 0;
    TableWriter* largest = nullptr;
    for (const auto& [name, writer] : writers_) {
      const int64_t bytes = writer->buffered_bytes();
      if (!largest || bytes > largest->buffered_bytes()) largest = writer.get();
      buffered += bytes;
    }
    if (buffered <= options_.buffer_bytes) return Status::Ok();
    ASSIGN_OR_RETURN(const bool closed, largest->CloseLargest());
    if (!closed) return Status::Ok();
  }
}

Result<Prepared> IcebergSink::Prepare() {
  Prepared prepared;
  Manifest manifest;
  for (const auto& [name, writer] : writers_) {
    if (!writer->touched()) continue;
    ASSIGN_OR_RETURN(manifest[name], writer->Finish());
    prepared.tables.push_back(name);
  }
  RETURN_IF_ERROR(failpoint::Durable("iceberg.stage.before"));
  RETURN_IF_ERROR(files_->Sync());
  RETURN_IF_ERROR(failpoint::Durable("iceberg.stage.after"));
  prepared.manifest = manifest.empty() ? "" : ToJson(manifest);
  prepared_ = {prepared.manifest, std::move(manifest)};
  return prepared;
}

Result<Committed> IcebergSink::Commit(const Checkpoint& checkpoint) {
  Manifest manifest;
  if (prepared_ && prepared_->first == checkpoint.manifest) {
    manifest = prepared_->second;
  } else {
    ASSIGN_OR_RETURN(manifest, ManifestFromJson(checkpoint.manifest));
  }
  bool resave = false;
  for (const SinkTable& name : checkpoint.tables) {
    ASSIGN_OR_RETURN(const bool rewritten, CommitTable(checkpoint, name, &manifest));
    resave = resave || rewritten;
  }
  if (resave) {
    RETURN_IF_ERROR(files_->Sync());
    prepared_ = {ToJson(manifest), manifest};
    return Committed{prepared_->first};
  }
  prepared_.reset();
  staged_bytes_ = 0;
  return Committed{};
}

// True: files were rewritten by somebody; the manifest has the deletes anew.
Result<bool> IcebergSink::CommitTable(const Checkpoint& checkpoint, const SinkTable& name,
                                      Manifest* manifest) {
  ASSIGN_OR_RETURN(TableWriter* const writer, Find(name));
  if (!writer) {
    return Status::Config("table " + name +
                          " of a saved epoch is gone from the catalog; restore it, or "
                          "start over under another pipeline name");
  }
  TableChange change;
  change.tokens = checkpoint.TokensFor(name);
  for (const ShardRange& range : checkpoint.shards) {
    change.shards.push_back(range.shard);
    const Token* previous = FindToken(range.previous, name);
    if (previous) change.expected[range.shard] = *previous;
  }
  const auto staged = manifest->find(name);
  if (staged != manifest->end()) {
    change.added_data = staged->second.data;
    change.added_deletes = staged->second.deletes;
    change.truncate = staged->second.truncate;
    change.base_snapshot = staged->second.base_snapshot;
    change.base_sequence = staged->second.base_sequence;
    if (!change.truncate) change.required = staged->second.named;
    change.summary[std::string(kStageProperty)] = staged->second.name;
  } else {
    change.base_snapshot = writer->table().snapshot_id();
    change.base_sequence = writer->table().sequence_number();
  }
  RETURN_IF_ERROR(failpoint::Durable("iceberg.commit.before"));
  ASSIGN_OR_RETURN(const TableCommit done, writer->table().Commit(change));
  RETURN_IF_ERROR(failpoint::Durable("iceberg.commit.after"));
  if (done.outcome == TableCommit::Outcome::kRewritten) {
    ASSIGN_OR_RETURN(staged->second,
                     RecomputeDeletes(*files_, writer->table(), staged->second, done));
    writer->Distrust();
    RETURN_IF_ERROR(failpoint::Durable("iceberg.recomputed"));
    return true;
  }
  RETURN_IF_ERROR(
      writer->Committed(staged != manifest->end() ? staged->second : StagedTable{}));
  return false;
}

Status IcebergSink::Abort() {
  prepared_.reset();
  staged_bytes_ = 0;
  Status first;
  for (const auto& [name, writer] : writers_) {
    const Status aborted = writer->Abort();
    if (first.ok()) first = aborted;
  }
  return first;
}

Status IcebergSink::Upkeep(SteadyTime deadline, std::span<const Checkpoint> unfinished) {
  if (prepared_) return Status::Ok();
  const std::set<std::string> keep = FilesOf(unfinished);
  auto at = writers_.lower_bound(upkeep_next_);
  for (size_t i = 0; i < writers_.size() && context_.clock.Now() < deadline; i++) {
    if (at == writers_.end()) at = writers_.begin();
    const auto& [name, writer] = *at++;
    upkeep_next_ = at == writers_.end() ? SinkTable() : at->first;
    if (writer->touched()) continue;
    auto& upkeep = upkeeps_[name];
    if (!upkeep) {
      upkeep = std::make_unique<iceberg::Upkeep>(*files_, writer->table(), context_.clock,
                                                 context_.log, options_.upkeep);
    }
    const auto changed = upkeep->Run(deadline, keep);
    // An index that follows although nothing changed reads a little for nothing.
    if (!changed.ok() || *changed) writer->Distrust();
    if (!changed.ok()) return changed.status().Within("upkeep of table " + name);
  }
  return Status::Ok();
}

}  // namespace leat::iceberg
