#include "runtime/attempt.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>

#include "base/failpoint.h"
#include "runtime/recovery.h"

namespace leat {
namespace {

constexpr auto kTick = std::chrono::milliseconds(200);
// After Stop, how long the source may need to come to the end of a transaction.
constexpr auto kFinishWithin = std::chrono::seconds(5);
constexpr auto kUpkeepEvery = std::chrono::seconds(10);  // when idle
constexpr int kUpkeepCommits = 100;                      // when not
constexpr auto kUpkeepTime = std::chrono::seconds(1);

std::string NewAttemptId() {
  uint64_t bits[2];
  for (size_t got = 0; got < sizeof bits;) {
    ssize_t n = getrandom(reinterpret_cast<char*>(bits) + got, sizeof bits - got, 0);
    if (n > 0) got += static_cast<size_t>(n);
  }
  return fmt::format("{:016x}{:016x}", bits[0], bits[1]);
}

}  // namespace

Attempt::Attempt(const AttemptParts& parts)
    : p_(parts),
      owner_{parts.settings.name, std::to_string(parts.settings.worker), NewAttemptId()},
      context_{parts.settings.name, parts.settings.data,   parts.clock,
               parts.log,           parts.cancel,          parts.settings.project,
               &parts.store,        parts.settings.worker, parts.settings.workers},
      upkeep_time_(parts.clock.Now()),
      noted_cpu_(ThreadCpuSeconds()) {}

Attempt::~Attempt() { Note(); }

Status Attempt::Run() {
  Status result = Loop();
  // A cancelled attempt leaves as a crash would: the next start sorts it out.
  if (epochs_ && epochs_->open() && result.kind() != ErrorKind::kCancelled) {
    if (Status s = epochs_->Abort(); !s.ok()) {
      p_.log.Warn("dropping an open epoch failed; the next start does it",
                  {{"pipeline", owner_.pipeline}, {"error", s.message()}});
    }
  }
  return result;
}

Status Attempt::Make() {
  RETURN_IF_ERROR(p_.store.Begin(owner_));
  if (p_.parts.steps) {
    ASSIGN_OR_RETURN(steps_, p_.parts.steps(context_));
  }
  ASSIGN_OR_RETURN(sink_, p_.parts.sink(context_));
  Needs needs = sink_->needs();
  for (const auto& step : steps_) needs.Add(step->needs());
  reader_ = std::make_unique<Reader>(p_.parts.source, context_, needs,
                                     p_.settings.queue_bytes, p_.board);
  return Status::Ok();
}

Status Attempt::Loop() {
  RETURN_IF_ERROR(Make());
  while (!done_) {
    if (p_.cancel.cancelled()) return Status::Cancelled("asked to leave at once");
    if (p_.stop && !finishing_) {
      if (!epochs_) return Status::Ok();
      finishing_ = true;
      reader_->Finish(std::chrono::steady_clock::now() + kFinishWithin);
    }
    std::optional<ReadItem> item = reader_->Next(WaitUntil());
    if (item) RETURN_IF_ERROR(Handle(std::move(*item)));
    if (done_) break;
    if (epochs_ && epochs_->ShouldClose()) RETURN_IF_ERROR(Close());
    if (CaughtUp()) {
      RETURN_IF_ERROR(CloseIfOpen());
      break;
    }
    RETURN_IF_ERROR(Upkeep(/*idle=*/!item));
    Note();
  }
  return Status::Ok();
}

// The queue waits by the real clock, the epoch's deadline may be on a fake one.
SteadyTime Attempt::WaitUntil() const {
  std::chrono::nanoseconds wait = kTick;
  if (epochs_ && epochs_->open() && epochs_->AtBoundary()) {
    wait = std::clamp<std::chrono::nanoseconds>(epochs_->Deadline() - p_.clock.Now(),
                                                std::chrono::nanoseconds(0), kTick);
  }
  return std::chrono::steady_clock::now() + wait;
}

Status Attempt::Handle(ReadItem item) {
  switch (item.kind) {
    case ReadItem::Kind::kBatch: return HandleBatch(std::move(item.batch));
    case ReadItem::Kind::kAssigned: return Assign(item.shards);
    case ReadItem::Kind::kRevoked:
      return Status::Transient("shards were taken away; joining again");
    case ReadItem::Kind::kError:
      // What came before it is whole, and need not be read again.
      if (item.error.kind() != ErrorKind::kCancelled) RETURN_IF_ERROR(CloseIfOpen());
      return item.error;
    case ReadItem::Kind::kEnd:
      if (epochs_ && !epochs_->AtBoundary()) {
        return Status::Bug("the source ended inside a transaction");
      }
      [[fallthrough]];
    case ReadItem::Kind::kStopped: done_ = true; return CloseIfOpen();
  }
  return Status::Bug("an unknown item in the queue");
}

Status Attempt::HandleBatch(Batch batch) {
  if (!epochs_) return Status::Bug("a batch before any shard was assigned");
  RETURN_IF_ERROR(NoteTables(batch));
  int64_t read = batch.rows();
  std::vector<DeadLetter> rejects = std::move(batch.rejects);
  batch.rejects.clear();
  for (const auto& step : steps_) RETURN_IF_ERROR(step->Apply(&batch, &rejects));
  if (epochs_->MustCloseBefore(batch)) RETURN_IF_ERROR(Close());
  RETURN_IF_ERROR(epochs_->Write(batch, std::move(rejects)));
  p_.board.Update([&](PipelineStats& s) { s.rows_read += read; });
  if (finishing_ && epochs_->AtBoundary()) {
    done_ = true;
    return CloseIfOpen();
  }
  return Status::Ok();
}

Status Attempt::Assign(const std::vector<ShardId>& shards) {
  if (!epochs_) {
    RETURN_IF_ERROR(OpenSink());
    epochs_ = std::make_unique<EpochWriter>(
        EpochParts{owner_, p_.store, *sink_, reader_->source(), p_.clock, p_.log,
                   p_.cancel},
        p_.settings.commit, p_.settings.max_dead_letters,
        [this](const ShardId& shard, const Position& to) {
          reader_->Post([shard, to](Source& source) { source.Ack(shard, to); });
        });
  } else if (epochs_->open() && !epochs_->AtBoundary()) {
    return Status::Transient("shards came in the middle of a transaction; joining again");
  }
  RETURN_IF_ERROR(CloseIfOpen());
  EpochParts parts{owner_,   p_.store, *sink_,   reader_->source(),
                   p_.clock, p_.log,   p_.cancel};
  ASSIGN_OR_RETURN(Recovered recovered, Recover(parts, shards, SinkTables()));
  RETURN_IF_ERROR(StartShards(recovered));
  reader_->Go();
  p_.board.Update([&](PipelineStats& s) {
    s.state =
        finishing_ ? PipelineStats::State::kStopping : PipelineStats::State::kRunning;
    s.epoch = epochs_->epoch();
    for (const auto& [shard, state] : epochs_->shards()) {
      s.committed[shard] = state.committed;
    }
  });
  return Status::Ok();
}

Status Attempt::StartShards(const Recovered& recovered) {
  std::map<ShardId, Resume> resumes;
  for (const ShardId& shard : recovered.fresh) resumes[shard] = {};
  for (const auto& [shard, state] : recovered.shards) {
    resumes[shard] = {state.committed, Floors(state)};
    p_.log.Info("going on", {{"pipeline", owner_.pipeline},
                             {"shard", shard},
                             {"epoch", recovered.epoch},
                             {"position", state.committed.text}});
  }
  std::map<ShardId, Position> starts;
  RETURN_IF_ERROR(reader_->Call([&](Source& source) -> Status {
    for (const auto& [shard, resume] : resumes) {
      ASSIGN_OR_RETURN(starts[shard], source.Start(shard, resume));
      if (!p_.settings.until_caught_up || p_.memory.ends.contains(shard)) continue;
      ASSIGN_OR_RETURN(p_.memory.ends[shard], source.End(shard));
    }
    return Status::Ok();
  }));
  RETURN_IF_ERROR(epochs_->Add(recovered.shards, recovered.epoch));
  for (const auto& [shard, state] : recovered.shards) starts.erase(shard);
  return epochs_->Start(starts, SinkTables());
}

Result<SchemaRef> Attempt::Shape(SchemaRef schema) {
  for (const auto& step : steps_) {
    ASSIGN_OR_RETURN(schema, step->Shape(schema));
  }
  return schema;
}

Status Attempt::OpenSink() {
  std::vector<SchemaRef> tables;
  RETURN_IF_ERROR(reader_->Call([&](Source& source) -> Status {
    ASSIGN_OR_RETURN(tables, source.Tables());
    return Status::Ok();
  }));
  std::vector<SchemaRef> shapes;
  for (const SchemaRef& table : tables) {
    ASSIGN_OR_RETURN(SchemaRef shape, Shape(table));
    tables_[table->id] = sink_->TableFor(shape->id);
    shapes.push_back(std::move(shape));
  }
  for (const auto& [id, table] : p_.memory.tables) {
    if (tables_.contains(id)) continue;
    ASSIGN_OR_RETURN(SchemaRef shape, Shape(table));
    tables_[id] = sink_->TableFor(shape->id);
  }
  return sink_->Open(shapes);
}

// Sorted: two processes that start at once then meet at the same table first.
std::vector<SinkTable> Attempt::SinkTables() const {
  std::set<SinkTable> names;
  for (const auto& [id, table] : tables_) names.insert(table);
  // One transaction for everything: its one name is there before any table is.
  if (!sink_->staged()) names.insert(sink_->TableFor({}));
  return {names.begin(), names.end()};
}

std::map<TableId, Position> Attempt::Floors(const ShardState& state) const {
  std::map<TableId, Position> floors;
  for (const auto& [id, table] : tables_) {
    auto found = state.tokens.find(table);
    if (found == state.tokens.end() || !found->second) continue;
    const Position& to = found->second->to;
    if (!reader_->source().Reached(state.committed, to)) floors[id] = to;
  }
  return floors;
}

Status Attempt::NoteTables(const Batch& batch) {
  for (const Event& event : batch.events) {
    if (event.schema) RETURN_IF_ERROR(NoteTable(event.schema));
  }
  for (const Chunk& chunk : batch.chunks) RETURN_IF_ERROR(NoteTable(chunk.schema));
  return Status::Ok();
}

Status Attempt::NoteTable(const SchemaRef& schema) {
  if (tables_.contains(schema->id)) return Status::Ok();
  ASSIGN_OR_RETURN(SchemaRef shape, Shape(schema));
  SinkTable table = sink_->TableFor(shape->id);
  tables_[schema->id] = table;
  p_.memory.tables[schema->id] = schema;
  return epochs_->AddTable(table);
}

Status Attempt::CloseIfOpen() {
  return epochs_ && epochs_->open() && epochs_->AtBoundary() ? Close() : Status::Ok();
}

Status Attempt::Close() {
  ASSIGN_OR_RETURN(ClosedEpoch closed, epochs_->Close());
  progressed_ = true;
  commits_since_upkeep_++;
  p_.board.AddRows(p_.clock.Now(), closed.rows);
  p_.board.Update([&](PipelineStats& s) {
    s.bytes += closed.bytes;
    s.epochs++;
    s.epoch = closed.epoch;
    s.last_commit = p_.clock.WallMicros();
    for (const auto& [shard, state] : epochs_->shards()) {
      s.committed[shard] = state.committed;
    }
  });
  return Status::Ok();
}

bool Attempt::CaughtUp() const {
  if (!p_.settings.until_caught_up || !epochs_ || !epochs_->AtBoundary()) return false;
  return std::ranges::all_of(epochs_->shards(), [&](const auto& shard) {
    auto end = p_.memory.ends.find(shard.first);
    return end != p_.memory.ends.end() &&
           reader_->source().Reached(shard.second.reached, end->second);
  });
}

// Upkeep is a favour: what it cannot do now, it does next time.
Status Attempt::Upkeep(bool idle) {
  if (!epochs_ || epochs_->open() || finishing_) return Status::Ok();
  SteadyTime now = p_.clock.Now();
  bool due =
      idle ? now - upkeep_time_ >= kUpkeepEvery : commits_since_upkeep_ >= kUpkeepCommits;
  if (!due || commits_since_upkeep_ == 0) return Status::Ok();
  Status s = sink_->Upkeep(now + kUpkeepTime);
  upkeep_time_ = p_.clock.Now();
  commits_since_upkeep_ = 0;
  if (s.kind() != ErrorKind::kTransient && s.kind() != ErrorKind::kUnknownOutcome)
    return s;
  p_.log.Warn("upkeep failed; it is tried again later",
              {{"pipeline", owner_.pipeline}, {"error", s.message()}});
  return Status::Ok();
}

void Attempt::Note() {
  double used = ThreadCpuSeconds();
  p_.board.Update([&](PipelineStats& s) {
    s.writer_cpu_seconds += used - noted_cpu_;
    s.queue_bytes = reader_ ? reader_->queue_bytes() : 0;
    if (!epochs_) return;
    s.lag = reader_->source().GetLag();
    s.dead_letters = epochs_->dead_letters();
  });
  noted_cpu_ = used;
}

}  // namespace leat
