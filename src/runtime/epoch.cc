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

bool ChangesTable(const Event& event) { return event.kind != Event::Kind::kSnapshotDone; }

}  // namespace

Status CommitSaved(const EpochParts& parts, Checkpoint* checkpoint) {
  Backoff backoff(Millis(200), Millis(2000), checkpoint->epoch);
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
    Status error = committed.status();
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

Status EpochWriter::Add(std::map<ShardId, ShardState> shards, uint64_t epoch) {
  shards_.merge(shards);
  epoch_ = std::max(epoch_, epoch);
  ASSIGN_OR_RETURN(stored_dead_letters_,
                   parts_.store.CountDeadLetters(parts_.owner.pipeline));
  return Status::Ok();
}

Status EpochWriter::Start(const std::map<ShardId, Position>& starts,
                          const std::vector<SinkTable>& tables) {
  if (starts.empty()) return Status::Ok();
  Checkpoint c;
  c.pipeline = parts_.owner.pipeline;
  c.attempt = parts_.owner.attempt;
  c.epoch = epoch_ == 0 && shards_.empty() ? 0 : epoch_ + 1;
  c.tables = tables;
  Tokens none;
  for (const SinkTable& table : tables) none[table] = std::nullopt;
  for (const auto& [shard, at] : starts) {
    shards_[shard] = {at, at, true, none};
    c.shards.push_back({shard, at, at, none});
  }
  return SaveAndCommit(std::move(c));
}

Status EpochWriter::AddTable(const SinkTable& table) {
  for (auto& [shard, state] : shards_) {
    if (!state.tokens.contains(table)) {
      ASSIGN_OR_RETURN(Tokens found,
                       parts_.sink.GetTokens(shard, {&table, 1}, parts_.owner.attempt));
      state.tokens[table] = found[table];
    }
    const std::optional<Token>& token = state.tokens[table];
    if (token && !parts_.source.Reached(state.committed, token->to)) {
      return Status::Transient("table " + table +
                               " has rows from further on than what is read now; "
                               "recovering again with it");
    }
  }
  return Status::Ok();
}

Status EpochWriter::Write(const Batch& batch, std::vector<DeadLetter> rejects) {
  auto found = shards_.find(batch.shard);
  if (found == shards_.end()) {
    return Status::Bug("a batch of shard " + batch.shard + ", which was not assigned");
  }
  if (!open()) opened_ = parts_.clock.Now();
  if (!batch.chunks.empty() || !batch.events.empty()) {
    RETURN_IF_ERROR(parts_.sink.Write(batch, &rejects));
    for (const Chunk& chunk : batch.chunks) touched_.insert(chunk.schema->id);
    dirty_ = true;
  }
  if (!rejects.empty()) {
    dirty_ = true;
    RETURN_IF_ERROR(KeepRejects(std::move(rejects), batch.end));
  }
  rows_ += batch.rows();
  bytes_ += batch.bytes;
  ShardState& state = found->second;
  state.boundary = batch.boundary;
  if (batch.boundary && state.reached != batch.end) {
    state.reached = batch.end;
    moved_ = true;
  }
  return Status::Ok();
}

Status EpochWriter::KeepRejects(std::vector<DeadLetter> rejects, const Position& at) {
  if (!overlay_) {
    overlay_ = std::make_unique<Overlay>(parts_.store, parts_.owner, epoch_ + 1);
  }
  for (DeadLetter& letter : rejects) {
    if (letter.position.empty()) letter.position = at;
    if (letter.time == 0) letter.time = parts_.clock.WallMicros();
    RETURN_IF_ERROR(overlay_->AddDeadLetter(letter));
  }
  if (max_dead_letters_ < 0 || dead_letters() <= max_dead_letters_) return Status::Ok();
  const DeadLetter& last = rejects.back();
  return Status::Config(fmt::format(
      "{} rows were refused, more than dead_letters.max ({}); the last one, of table {}: "
      "{}. Nothing of this epoch was committed; mend the cause, delete old dead letters "
      "or raise dead_letters.max, and start again",
      dead_letters(), max_dead_letters_, last.table, last.reason));
}

int64_t EpochWriter::dead_letters() const {
  return stored_dead_letters_ + (overlay_ ? overlay_->dead_letters() : 0);
}

bool EpochWriter::AtBoundary() const {
  return std::ranges::all_of(shards_, [](const auto& s) { return s.second.boundary; });
}

bool EpochWriter::MustCloseBefore(const Batch& batch) const {
  if (touched_.empty() || !AtBoundary()) return false;
  return std::ranges::any_of(batch.events, [&](const Event& event) {
    return ChangesTable(event) && touched_.contains(event.table);
  });
}

bool EpochWriter::ShouldClose() const {
  if (!open() || !AtBoundary()) return false;
  return rows_ >= policy_.rows || parts_.sink.staged_bytes() >= policy_.bytes ||
         parts_.clock.Now() >= Deadline();
}

SteadyTime EpochWriter::Deadline() const {
  if (!open()) return SteadyTime::max();
  return opened_ + (dirty_ ? policy_.every : std::max<Micros>(policy_.every, kIdleSave));
}

std::vector<SinkTable> EpochWriter::Anchor() const {
  for (const auto& [table, any] : shards_.begin()->second.tokens) {
    bool rises = std::ranges::all_of(shards_, [&, &t = table](const auto& s) {
      auto token = s.second.tokens.find(t);
      return token == s.second.tokens.end() || !token->second ||
             parts_.source.Reached(s.second.reached, token->second->to);
    });
    if (rises) return {table};
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
  for (const auto& [shard, state] : shards_) {
    // Without tokens the newest saved epoch is all that knows a shard's position.
    if (state.reached == state.committed && parts_.sink.holds_tokens()) continue;
    c.shards.push_back({shard, state.committed, state.reached, state.tokens});
  }
  return c;
}

Result<ClosedEpoch> EpochWriter::Close() {
  if (!AtBoundary()) return Status::Bug("closing an epoch inside a transaction");
  ASSIGN_OR_RETURN(Prepared prepared, parts_.sink.Prepare());
  RETURN_IF_ERROR(failpoint::Durable("epoch.prepared"));
  for (const SinkTable& table : prepared.tables) {
    if (!shards_.begin()->second.tokens.contains(table)) RETURN_IF_ERROR(AddTable(table));
  }
  if (overlay_) RETURN_IF_ERROR(overlay_->Flush());
  if (prepared.tables.empty()) {
    prepared.manifest.clear();
    if (parts_.clock.Now() - sink_commit_time_ >= kIdleCommit) {
      prepared.tables = Anchor();
    }
  }
  ClosedEpoch closed{epoch_ + 1, rows_, bytes_, !prepared.tables.empty()};
  maybe_saved_ = true;
  RETURN_IF_ERROR(SaveAndCommit(Describe(std::move(prepared))));
  return closed;
}

// From the save on the epoch is decided: whatever fails from here is rolled forward by
// the next start.
Status EpochWriter::SaveAndCommit(Checkpoint c) {
  RETURN_IF_ERROR(parts_.store.Save(parts_.owner, c));
  bool in_sink = !c.tables.empty() || !parts_.sink.holds_tokens();
  if (in_sink) {
    RETURN_IF_ERROR(CommitSaved(parts_, &c));
    sink_commit_time_ = parts_.clock.Now();
  }
  RETURN_IF_ERROR(parts_.store.Fold(parts_.owner));
  epoch_ = c.epoch;
  for (const ShardRange& range : c.shards) {
    ShardState& state = shards_[range.shard];
    state.committed = range.to;
    for (const SinkTable& table : c.tables) state.tokens[table] = c.TokenOf(range);
    if (in_sink) ack_(range.shard, range.to);
  }
  RETURN_IF_ERROR(failpoint::Durable("epoch.acked"));
  stored_dead_letters_ = dead_letters();
  overlay_.reset();
  touched_.clear();
  dirty_ = moved_ = maybe_saved_ = false;
  rows_ = bytes_ = 0;
  return Status::Ok();
}

Status EpochWriter::Abort() {
  if (maybe_saved_) return Status::Ok();
  RETURN_IF_ERROR(parts_.sink.Abort());
  return parts_.store.DropOverlays(parts_.owner, Store::Drop::kUnsaved);
}

}  // namespace leat
