#include "connectors/mysql/source.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/recycling_pool.h"

namespace leat::mysql {
namespace {

// What a server that lives needs for an answer about itself, and for the last one.
constexpr auto kAnswer = std::chrono::seconds(60);
constexpr auto kGoodbye = std::chrono::seconds(2);
constexpr auto kMeasureEvery = std::chrono::seconds(2);

// What servers say when a log's file is there and its bytes are not right.
bool IsDamage(std::string_view error) {
  for (const char* part :
       {"truncated in the middle", "bogus data", "crc check", "I/O error", "corrupt"}) {
    if (error.find(part) != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace

LogSource::LogSource(SourceOptions options, const Context& context)
    : options_(std::move(options)), context_(context) {}

// A server notices only by its next heartbeat that nobody listens, and keeps the log's
// files until then: it is told.
LogSource::~LogSource() {
  if (!feed_ || !client_) return;
  client_->SetReadTimeout(kGoodbye);
  Status ignored = client_->Execute(fmt::format("KILL {}", feed_->connection_id()));
}

Status LogSource::Connect() {
  if (client_) return Status::Ok();
  ASSIGN_OR_RETURN(client_, Client::Connect(options_.url));
  client_->SetReadTimeout(kAnswer);
  return Status::Ok();
}

Status LogSource::Open(const Needs& needs) {
  needs_ = needs;
  RETURN_IF_ERROR(Connect());
  // A server that is not set up would give a log that cannot be read: say it before.
  ASSIGN_OR_RETURN(auto checks,
                   CheckServer(client_.get(), options_.server_needs(), options_.tables));
  RETURN_IF_ERROR(RequireAll(checks, options_.url.Where()));
  ASSIGN_OR_RETURN(catalog_, FindTables(client_.get(), options_.tables));
  return Status::Ok();
}

Result<std::vector<SchemaRef>> LogSource::Tables() {
  std::vector<SchemaRef> schemas;
  for (const CatalogTable& table : catalog_) {
    ASSIGN_OR_RETURN(SchemaRef schema, MakeSchema(table.def));
    sink_knows_[table.def.id] = schema;
    schemas.push_back(std::move(schema));
  }
  return schemas;
}

Result<LogPosition> LogSource::StartPosition(const Resume& resume) {
  LogPosition from;
  if (resume.resume.empty()) {
    ASSIGN_OR_RETURN(from, EndOfLog(client_.get()));
  } else {
    ASSIGN_OR_RETURN(from, LogPosition::Parse(resume.resume));
    if (from.file.empty() && from.gtids.empty()) {
      return Status::Config(fmt::format(
          "pipeline {} stands at no place of the log: it was read once. To follow the "
          "log from here on, take a new snapshot: drop its tables in the target, remove "
          "its data folder and start it again, or give it another name",
          context_.pipeline));
    }
    ASSIGN_OR_RETURN(progress_, SnapshotProgress::Parse(from.snapshot));
  }
  for (const auto& [id, floor] : resume.floors) progress_.Adopt(id, ProgressOf(floor));
  for (const CatalogTable& table : catalog_) {
    const TableId& id = table.def.id;
    if (options_.minimal_metadata) {
      from.shapes.try_emplace(id.ToString(), Fingerprint(table.def));
    }
    if (options_.snapshot == SourceOptions::SnapshotMode::kNever) {
      progress_.Set(id, {true, {}});
    }
    if (from.refresh.contains(id.ToString())) refresh_.insert(id);
  }
  return from;
}

Result<Position> LogSource::Start(const ShardId& shard, const Resume& resume) {
  RETURN_IF_ERROR(Connect());
  ASSIGN_OR_RETURN(LogPosition from, StartPosition(resume));
  StreamOptions stream;
  stream.shard = shard;
  stream.batch_bytes = options_.batch_bytes;
  stream.follow.flavor = client_->server().mariadb ? Flavor::kMariaDb : Flavor::kMySql;
  stream.follow.follows = [this](const TableId& id) {
    return options_.tables.Matches(id);
  };
  stream.follow.describe = [this](const TableId& id) { return DescribeTableNow(id); };
  stream.follow.minimal_metadata = options_.minimal_metadata;
  stream.follow.keep_left_rows =
      options_.keep_dropped_partitions || needs_.before == Needs::Before::kNone;
  stream.follow.needs = needs_;
  // A snapshot needs the old keys of rows that move into what it has read.
  stream.follow.needs.Add({Needs::Before::kKey, false});
  stream.follow.values = options_.values;
  stream.open = [this](const LogPosition& at) -> Result<std::unique_ptr<EventFeed>> {
    ASSIGN_OR_RETURN(std::unique_ptr<EventFeed> feed, StartDump(at));
    return feed;
  };
  for (const auto& [id, floor] : resume.floors) {
    ASSIGN_OR_RETURN(stream.floors[id], LogPosition::Parse(floor));
  }
  stream_ =
      std::make_unique<LogStream>(std::move(stream), std::move(from), &context_.log);
  RETURN_IF_ERROR(StartSnapshot());
  return PositionNow();
}

Status LogSource::StartSnapshot() {
  std::vector<CatalogTable> tables;
  for (const CatalogTable& table : catalog_) {
    if (!progress_.Of(table.def.id).done) tables.push_back(table);
  }
  if (tables.empty()) return Status::Ok();
  SnapshotOptions snapshot;
  snapshot.workers = options_.snapshot_workers;
  snapshot.chunk_rows = options_.snapshot_chunk_rows;
  snapshot.where = options_.where;
  snapshot.values = options_.values;
  snapshot.meta = needs_.meta;
  snapshot.flavor = client_->server().mariadb ? Flavor::kMariaDb : Flavor::kMySql;
  ASSIGN_OR_RETURN(snapshot_, Snapshot::Start(options_.url, snapshot, std::move(tables),
                                              &progress_, context_));
  return Status::Ok();
}

// Definitions made rows that the log does not have: the tables are read (again) from
// here.
Status LogSource::Resnapshot(const std::vector<SnapshotRequest>& requests) {
  bool any = false;
  for (const SnapshotRequest& request : requests) {
    // Whoever only appends keeps rows as they were.
    if (request.refresh && needs_.before == Needs::Before::kNone) continue;
    if (options_.snapshot == SourceOptions::SnapshotMode::kNever) {
      if (request.must) return NeedsSnapshot(request);
      context_.log.Warn(
          "a statement changed rows without the log having them, and `snapshot: never` "
          "forbids to read them",
          {{"table", request.table.ToString()}, {"statement", request.statement}});
      continue;
    }
    any = true;
    RETURN_IF_ERROR(ReadAgain(request));
  }
  if (!any) return Status::Ok();
  snapshot_.reset();
  return StartSnapshot();
}

Status LogSource::ReadAgain(const SnapshotRequest& request) {
  const TableId& id = request.table;
  bool under_way = snapshot_ && !progress_.Of(id).done;
  RETURN_IF_ERROR(Connect());
  ASSIGN_OR_RETURN(auto now, DescribeTable(client_.get(), id));
  std::erase_if(catalog_, [&](const CatalogTable& table) { return table.def.id == id; });
  if (!now) {
    // Dropped further on in the log: until then its changes alone can be followed.
    progress_.Set(id, {true, {}});
    refresh_.erase(id);
    return Status::Ok();
  }
  catalog_.push_back(*std::move(now));
  progress_.Forget(id);
  announced_.erase(id);
  if (request.refresh && !under_way) refresh_.insert(id);
  if (!request.refresh) refresh_.erase(id);
  context_.log.Info("reading a table again after a change of its definition",
                    {{"table", id.ToString()}, {"statement", request.statement}});
  return Status::Ok();
}

Status LogSource::NeedsSnapshot(const SnapshotRequest& request) {
  return Status::Config(fmt::format(
      "rows left or came to {} without the log having them ({}), and `snapshot: never` "
      "forbids to read the table. Nothing after that was written. To go on, say "
      "`snapshot: initial` and start the pipeline again: this table alone is read anew",
      request.table.ToString(), request.statement));
}

Result<std::optional<TableDef>> LogSource::DescribeTableNow(const TableId& id) {
  RETURN_IF_ERROR(Connect());
  ASSIGN_OR_RETURN(auto table, DescribeTable(client_.get(), id));
  if (!table) return std::optional<TableDef>();
  return std::optional<TableDef>(std::move(table->def));
}

Status LogSource::OpenFeed() {
  RETURN_IF_ERROR(Connect());
  LogPosition from = stream_->resume_from();
  if (client_->server().mariadb && from.gtid && !from.file.empty()) {
    RETURN_IF_ERROR(CheckPlace(from));
  }
  ASSIGN_OR_RETURN(feed_, StartDump(stream_->resume_from()));
  return Status::Ok();
}

Result<std::unique_ptr<LogDump>> LogSource::StartDump(const LogPosition& from) {
  DumpOptions dump;
  dump.url = options_.url;
  dump.server_id = options_.server_id;
  dump.heartbeat = options_.heartbeat;
  dump.waker = &waker_;
  return LogDump::Start(dump, from);
}

Position LogSource::PositionNow() const {
  LogPosition position = stream_->resume_from();
  position.snapshot = progress_.ToJson();
  position.refresh.clear();
  for (const TableId& id : refresh_) position.refresh.insert(id.ToString());
  return position.ToPosition();
}

Result<ReadResult> LogSource::Read(SteadyTime deadline) {
  ReadResult result;
  if (!assigned_) {
    assigned_ = true;
    result.kind = ReadResult::Kind::kAssigned;
    result.shards.emplace_back(kShard);
    return result;
  }
  if (!stream_)
    return Status::Bug("the MySQL source is read before its shard is started");
  if (!snapshot_ && options_.ends()) {
    result.kind = ReadResult::Kind::kEnd;
    return result;
  }
  std::optional<Batch> batch;
  if (snapshot_) {
    ASSIGN_OR_RETURN(batch, ReadSnapshot(deadline));
  } else {
    ASSIGN_OR_RETURN(batch, ReadLog(deadline));
    caught_up_ = !batch;
    MeasureLag();
  }
  if (!batch) {
    RecyclingPool::ForBatches()->ReleaseUnused();
    return result;
  }
  result.kind = ReadResult::Kind::kBatch;
  result.batch = *std::move(batch);
  return result;
}

Result<std::optional<Batch>> LogSource::ReadSnapshot(SteadyTime deadline) {
  rows_left_ = snapshot_->rows_left();
  if (snapshot_->done()) {
    snapshot_.reset();
    refresh_.clear();
    rows_left_ = -1;
    stream_->ClearLimit();
    return std::optional<Batch>();
  }
  ASSIGN_OR_RETURN(auto mark, snapshot_->NextMark(deadline));
  if (!mark) return std::optional<Batch>();
  stream_->SetLimit(mark->file, mark->offset);
  if (!stream_->AtLimit() || stream_->mid_transaction()) {
    ASSIGN_OR_RETURN(auto batch, ReadLog(deadline));
    if (batch || !stream_->AtLimit()) return batch;
  }
  ASSIGN_OR_RETURN(auto taken, snapshot_->Take(deadline));
  if (!taken) return std::optional<Batch>();
  return FinishSnapshotBatch(*std::move(taken));
}

Result<std::optional<Batch>> LogSource::FinishSnapshotBatch(SnapshotBatch taken) {
  Batch batch;
  batch.shard = kShard;
  batch.boundary = taken.boundary;
  batch.bytes = taken.bytes;
  const TableId& id = taken.chunk.schema->id;
  uint32_t seq = 0;
  SchemaRef& announced = announced_[id];
  if (!announced || !SameDeclaration(*announced, *taken.chunk.schema)) {
    Event event;
    event.kind = Event::Kind::kSchema;
    event.table = id;
    event.schema = taken.chunk.schema;
    event.renamed_from = stream_->TakeRenames(*taken.chunk.schema);
    event.seq = seq++;
    RETURN_IF_ERROR(TellShape(taken, &event));
    sink_knows_[id] = taken.chunk.schema;
    announced = taken.chunk.schema;
    batch.events.push_back(std::move(event));
  }
  for (uint32_t& s : taken.chunk.seq) s += seq;
  seq += static_cast<uint32_t>(taken.chunk.seq.size());
  if (taken.table_done) {
    Event event;
    event.kind = Event::Kind::kSnapshotDone;
    event.table = id;
    event.schema = taken.chunk.schema;
    event.seq = seq;
    batch.events.push_back(std::move(event));
    refresh_.erase(id);
  }
  batch.end = PositionNow();
  batch.rejects = std::move(taken.rejects);
  for (DeadLetter& reject : batch.rejects) reject.position = batch.end;
  if (taken.chunk.size() > 0) batch.chunks.push_back(std::move(taken.chunk));
  return std::optional(std::move(batch));
}

// With Needs::statements: why a snapshot announces the table. One that only goes on where
// it was ended has nothing to tell.
Status LogSource::TellShape(const SnapshotBatch& taken, Event* event) {
  if (!needs_.statements) return Status::Ok();
  event->change = stream_->TakeChange(event->table);
  const bool told = event->change != Event::Change::kNone;
  if (!told && (!taken.table_begins || refresh_.contains(event->table))) {
    return Status::Ok();
  }
  RETURN_IF_ERROR(Connect());
  event->time = context_.clock.WallMicros();
  const Flavor flavor = client_->server().mariadb ? Flavor::kMariaDb : Flavor::kMySql;
  RowContext context;
  context.file = taken.mark.file;
  context.offset = taken.mark.offset;
  ASSIGN_OR_RETURN(event->meta, DefinitionMeta(taken.table, flavor, context));
  if (told) return Status::Ok();
  event->change = Event::Change::kCreate;
  const TableId& id = event->table;
  auto shown = client_->Query("SHOW CREATE TABLE " + QuoteTable(id.database, id.table));
  if (shown.status().kind() == ErrorKind::kTransient) return shown.status();
  if (shown.ok() && !shown->empty()) event->statement = shown->front()[1].value_or("");
  return Status::Ok();
}

Result<std::optional<Batch>> LogSource::ReadLog(SteadyTime deadline) {
  for (int attempt = 0;; attempt++) {
    Status status;
    if (!feed_) status = OpenFeed();
    if (feed_) {
      auto batch = stream_->Read(feed_.get(), deadline);
      status = batch.status();
      if (batch.ok()) {
        if (*batch) RETURN_IF_ERROR(FinishLogBatch(&**batch));
        return batch;
      }
    }
    bool connected = feed_ != nullptr;
    feed_.reset();
    stream_->Rewind();
    if (status.kind() != ErrorKind::kTransient) {
      return Describe(std::move(status), stream_->resume_from());
    }
    client_.reset();  // to the same server, which may be gone without a word
    if (!connected || attempt > 0) return status;
    context_.log.Warn("the log's connection is made anew", {{"why", status.message()}});
  }
}

// A file and offset that do not have these GTIDs before them are another server's.
Status LogSource::CheckPlace(const LogPosition& from) {
  auto text = client_->QueryValue(
      fmt::format("SELECT BINLOG_GTID_POS({}, {})", QuoteText(from.file), from.offset));
  if (!text.ok() && text.status().kind() == ErrorKind::kTransient) return text.status();
  auto there = GtidSet::Parse(Flavor::kMariaDb, text.ok() ? text->value_or("") : "");
  if (!there.ok() || !(*there == from.gtids)) stream_->ForgetPlace();
  return Status::Ok();
}

// A purged, diverged or damaged log is the user's to decide about: say what is lost and
// the way on.
Status LogSource::Describe(Status error, const LogPosition& from) {
  if (error.kind() != ErrorKind::kConfig ||
      error.message().find("error 1236") == std::string::npos) {
    return error;
  }
  if (error.message().find("anonymous transaction") != std::string::npos) {
    return Status::Config(
        error.message() +
        "; run SET GLOBAL gtid_mode=ON_PERMISSIVE on the server and start the pipeline "
        "again; gtid_mode=ON once it has caught up");
  }
  if (IsDamage(error.message())) {
    return Status::Config(
        error.message() +
        "; the server cannot read its own log: check its disk and memory, and take a new "
        "snapshot if the log cannot be restored");
  }
  std::string loss;
  if (client_) loss = DescribeLoss(client_.get(), from);
  return Status::Config(fmt::format(
      "{}; the log was purged or is another server's: {}. Nothing after that position "
      "was written. To go on, take a new snapshot: drop the tables of pipeline {} in the "
      "target, remove its data folder and start it again",
      error.message(), loss, context_.pipeline));
}

Status LogSource::FinishLogBatch(Batch* batch) {
  newest_time_ = stream_->newest_time();
  std::vector<SnapshotRequest> requests = stream_->TakeSnapshotRequests();
  RETURN_IF_ERROR(Resnapshot(requests));
  TakeNewTables(*batch);
  if (snapshot_) {
    for (Chunk& chunk : batch->chunks) {
      if (refresh_.contains(chunk.schema->id)) continue;
      RETURN_IF_ERROR(snapshot_->Filter(&chunk));
    }
    std::erase_if(batch->chunks, [](const Chunk& chunk) { return chunk.size() == 0; });
  }
  if (needs_.before == Needs::Before::kNone) {
    for (Chunk& chunk : batch->chunks) chunk.before = nullptr;
  }
  Announce(batch);
  batch->end = PositionNow();
  for (DeadLetter& reject : batch->rejects) reject.position = batch->end;
  return Status::Ok();
}

// Shapes come from the log and from the snapshot: each is announced once, before the
// first row that has it. What the log announces of a table whose rows do not count yet
// is left out.
void LogSource::Announce(Batch* batch) {
  std::erase_if(batch->events, [&](const Event& event) {
    // What nobody was told of is empty already.
    if (event.kind == Event::Kind::kTruncate) return !sink_knows_.contains(event.table);
    if (event.kind != Event::Kind::kSchema) return false;
    if (snapshot_ && snapshot_->Pending(event.table) && !refresh_.contains(event.table)) {
      return true;
    }
    sink_knows_[event.table] = event.schema;
    SchemaRef& announced = announced_[event.table];
    bool same = announced && SameDeclaration(*announced, *event.schema);
    announced = event.schema;
    return same && event.renamed_from.empty() && event.change == Event::Change::kNone;
  });
  for (const Chunk& chunk : batch->chunks) {
    SchemaRef& announced = announced_[chunk.schema->id];
    if (announced && SameDeclaration(*announced, *chunk.schema)) continue;
    announced = chunk.schema;
    Event event;
    event.kind = Event::Kind::kSchema;
    event.table = chunk.schema->id;
    event.schema = chunk.schema;
    sink_knows_[event.table] = event.schema;
    batch->events.push_back(std::move(event));
  }
  for (Event& event : batch->events) {
    // As it is before this batch or in it: for who has not heard of the table yet.
    if (event.kind == Event::Kind::kTruncate) event.schema = sink_knows_[event.table];
  }
  NumberEvents(batch);
}

// A table that appears in the log has all its rows there.
void LogSource::TakeNewTables(const Batch& batch) {
  for (const Event& event : batch.events) {
    if (event.kind == Event::Kind::kDrop) {
      progress_.Set(event.table, {true, {}});  // should one of that name come again
      refresh_.erase(event.table);
      announced_.erase(event.table);
    }
    if (event.kind != Event::Kind::kSchema) continue;
    bool known = std::any_of(
        catalog_.begin(), catalog_.end(),
        [&](const CatalogTable& table) { return table.def.id == event.table; });
    if (!known) progress_.Set(event.table, {true, {}});
  }
}

Result<Position> LogSource::End(const ShardId& shard) {
  RETURN_IF_ERROR(Connect());
  ASSIGN_OR_RETURN(LogPosition end, EndOfLog(client_.get()));
  std::vector<TableId> ids;
  for (const CatalogTable& table : catalog_) ids.push_back(table.def.id);
  end.snapshot = SnapshotProgress::AllDone(ids).ToJson();
  return end.ToPosition();
}

// A figure for the user: it must not disturb the reading, so it is asked for seldom, and
// not at all where the log's end is known to be here.
void LogSource::MeasureLag() {
  if (caught_up_) {
    bytes_left_ = 0;
    return;
  }
  auto now = std::chrono::steady_clock::now();
  if (!client_ || stream_->file().empty() || now - measured_ < kMeasureEvery) return;
  measured_ = now;
  auto bytes = LogBytesAfter(client_.get(), stream_->file(), stream_->offset());
  bytes_left_ = bytes.ok() ? *bytes : -1;
  if (!bytes.ok()) client_.reset();
}

bool LogSource::Reached(const Position& at, const Position& target) const {
  auto here = LogPosition::Parse(at);
  auto there = LogPosition::Parse(target);
  if (!here.ok() || !there.ok() || !here->Reached(*there)) return false;
  auto have = SnapshotProgress::Parse(here->snapshot);
  auto want = SnapshotProgress::Parse(there->snapshot);
  return have.ok() && want.ok() && have->Covers(*want);
}

Lag LogSource::GetLag() const {
  Lag lag;
  int64_t newest = newest_time_;
  if (!caught_up_ && newest > 0) {
    lag.micros = std::max<int64_t>(0, context_.clock.WallMicros() - newest);
  }
  lag.rows = rows_left_;
  lag.bytes = bytes_left_;
  return lag;
}

}  // namespace leat::mysql
