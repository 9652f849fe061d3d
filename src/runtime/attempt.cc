#include "runtime/attempt.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>

#include "base/failpoint.h"
#include "runtime/recovery.h"

namespace leat {
namespace {

constexpr auto kAttemptTick = std::chrono::milliseconds(200);
// After Stop, how long the source may need to come to the end of a transaction.
constexpr auto kFinishWithin = std::chrono::seconds(5);
constexpr auto kUpkeepEvery = std::chrono::seconds(10);  // when idle
constexpr int kUpkeepCommits = 100;                      // when not
constexpr size_t kShardsLogged = 10;                     // one by one
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
      started_(parts.clock.Now()),
      upkeep_time_(parts.clock.Now()),
      noted_cpu_(ThreadCpuSeconds()) {}

Attempt::~Attempt() {
  Note();
  epochs_.reset();
  reader_.reset();
  p_.board.Update([](PipelineStats& s) { s.uncommitted = s.queue_bytes = 0; });
}

Status Attempt::Run() {
  Status result = Loop();
  if (!result.ok() && failed_side_ == Side::kNeither && sink_ && sink_->failed()) {
    failed_side_ = Side::kSink;
  }
  // A cancelled attempt leaves as a crash would: the next start sorts it out.
  if (epochs_ && epochs_->open() && result.kind() != ErrorKind::kCancelled) {
    if (Status s = epochs_->Abort().status(); !s.ok()) {
      p_.log.Warn("dropping an open epoch failed; the next start does it",
                  {{"pipeline", owner_.pipeline}, {"error", s.message()}});
    }
  }
  return result;
}

Status Attempt::Make() {
  RETURN_IF_ERROR(p_.store.Begin(owner_));
  std::vector<std::unique_ptr<Step>> steps;
  if (p_.parts.steps) {
    ASSIGN_OR_RETURN(steps, p_.parts.steps(context_));
  }
  steps_ = std::make_unique<Steps>(std::move(steps), p_.clock);
  auto sink = p_.parts.sink(context_);
  if (!sink.ok()) {
    failed_side_ = Side::kSink;
    return sink.status();
  }
  sink_ = std::make_unique<WatchedSink>(*std::move(sink));
  Needs needs = sink_->needs();
  needs.Add(steps_->needs());
  heartbeat_ = needs.heartbeat;
  if (heartbeat_.count() > 0) next_beat_ = p_.clock.Now() + heartbeat_;
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
    RETURN_IF_ERROR(RunTimers());
    const bool more = reader_->queue_bytes() > 0;
    if (epochs_ && epochs_->ShouldClose(more)) RETURN_IF_ERROR(Close());
    if (CaughtUp()) {
      RETURN_IF_ERROR(CloseIfOpen());
      break;
    }
    RETURN_IF_ERROR(Upkeep(/*idle=*/!item));
    // Also one that has nothing to do is well after a while.
    if (p_.clock.Now() - started_ >= p_.settings.policies.breaker.recovery) Progressed();
    Note();
  }
  return Status::Ok();
}

// The queue waits by the real clock, the epoch's deadline may be on a fake one.
SteadyTime Attempt::WaitUntil() const {
  std::chrono::nanoseconds wait = kAttemptTick;
  if (epochs_ && epochs_->open() && epochs_->AtBoundary()) {
    wait = std::clamp<std::chrono::nanoseconds>(
        epochs_->Deadline() - p_.clock.Now(), std::chrono::nanoseconds(0), kAttemptTick);
  }
  return std::chrono::steady_clock::now() + wait;
}

Status Attempt::Handle(ReadItem item) {
  switch (item.kind) {
    case ReadItem::Kind::kBatch: return HandleBatch(std::move(item.batch));
    case ReadItem::Kind::kAssigned: return Assign(item.shards);
    case ReadItem::Kind::kRevoked: return Revoke(item.shards, item.lost);
    case ReadItem::Kind::kError:
      // What came before it is whole, and need not be read again.
      if (item.error.kind() != ErrorKind::kCancelled) RETURN_IF_ERROR(CloseIfOpen());
      failed_side_ = Side::kSource;
      return item.error;
    case ReadItem::Kind::kEnd:
      if (epochs_ && !epochs_->AtBoundary()) {
        return Status::Bug("the source ended inside a transaction");
      }
      if (epochs_ && !epochs_->shards().empty()) {
        RETURN_IF_ERROR(steps_->Finish(*epochs_));
      }
      [[fallthrough]];
    case ReadItem::Kind::kStopped: done_ = true; return CloseIfOpen();
  }
  return Status::Bug("an unknown item in the queue");
}

Status Attempt::HandleBatch(Batch batch) {
  if (!epochs_) return Status::Bug("a batch before any shard was assigned");
  const int64_t read = batch.rows();
  p_.board.Update([&](PipelineStats& s) { s.uncommitted += read; });
  RETURN_IF_ERROR(NoteTables(batch));
  if (epochs_->MustCloseBefore(batch)) RETURN_IF_ERROR(Close());
  RETURN_IF_ERROR(epochs_->Begin(batch));
  const ShardId shard = batch.shard;
  const Position end = batch.end;
  const bool boundary = batch.boundary;
  std::vector<DeadLetter> rejects = std::move(batch.rejects);
  batch.rejects.clear();
  RETURN_IF_ERROR(epochs_->Reject(std::move(rejects), end));
  RETURN_IF_ERROR(steps_->Apply(std::move(batch), *epochs_));
  epochs_->Advance(shard, end, boundary);
  if (boundary && !behind_.empty()) NoteBehind(shard);
  p_.board.Update([&](PipelineStats& s) { s.rows_read += read; });
  if (finishing_ && epochs_->AtBoundary()) {
    done_ = true;
    return CloseIfOpen();
  }
  return Status::Ok();
}

EpochParts Attempt::Parts() const {
  return {owner_,   p_.store, *sink_,    reader_->source(),
          p_.clock, p_.log,   p_.cancel, steps_->stateful()};
}

Status Attempt::Assign(const std::vector<ShardId>& shards) {
  if (!epochs_) {
    RETURN_IF_ERROR(OpenSink());
    epochs_ = std::make_unique<EpochWriter>(
        Parts(), p_.settings.policies.commit, p_.settings.policies.max_dead_letters,
        [this](const ShardId& shard, const Position& to) {
          reader_->Post([shard, to](Source& source) { source.Ack(shard, to); });
        });
  } else if (!epochs_->AtBoundary()) {
    RETURN_IF_ERROR(AbortAndReread({}));
  }
  RETURN_IF_ERROR(CloseIfOpen());
  ASSIGN_OR_RETURN(Recovered recovered, Recover(Parts(), shards, SinkTables()));
  RETURN_IF_ERROR(StartShards(recovered));
  for (const ShardId& shard : shards) NoteBehind(shard);
  reader_->Go();
  ShowShards();
  return Status::Ok();
}

void Attempt::ShowShards() {
  p_.board.Update([&](PipelineStats& s) {
    s.state =
        finishing_ ? PipelineStats::State::kStopping : PipelineStats::State::kRunning;
    s.epoch = epochs_->epoch();
    s.committed.clear();
    for (const auto& [shard, state] : epochs_->shards()) {
      s.committed[shard] = state.committed;
    }
  });
}

// Whoever gets the shards next goes on from what is committed now; unless they are lost,
// nothing need be read twice.
Status Attempt::Revoke(const std::vector<ShardId>& shards, bool lost) {
  if (!epochs_) return Status::Bug("shards were taken away before any was assigned");
  // What time alone made cannot wait for a commit that no shard is left for.
  const bool last = shards.size() == epochs_->shards().size();
  const bool has = epochs_->Has(shards) || (last && epochs_->open());
  if (!lost && epochs_->AtBoundary()) {
    if (has || epochs_->Ahead(shards)) RETURN_IF_ERROR(Close(/*into_sink=*/true));
  } else if (has || !epochs_->AtBoundary()) {
    RETURN_IF_ERROR(AbortAndReread(shards));
  }
  epochs_->Remove(shards);
  bool behind = false;
  for (const ShardId& shard : shards) behind = behind_.erase(shard) > 0 || behind;
  // Given up to somebody who reads on; lost perhaps to nobody.
  if (lost && behind) {
    return Status::Transient("shards were lost before they were caught up; asking again");
  }
  p_.log.Info(lost ? "shards lost" : "shards given up",
              {{"pipeline", owner_.pipeline},
               {"shards", shards.size()},
               {"first", shards.empty() ? "" : shards.front()}});
  reader_->Go();
  ShowShards();
  return Status::Ok();
}

Status Attempt::AbortAndReread(const std::vector<ShardId>& gone) {
  ASSIGN_OR_RETURN(std::vector<ShardId> again, epochs_->Abort());
  p_.board.Update([](PipelineStats& s) { s.uncommitted = 0; });
  for (const ShardId& shard : gone) std::erase(again, shard);
  return AskSource([&](Source& source) -> Status {
    for (const ShardId& shard : again) {
      const ShardState& state = epochs_->shards().at(shard);
      ASSIGN_OR_RETURN(Position at,
                       source.Start(shard, {state.committed, Floors(state)}));
      if (at == state.committed) continue;
      return Status::Transient("shard " + shard + " was reset by hand; starting again");
    }
    return Status::Ok();
  });
}

Status Attempt::AskIfUnexpected(const Recovered& recovered) {
  if (p_.settings.resume && recovered.shards.empty() && !recovered.fresh.empty() &&
      epochs_->shards().empty()) {
    return Status::Config(
        "pipeline " + owner_.pipeline +
        " should go on from where it was (--resume), but neither the data folder " +
        p_.store.data().string() +
        " nor the target knows a position of it. Check that both are the right ones; "
        "without --resume it starts from the source's configured start");
  }
  if (recovered.sink_ahead.empty() || !steps_->stateful()) return Status::Ok();
  if (p_.settings.new_state) return p_.store.DropState(owner_);
  return Status::Config(
      "the target is further than the state that the steps of pipeline " +
      owner_.pipeline + " keep in " + (p_.store.data() / "store").string() +
      ": that folder is new, or an older copy. Bring back the newest one; or, to go on "
      "from where the target is with steps that remember nothing, run with --new-state");
}

Status Attempt::StartShards(const Recovered& recovered) {
  ASSIGN_OR_RETURN(const bool reset, p_.store.ResetRequested(owner_));
  if (!reset) RETURN_IF_ERROR(AskIfUnexpected(recovered));
  std::map<ShardId, Resume> resumes;
  for (const ShardId& shard : recovered.fresh) resumes[shard] = {};
  for (const auto& [shard, state] : recovered.shards) {
    resumes[shard] = reset ? Resume() : Resume{state.committed, Floors(state)};
    if (reset || recovered.shards.size() > kShardsLogged) continue;
    p_.log.Info("going on", {{"pipeline", owner_.pipeline},
                             {"shard", shard},
                             {"epoch", recovered.epoch},
                             {"position", state.committed.text}});
  }
  if (!reset && recovered.shards.size() > kShardsLogged) {
    p_.log.Info("going on", {{"pipeline", owner_.pipeline},
                             {"shards", recovered.shards.size()},
                             {"epoch", recovered.epoch}});
  }
  ShardStates known;
  ShardStates starts;
  RETURN_IF_ERROR(AskSource([&](Source& source) -> Status {
    for (const auto& [shard, resume] : resumes) {
      ASSIGN_OR_RETURN(Position at, source.Start(shard, resume));
      auto found = recovered.shards.find(shard);
      const bool recorded = found != recovered.shards.end();
      ShardStates& states = recorded && !reset && at == resume.resume ? known : starts;
      states[shard] = {at, at, recorded ? found->second.tokens : Tokens()};
      if (!p_.settings.until_caught_up || p_.memory.ends.contains(shard)) continue;
      ASSIGN_OR_RETURN(p_.memory.ends[shard], source.End(shard));
    }
    return Status::Ok();
  }));
  RETURN_IF_ERROR(epochs_->Add(std::move(known), SinkTables(), recovered.epoch));
  RETURN_IF_ERROR(epochs_->Start(std::move(starts), SinkTables()));
  if (!reset) return Status::Ok();
  p_.log.Warn("starting over, as asked for", {{"pipeline", owner_.pipeline}});
  return p_.store.FinishReset(owner_);
}

void Attempt::NoteBehind(const ShardId& shard) {
  auto end = p_.memory.ends.find(shard);
  if (end == p_.memory.ends.end()) return;
  if (reader_->source().Reached(epochs_->shards().at(shard).reached, end->second)) {
    behind_.erase(shard);
  } else {
    behind_.insert(shard);
  }
}

Status Attempt::RunTimers() {
  const SteadyTime now = p_.clock.Now();
  if (std::min(steps_->due(), next_beat_) > now || !epochs_ || !epochs_->AtBoundary() ||
      epochs_->shards().empty()) {
    return Status::Ok();
  }
  RETURN_IF_ERROR(steps_->RunTimers(*epochs_));
  if (next_beat_ > now) return Status::Ok();
  next_beat_ = now + heartbeat_;
  return epochs_->Beat();
}

Status Attempt::OpenSink() {
  std::vector<SchemaRef> tables;
  RETURN_IF_ERROR(AskSource([&](Source& source) -> Status {
    ASSIGN_OR_RETURN(tables, source.Tables());
    return Status::Ok();
  }));
  std::vector<SchemaRef> shapes;
  for (const SchemaRef& table : tables) {
    ASSIGN_OR_RETURN(SchemaRef shape, steps_->Shape(table));
    tables_[table->id] = sink_->TableFor(shape->id);
    shapes.push_back(std::move(shape));
  }
  for (const auto& [id, table] : p_.memory.tables) {
    if (tables_.contains(id)) continue;
    ASSIGN_OR_RETURN(SchemaRef shape, steps_->Shape(table));
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
    const Token* token = FindToken(state.tokens, table);
    if (!token) continue;
    if (!reader_->source().Reached(state.committed, token->to)) floors[id] = token->to;
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
  ASSIGN_OR_RETURN(SchemaRef shape, steps_->Shape(schema));
  SinkTable table = sink_->TableFor(shape->id);
  tables_[schema->id] = table;
  p_.memory.tables[schema->id] = schema;
  return epochs_->AddTable(table);
}

Status Attempt::CloseIfOpen() {
  return epochs_ && epochs_->open() && epochs_->AtBoundary() ? Close() : Status::Ok();
}

Status Attempt::Close(bool into_sink) {
  ASSIGN_OR_RETURN(ClosedEpoch closed, epochs_->Close(into_sink));
  const bool moved = std::ranges::any_of(
      closed.shards, [](const ShardRange& range) { return range.from != range.to; });
  if (moved) Progressed();
  commits_since_upkeep_++;
  p_.board.AddRows(p_.clock.Now(), closed.rows);
  p_.board.Update([&](PipelineStats& s) {
    s.bytes += closed.bytes;
    s.epochs++;
    s.uncommitted = 0;
    s.epoch = closed.epoch;
    s.last_commit = p_.clock.WallMicros();
    if (closed.rows > 0) {
      s.commit_seconds.Add(closed.took);
      s.epoch_seconds.Add(closed.open);
    }
    for (const ShardRange& range : closed.shards) s.committed[range.shard] = range.to;
  });
  return Status::Ok();
}

void Attempt::Progressed() {
  progressed_ = true;
  p_.breakers.Succeeded();
}

Status Attempt::AskSource(std::function<Status(Source&)> call) {
  Status status = reader_->Call(std::move(call));
  if (!status.ok()) failed_side_ = Side::kSource;
  return status;
}

bool Attempt::CaughtUp() const {
  return p_.settings.until_caught_up && epochs_ && epochs_->AtBoundary() &&
         behind_.empty();
}

// Upkeep is a favour: what it cannot do now, it does next time.
Status Attempt::Upkeep(bool idle) {
  if (!epochs_ || epochs_->open() || finishing_) return Status::Ok();
  SteadyTime now = p_.clock.Now();
  bool due =
      idle ? now - upkeep_time_ >= kUpkeepEvery : commits_since_upkeep_ >= kUpkeepCommits;
  if (!due || commits_since_upkeep_ == 0) return Status::Ok();
  ASSIGN_OR_RETURN(std::vector<Checkpoint> unfinished, p_.store.Unfinished());
  Status s = sink_->Upkeep(now + kUpkeepTime, unfinished);
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
