// The epoch protocol, from a batch to a commit. docs/exactly-once.md tells it whole and
// tests/model checks it; the names here are its names.
//
// One epoch: Write stages batches; at a boundary Close prepares, saves (the decision) and
// commits by compare-and-set on each table's token, folds the overlay and acknowledges.
// An epoch without anything for the sink is saved only, so that an idle position costs
// the sink nothing; from time to time it is committed all the same, also when nothing
// comes any more, for a position that lags for ever would hold back the source's log.
//
// An epoch has the shards that moved, each from where it was committed to a boundary, and
// each of its tables takes the tokens of all of them with the rows. Shards come (Add,
// Start) and go (Remove) between epochs; one that is idle costs nothing.
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
  const Source& source;  // for Reached and Lease alone
  Clock& clock;
  Logger& log;
  const CancelToken& cancel;
  bool stateful;  // steps keep state in the store

  Claim claim() const { return {owner.attempt, source.Lease()}; }
};

// One shard in this attempt.
struct ShardState {
  Position committed;  // where the open epoch begins
  Position reached;    // the newest boundary written
  Tokens tokens;
};
using ShardStates = std::map<ShardId, ShardState>;

// What one closed epoch did.
struct ClosedEpoch {
  uint64_t epoch = 0;
  int64_t rows = 0;
  int64_t bytes = 0;
  std::vector<ShardRange> shards;  // that moved
  Micros took{0};                  // from the sink's Prepare to its commit
  Micros open{0};                  // from its first row to its commit
};

// Commits a saved epoch; an outcome that stays unknown is asked for again a few times.
// May save it anew under `parts.owner`, when the sink had to stage it again. kTransient
// instead of kFenced where shards are dealt: they may have been dealt to another process,
// and to recover is to find out.
Status CommitSaved(const EpochParts& parts, Checkpoint* checkpoint);

class EpochWriter {
 public:
  using AckFunction = std::function<void(const ShardId&, const Position&)>;

  EpochWriter(EpochParts parts, CommitPolicy policy, int64_t max_dead_letters,
              AckFunction ack);

  // Adds recovered shards, and tables whose tokens they have. `epoch`: the highest seen.
  Status Add(ShardStates shards, const std::vector<SinkTable>& tables, uint64_t epoch);
  // Adds shards that begin somewhere by a decision of now: new ones ("epoch 0") and those
  // somebody reset. Saves and commits it before any row of them is read.
  Status Start(ShardStates shards, const std::vector<SinkTable>& tables);
  // Forgets shards; the open epoch has nothing of them.
  void Remove(const std::vector<ShardId>& shards);
  // A table that came up while running. kTransient when a token is ahead of what is being
  // read: then everything has to be read again with a floor for it.
  Status AddTable(const SinkTable& table);

  // A batch goes into the open epoch: what the source said, before any step.
  Status Begin(const Batch& batch);
  // Stages rows, and keeps those the sink refuses. kTransient instead of kFenced as
  // CommitSaved.
  Status Write(const Batch& batch);
  // Tells the sink with an empty batch that time has passed; there is a shard. What it
  // stages is of no shard, and is committed like rows.
  Status Beat();
  Status Reject(std::vector<DeadLetter> letters, const Position& at);
  // All rows of a batch are staged: its shard has got as far as `end`.
  void Advance(const ShardId& shard, const Position& end, bool boundary);
  // What the open epoch changes of the steps' state.
  Overlay& overlay();

  // True where an epoch may close: all shards stand between transactions.
  bool AtBoundary() const;
  // Something waits to be saved.
  bool open() const { return dirty_ || moved_ || (overlay_ && !overlay_->empty()); }
  // The open epoch has something of one of these.
  bool Has(const std::vector<ShardId>& shards) const;
  // The store alone knows how far one of these is.
  bool Ahead(const std::vector<ShardId>& shards) const;
  // True when the batch must not share an epoch with what is staged: it begins with a
  // change of a table that has rows in it.
  bool MustCloseBefore(const Batch& batch) const;
  // True when a limit of the policy is reached, at a boundary, or the sink has not heard
  // of a position for long. With `more` to be written at once a short epoch waits for it:
  // commits never take more than half of the time.
  bool ShouldClose(bool more) const;
  // When ShouldClose turns true by time alone.
  SteadyTime Deadline() const;
  // With `into_sink` the sink's tokens know the positions afterwards, in any case.
  Result<ClosedEpoch> Close(bool into_sink = false);
  // Drops what is staged, unless it may have been saved. Answers the shards it had
  // something of: they have to be read again from where they are committed.
  Result<std::vector<ShardId>> Abort();

  const ShardStates& shards() const { return shards_; }
  uint64_t epoch() const { return epoch_; }
  int64_t dead_letters() const;

 private:
  // Something is about to wait to be saved.
  void Touch();
  Status Stage(const Batch& batch);
  Checkpoint Describe(Prepared prepared) const;
  // The table that takes the tokens of an epoch without rows; empty: none can.
  std::vector<SinkTable> Anchor() const;
  bool MustLast(const Checkpoint& checkpoint, bool in_sink) const;
  Status SaveAndCommit(Checkpoint* checkpoint);
  void Settle(const Checkpoint& checkpoint, bool in_sink);
  void Clear();

  const EpochParts parts_;
  const CommitPolicy policy_;
  const int64_t max_dead_letters_;
  const AckFunction ack_;

  ShardStates shards_;
  std::set<SinkTable> tables_;   // whose tokens the shards have
  std::set<ShardId> ahead_;      // committed in the store alone
  uint64_t epoch_ = 0;           // the newest decided or seen
  SteadyTime sink_commit_time_;  // of the newest commit into the sink, or try of one
  int64_t stored_dead_letters_ = 0;
  // A fold may have moved something, and not be on disk.
  bool folds_ = true;
  Micros commit_time_{0};  // ClosedEpoch::took of the newest

  // The open epoch.
  bool dirty_ = false;  // has rows, events or dead letters
  bool moved_ = false;  // has new positions
  bool maybe_saved_ = false;
  SteadyTime opened_;
  int64_t rows_ = 0;
  int64_t bytes_ = 0;
  std::set<ShardId> active_;  // it has something of these
  std::set<ShardId> inside_;  // of those, which are not between transactions
  std::set<TableId> touched_;
  std::unique_ptr<Overlay> overlay_;  // made with its first use
};

}  // namespace leat
