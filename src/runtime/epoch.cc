#include "runtime/epoch.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/failpoint.h"
#include "base/retry.h"

namespace leat {
namespace {

constexpr int kUnknownOutcomeTries = 4;
// An epoch with nothing but a new position: how long until it is saved, and until the
// sink hears of it.
constexpr auto kIdleSave = std::chrono::seconds(10);
constexpr auto kIdleCommit = std::chrono::minutes(5);

// Where shards are dealt they may have been dealt to another process: to recover is to
// find out.
Status Unfenced(Status error, std::string_view lease) {
  if (error.kind() != ErrorKind::kFenced || lease.empty()) return error;
  return Status::Transient(error.message() + "; joining the group again");
}

bool ChangesTable(const Event& event) {
  return event.kind != Event::Kind::kSnapshotDone &&
         event.kind != Event::Kind::kStatement;
}

}  // namespace

Status CommitSaved(const EpochParts& parts, Checkpoint* checkpoint) {
  Backoff backoff(Millis(200), Millis(2000), checkpoint->epoch);
  checkpoint->lease = parts.source.Lease();
  for (int tries = 1;; tries++) {
    RETURN_IF_ERROR(failpoint::Durable("epoch.commit.before"));
    auto committed = parts.sink.Commit(*checkpoint);
    if (committed.ok() && committed->resave.empty()) break;
    if (committed.ok()) {
      checkpoint->manifest = std::move(committed->resave);
      RETURN_IF_ERROR(failpoint::Durable("epoch.resave.before"));
      RETURN_IF_ERROR(parts.store.Save(parts.owner, *checkpoint));
      RETURN_IF_ERROR(failpoint::Durable("epoch.resave.after"));
      tries = 0;
      continue;
    }
    const Status error = Unfenced(committed.status(), checkpoint->lease);
    if (error.kind() != ErrorKind::kUnknownOutcome || tries == kUnknownOutcomeTries) {
      return error.Within(fmt::format("committing epoch {}", checkpoint->epoch));
    }
    parts.log.Warn("the outcome of a commit is unknown: asking again",
                   {{"pipeline", parts.owner.pipeline},
                    {"epoch", checkpoint->epoch},
                    {"error", error.message()}});
    if (parts.clock.Sleep(backoff.Next(), parts.cancel)) {
      return Status::Cancelled("stopped while a commit's outcome was unknown");
    }
  }
  return failpoint::Durable("epoch.commit.after");
}

EpochWriter::EpochWriter(EpochParts parts, CommitPolicy policy, int64_t max_dead_letters,
                         AckFunction ack)
    : parts_(std::move(parts)),
      policy_(policy),
      max_dead_letters_(max_dead_letters),
      ack_(std::move(ack)),
      sink_commit_time_(parts_.clock.Now()) {}

Status EpochWriter::Add(ShardStates shards, const std::vector<SinkTable>& tables,
                        uint64_t epoch) {
  for (const auto& [shard, state] : shards) {
    const bool in_sink = std::ranges::any_of(
        state.tokens, [&committed = state.committed](const auto& token) {
          return token.second.to == committed;
        });
    if (in_sink || !parts_.sink.holds_tokens()) {
      ack_(shard, state.committed);  // the process before may not have come to that
    } else {
      ahead_.insert(shard);
    }
  }
  shards_.merge(shards);
  tables_.insert(tables.begin(), tables.end());
  epoch_ = std::max(epoch_, epoch);
  ASSIGN_OR_RETURN(stored_dead_letters_,
                   parts_.store.CountDeadLetters(parts_.owner.pipeline));
  return Status::Ok();
}

Status EpochWriter::Start(ShardStates shards, const std::vector<SinkTable>& tables) {
  if (shards.empty()) return Status::Ok();
  Checkpoint c;
  c.pipeline = parts_.owner.pipeline;
  c.attempt = parts_.owner.attempt;
  c.epoch = epoch_ == 0 && shards_.empty() ? 0 : epoch_ + 1;
  c.tables = tables;
  c.start = true;
  for (const auto& [shard, state] : shards) {
    c.shards.push_back({shard, state.committed, state.committed, state.tokens, {}});
  }
  shards_.merge(shards);
  return SaveAndCommit(&c);
}

void EpochWriter::Remove(const std::vector<ShardId>& shards) {
  for (const ShardId& shard : shards) {
    shards_.erase(shard);
    ahead_.erase(shard);
  }
}

Status EpochWriter::AddTable(const SinkTable& table) {
  if (!tables_.insert(table).second) return Status::Ok();
  std::vector<ShardId> names;
  for (const auto& [shard, state] : shards_) names.push_back(shard);
  ASSIGN_OR_RETURN(ShardTokens found,
                   parts_.sink.GetTokens(names, {&table, 1}, parts_.claim()));
  for (const auto& [shard, tokens] : found) {
    const Token* token = FindToken(tokens, table);
    auto state = shards_.find(shard);
    if (!token || state == shards_.end()) continue;
    if (!parts_.source.Reached(state->second.committed, token->to)) {
      return Status::Transient("table " + table +
                               " has rows from further on than what is read now; "
                               "recovering again with it");
    }
    state->second.tokens[table] = *token;
  }
  return Status::Ok();
}

Status EpochWriter::Begin(const Batch& batch) {
  if (!shards_.contains(batch.shard)) {
    return Status::Bug("a batch of shard " + batch.shard + ", which was not assigned");
  }
  active_.insert(batch.shard);
  for (const Chunk& chunk : batch.chunks) touched_.insert(chunk.schema->id);
  return Status::Ok();
}

Status EpochWriter::Write(const Batch& batch) {
  if (batch.chunks.empty() && batch.events.empty()) return Status::Ok();
  return Stage(batch);
}

Status EpochWriter::Beat() {
  const auto& [shard, state] = *shards_.begin();
  Batch batch;
  batch.shard = shard;
  batch.end = state.reached;
  batch.boundary = true;
  return Stage(batch);
}

Status EpochWriter::Stage(const Batch& batch) {
  Touch();
  dirty_ = true;
  std::vector<DeadLetter> rejects;
  const Status written = parts_.sink.Write(batch, &rejects);
  if (!written.ok()) return Unfenced(written, parts_.source.Lease());
  rows_ += batch.rows();
  bytes_ += batch.bytes;
  return Reject(std::move(rejects), batch.end);
}

void EpochWriter::Touch() {
  if (!open()) opened_ = parts_.clock.Now();
}

void EpochWriter::Advance(const ShardId& shard, const Position& end, bool boundary) {
  if (!boundary) {
    inside_.insert(shard);
    return;
  }
  inside_.erase(shard);
  ShardState& state = shards_[shard];
  if (state.reached == end) return;
  Touch();
  state.reached = end;
  moved_ = true;
}

Overlay& EpochWriter::overlay() {
  if (!overlay_) {
    overlay_ = std::make_unique<Overlay>(parts_.store, parts_.owner, epoch_ + 1);
  }
  return *overlay_;
}

Status EpochWriter::Reject(std::vector<DeadLetter> letters, const Position& at) {
  if (letters.empty()) return Status::Ok();
  Touch();
  dirty_ = true;
  for (DeadLetter& letter : letters) {
    if (letter.position.empty()) letter.position = at;
    if (letter.time == 0) letter.time = parts_.clock.WallMicros();
    RETURN_IF_ERROR(overlay().AddDeadLetter(letter));
  }
  if (max_dead_letters_ < 0 || dead_letters() <= max_dead_letters_) return Status::Ok();
  const DeadLetter& last = letters.back();
  return Status::Config(fmt::format(
      "{} rows were refused, more than dead_letters.max ({}); the last one, of table {}: "
      "{}. Nothing of this epoch was committed; mend the cause, delete old dead letters "
      "or raise dead_letters.max, and start again",
      dead_letters(), max_dead_letters_, last.table, last.reason));
}

int64_t EpochWriter::dead_letters() const {
  return stored_dead_letters_ + (overlay_ ? overlay_->dead_letters() : 0);
}

bool EpochWriter::AtBoundary() const { return inside_.empty(); }

bool EpochWriter::Has(const std::vector<ShardId>& shards) const {
  return std::ranges::any_of(shards, [&](const auto& s) { return active_.contains(s); });
}

bool EpochWriter::Ahead(const std::vector<ShardId>& shards) const {
  return std::ranges::any_of(shards, [&](const auto& s) { return ahead_.contains(s); });
}

bool EpochWriter::MustCloseBefore(const Batch& batch) const {
  if (touched_.empty() || !AtBoundary()) return false;
  return std::ranges::any_of(batch.events, [&](const Event& event) {
    return ChangesTable(event) && touched_.contains(event.table);
  });
}

bool EpochWriter::ShouldClose(bool more) const {
  if (!AtBoundary()) return false;
  const SteadyTime now = parts_.clock.Now();
  if (!open()) return !ahead_.empty() && now >= Deadline();
  if (rows_ >= policy_.rows || parts_.sink.staged_bytes() >= policy_.bytes) return true;
  return now >= Deadline() && (!more || now - opened_ >= commit_time_);
}

SteadyTime EpochWriter::Deadline() const {
  if (!open())
    return ahead_.empty() ? SteadyTime::max() : sink_commit_time_ + kIdleCommit;
  return opened_ + (dirty_ ? policy_.every : std::max<Micros>(policy_.every, kIdleSave));
}

std::vector<SinkTable> EpochWriter::Anchor() const {
  auto rises = [&](const ShardId& shard, const SinkTable& table) {
    auto state = shards_.find(shard);
    if (state == shards_.end()) return true;
    const Token* token = FindToken(state->second.tokens, table);
    return !token || parts_.source.Reached(state->second.reached, token->to);
  };
  for (const SinkTable& table : tables_) {
    auto fits = [&](const ShardId& shard) { return rises(shard, table); };
    if (std::ranges::all_of(active_, fits) && std::ranges::all_of(ahead_, fits)) {
      return {table};
    }
  }
  return {};
}

Checkpoint EpochWriter::Describe(Prepared prepared) const {
  Checkpoint c;
  c.pipeline = parts_.owner.pipeline;
  c.attempt = parts_.owner.attempt;
  c.epoch = epoch_ + 1;
  c.tables = std::move(prepared.tables);
  c.manifest = std::move(prepared.manifest);
  std::set<ShardId> names;
  for (const ShardId& name : active_) {
    const ShardState& state = shards_.at(name);
    if (state.reached != state.committed) names.insert(name);
  }
  // What the sink does not know yet, it is told with the next tokens it gets.
  if (!c.tables.empty()) names.insert(ahead_.begin(), ahead_.end());
  // What time alone made is of no shard: any one's token tells that it is there.
  if (names.empty()) names.insert(shards_.begin()->first);
  for (const ShardId& name : names) {
    const ShardState& state = shards_.at(name);
    ShardRange& range = c.shards.emplace_back(
        ShardRange{name, state.committed, state.reached, state.tokens, {}});
    for (const SinkTable& table : c.tables) {
      const Token* token = FindToken(state.tokens, table);
      if (!token || token->to == state.committed) continue;
      if (!parts_.source.Reached(state.reached, token->to)) range.ahead.push_back(table);
    }
  }
  return c;
}

Result<ClosedEpoch> EpochWriter::Close(bool into_sink) {
  if (!AtBoundary()) return Status::Bug("closing an epoch inside a transaction");
  const SteadyTime began = parts_.clock.Now();
  ASSIGN_OR_RETURN(Prepared prepared, parts_.sink.Prepare());
  RETURN_IF_ERROR(failpoint::Durable("epoch.prepared"));
  for (const SinkTable& table : prepared.tables) RETURN_IF_ERROR(AddTable(table));
  if (overlay_) RETURN_IF_ERROR(overlay_->Flush());
  if (prepared.tables.empty()) {
    prepared.manifest.clear();
    const SteadyTime now = parts_.clock.Now();
    if (into_sink || now - sink_commit_time_ >= kIdleCommit) {
      prepared.tables = Anchor();
      sink_commit_time_ = now;  // where none can take it now, there is time
    }
  }
  Checkpoint c = Describe(std::move(prepared));
  ClosedEpoch closed{c.epoch, rows_, bytes_, {}};
  const SteadyTime opened = opened_;
  maybe_saved_ = true;
  RETURN_IF_ERROR(SaveAndCommit(&c));
  const SteadyTime now = parts_.clock.Now();
  closed.took = commit_time_ = std::chrono::duration_cast<Micros>(now - began);
  closed.open = std::chrono::duration_cast<Micros>(now - opened);
  closed.shards = std::move(c.shards);
  return closed;
}

// A save has to outlive the machine for what is staged, for state and dead letters, and
// where the sink does not get the position. The rest of a transaction is in the sink as a
// whole, its token with it: without the save, the store is an older one by an epoch.
bool EpochWriter::MustLast(const Checkpoint& c, bool in_sink) const {
  return parts_.sink.staged() || !in_sink || c.start || overlay_ || folds_ ||
         parts_.stateful;
}

// From the save on the epoch is decided: whatever fails from here is rolled forward by
// the next start.
Status EpochWriter::SaveAndCommit(Checkpoint* c) {
  const bool in_sink = !c->tables.empty() || !parts_.sink.holds_tokens();
  const bool lasts = MustLast(*c, in_sink);
  RETURN_IF_ERROR(parts_.store.Save(parts_.owner, *c, lasts));
  folds_ = overlay_ || (folds_ && !lasts);
  if (in_sink) {
    RETURN_IF_ERROR(CommitSaved(parts_, c));
    sink_commit_time_ = parts_.clock.Now();
  }
  RETURN_IF_ERROR(parts_.store.Fold(parts_.owner));
  epoch_ = c->epoch;
  Settle(*c, in_sink);
  RETURN_IF_ERROR(failpoint::Durable("epoch.acked"));
  stored_dead_letters_ = dead_letters();
  Clear();
  return Status::Ok();
}

void EpochWriter::Settle(const Checkpoint& c, bool in_sink) {
  for (const ShardRange& range : c.shards) {
    ShardState& state = shards_[range.shard];
    state.committed = range.to;
    state.tokens = c.After(range);
    // Where each table is further already, none has the position.
    const bool told = range.ahead.size() < c.tables.size() || !parts_.sink.holds_tokens();
    if (in_sink && told) {
      ahead_.erase(range.shard);
      ack_(range.shard, range.to);
    } else {
      ahead_.insert(range.shard);
    }
  }
}

void EpochWriter::Clear() {
  overlay_.reset();
  active_.clear();
  inside_.clear();
  touched_.clear();
  dirty_ = moved_ = maybe_saved_ = false;
  rows_ = bytes_ = 0;
}

Result<std::vector<ShardId>> EpochWriter::Abort() {
  std::vector<ShardId> again(active_.begin(), active_.end());
  if (maybe_saved_) return again;
  RETURN_IF_ERROR(parts_.sink.Abort());
  RETURN_IF_ERROR(parts_.store.DropOverlays(parts_.owner, Store::Drop::kUnsaved));
  for (const ShardId& shard : again) shards_[shard].reached = shards_[shard].committed;
  Clear();
  return again;
}

}  // namespace leat
