// The epoch protocol, from a batch to a commit. docs/exactly-once.md tells it whole and
// tests/model checks it; the names here are its names.
//
// One epoch: Write stages batches; at a boundary Close prepares, saves (the decision) and
// commits by compare-and-set on each table's token, folds the overlay and acknowledges.
// An epoch without anything for the sink is saved only, so that an idle position costs
// the sink nothing; from time to time it is committed all the same, for a position that
// lags for ever would hold back the source's log.
//
// Lives for one attempt; the writer thread only. Errors: the sink's and the store's.
// After any error the attempt is over: call Abort, unless the error is kCancelled.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/sink.h"
#include "core/source.h"
#include "runtime/pipeline.h"
#include "store/overlay.h"
#include "store/store.h"

namespace leat {

// What the protocol works with, for one attempt. Borrowed.
struct EpochParts {
  Owner owner;
  Store& store;
  Sink& sink;
  const Source& source;  // for Reached alone
  Clock& clock;
  Logger& log;
  const CancelToken& cancel;
};

// One shard in this attempt.
struct ShardState {
  Position committed;  // where the open epoch begins
  Position reached;    // the newest boundary written
  bool boundary = true;
  Tokens tokens;  // of every table known
};

// What one closed epoch did.
struct ClosedEpoch {
  uint64_t epoch = 0;
  int64_t rows = 0;
  int64_t bytes = 0;
  bool in_sink = false;  // committed there; else the store alone knows the position
};

// Commits a saved epoch; an outcome that stays unknown is asked for again a few times.
// May save it anew under `parts.owner`, when the sink had to stage it again.
Status CommitSaved(const EpochParts& parts, Checkpoint* checkpoint);

class EpochWriter {
 public:
  using AckFunction = std::function<void(const ShardId&, const Position&)>;

  EpochWriter(EpochParts parts, CommitPolicy policy, int64_t max_dead_letters,
              AckFunction ack);

  // Adds recovered shards. `epoch`: the highest seen.
  Status Add(std::map<ShardId, ShardState> shards, uint64_t epoch);
  // Saves and commits the start of shards that neither store nor sink knew ("epoch 0"),
  // before any row of them is read. Their states are added by this.
  Status Start(const std::map<ShardId, Position>& starts,
               const std::vector<SinkTable>& tables);
  // A table that came up while running. kTransient when its token is ahead of what is
  // being read: then everything has to be read again with a floor for it.
  Status AddTable(const SinkTable& table);

  // Stages a batch and keeps what was refused, here and before.
  Status Write(const Batch& batch, std::vector<DeadLetter> rejects);

  // True where an epoch may close: all shards stand between transactions.
  bool AtBoundary() const;
  // Something waits to be saved.
  bool open() const { return dirty_ || moved_; }
  // True when the batch must not share an epoch with what is staged: it begins with a
  // change of a table that has rows in it.
  bool MustCloseBefore(const Batch& batch) const;
  // True when a limit of the policy is reached, at a boundary.
  bool ShouldClose() const;
  // When ShouldClose turns true by time alone.
  SteadyTime Deadline() const;
  Result<ClosedEpoch> Close();
  // Drops what is staged, unless it may have been saved.
  Status Abort();

  const std::map<ShardId, ShardState>& shards() const { return shards_; }
  uint64_t epoch() const { return epoch_; }
  int64_t dead_letters() const;

 private:
  Status KeepRejects(std::vector<DeadLetter> rejects, const Position& at);
  Checkpoint Describe(Prepared prepared) const;
  // The table that takes the token of an epoch without rows; empty: none can.
  std::vector<SinkTable> Anchor() const;
  Status SaveAndCommit(Checkpoint checkpoint);

  const EpochParts parts_;
  const CommitPolicy policy_;
  const int64_t max_dead_letters_;
  const AckFunction ack_;

  std::map<ShardId, ShardState> shards_;
  uint64_t epoch_ = 0;           // the newest decided or seen
  SteadyTime sink_commit_time_;  // of the newest commit into the sink
  int64_t stored_dead_letters_ = 0;

  // The open epoch.
  bool dirty_ = false;  // has rows, events or dead letters
  bool moved_ = false;  // has only a new position
  bool maybe_saved_ = false;
  SteadyTime opened_;
  int64_t rows_ = 0;
  int64_t bytes_ = 0;
  std::set<TableId> touched_;
  std::unique_ptr<Overlay> overlay_;  // made with its first entry
};

}  // namespace leat
