// Sink: stages rows and makes them visible an epoch at a time, with the token that says
// which.
//
// Life: Open, Recover-side calls (GetTokens, Commit of a saved checkpoint), then per
// epoch Write*, Prepare, [the runtime saves], Commit; or Abort. Called by the writer
// thread only. Errors: kTransient (retry), kUnknownOutcome (Commit only: it may have
// landed; call Commit with the same checkpoint again, remove nothing), kFenced (a token
// is not what the checkpoint expects), kConfig, kBug. A row at fault goes to `rejects`.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "core/context.h"
#include "core/epoch.h"
#include "data/batch.h"

namespace leat {

// What Prepare staged.
struct Prepared {
  std::vector<SinkTable> tables;  // that this epoch touches
  std::string manifest;           // enough for another process to Commit it
};

struct Committed {
  // Not empty: what was staged had to be made anew (somebody rewrote a file under it).
  // Nothing was committed; save the checkpoint with this manifest and call Commit again.
  std::string resave;
};

// In whose name a sink takes shards over.
struct Claim {
  std::string attempt;  // empty: nobody, somebody only looks
  std::string lease;    // Source::Lease() as of now

  bool empty() const { return attempt.empty(); }
};

class Sink {
 public:
  virtual ~Sink() = default;

  // True: a saved epoch can be committed by a later process from its manifest alone
  // (files). False: an epoch that was not committed is lost with its process (a SQL
  // transaction).
  virtual bool staged() const = 0;
  // False: the target has no place for a token (stdout, notify; see TokenlessSink).
  virtual bool holds_tokens() const { return true; }
  virtual Needs needs() const = 0;
  // The table that rows of `source` go to.
  virtual SinkTable TableFor(const TableId& source) const = 0;

  virtual Status Open(std::span<const SchemaRef> tables) = 0;
  // The tokens of these shards in these tables, as the target holds them now; who has
  // none is left out. With a claim a transactional sink first makes itself the owner of
  // these shards, which ends whatever an older process has in flight for them. A table
  // that does not exist, or was not among those opened, is no error: it is looked up, and
  // has no token.
  virtual Result<ShardTokens> GetTokens(std::span<const ShardId> shards,
                                        std::span<const SinkTable> tables,
                                        const Claim& claim) = 0;

  // Stages the batch: its events and rows in order. Whatever it keeps in memory is
  // bounded. An empty one, for who asked with Needs::heartbeat, says that time has
  // passed.
  virtual Status Write(const Batch& batch, std::vector<DeadLetter>* rejects) = 0;
  // Bytes staged since the last Commit or Abort, for the epoch's `bytes` limit.
  virtual int64_t staged_bytes() const = 0;
  // Finishes what can be staged, durably.
  virtual Result<Prepared> Prepare() = 0;
  // Makes a saved epoch visible: in each table all of its rows and the tokens that
  // Checkpoint::TokensFor names in one atomic write, by compare-and-set on the previous
  // tokens of all its shards. One of its own tokens proves that a table has it: another
  // shard may have been dealt to somebody else since. Repeating it is
  // harmless: a table that already has the epoch is left alone. Tables of the checkpoint
  // that its manifest does not mention get the token alone (in Iceberg with an empty
  // snapshot); the manifest is empty in an epoch that only says where shards
  // begin and in one that only moves positions.
  virtual Result<Committed> Commit(const Checkpoint& checkpoint) = 0;
  // Drops what is staged and not saved.
  virtual Status Abort() = 0;
  // Between epochs, when there is time: compaction, expiry. `unfinished`: the epochs of
  // any pipeline that are saved and perhaps not committed; nothing that a manifest among
  // them names may go.
  virtual Status Upkeep(SteadyTime deadline, std::span<const Checkpoint> unfinished) = 0;
};

// A sink without a place for tokens: the store alone knows the position, and an epoch
// that may not have been committed is written again.
class TokenlessSink : public Sink {
 public:
  bool staged() const override { return true; }
  bool holds_tokens() const override { return false; }
  SinkTable TableFor(const TableId& source) const override { return source.ToString(); }
  Status Open(std::span<const SchemaRef> tables) override { return Status::Ok(); }
  Result<ShardTokens> GetTokens(std::span<const ShardId> shards,
                                std::span<const SinkTable> tables,
                                const Claim& claim) override {
    return ShardTokens();
  }
  Status Upkeep(SteadyTime deadline, std::span<const Checkpoint> unfinished) override {
    return Status::Ok();
  }
};

}  // namespace leat
