// MysqlSink: rows into MySQL or MariaDB tables, an epoch a transaction.
//
// Write sends a batch's rows at once, in statements of many rows, inside the epoch's
// transaction; Commit adds the shards' tokens (commit_table.h) and ends it. With several
// workers each has a branch of the transaction (XA) and the rows of the keys dealt to it:
// branches are announced, prepared, decided by the tokens' own commit, and then
// committed; a later owner settles those that were left (commit_table.h). Schema changes
// run on a connection of their own, before any row of the new shape.
//
// A deadlock or lock wait undoes the epoch so far; while it is small it is written again
// from here, else the runtime reads it again. Life, threads, errors: core/sink.h.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "connectors/mysql/sink/changes.h"
#include "connectors/mysql/sink/commit_table.h"
#include "connectors/mysql/sink/options.h"
#include "connectors/mysql/sink/plan.h"
#include "connectors/mysql/sink/writer.h"
#include "core/sink.h"

namespace leat::mysql {

class MysqlSink final : public Sink {
 public:
  MysqlSink(SinkOptions options, const Context& context);
  ~MysqlSink() override;

  bool staged() const override { return false; }
  Needs needs() const override;
  SinkTable TableFor(const TableId& source) const override { return CommitTable::kName; }
  Status Open(std::span<const SchemaRef> tables) override;
  Result<ShardTokens> GetTokens(std::span<const ShardId> shards,
                                std::span<const SinkTable> tables,
                                const Claim& claim) override;
  Status Write(const Batch& batch, std::vector<DeadLetter>* rejects) override;
  int64_t staged_bytes() const override { return staged_bytes_; }
  Result<Prepared> Prepare() override;
  Result<Committed> Commit(const Checkpoint& checkpoint) override;
  Status Abort() override;
  Status Upkeep(SteadyTime deadline, std::span<const Checkpoint> unfinished) override {
    return Status::Ok();
  }

 private:
  using Plan = std::shared_ptr<const TablePlan>;
  struct Kept {
    Batch batch;
    size_t rejects = 0;
  };

  // Tables.
  Status Anticipate(const Batch& batch);
  Status Apply(const Event& event);
  Status Meet(const SchemaRef& source);
  Status Follow(const SchemaRef& source, const Event* change);
  // With the foreign keys of other tables.
  Result<std::optional<TargetTable>> Load(Client& control, const TableId& id);
  Status MakeTable(Client& control, const Shape& shape, const TableId& id);
  Result<TargetTable> Evolve(Client& control, const Shape& shape, TargetTable target,
                             const Event* change);
  Result<Plan> PlanOf(const SchemaRef& source);

  // Rows.
  Status WriteOnce(const Batch& batch, std::vector<DeadLetter>* rejects);
  Status WriteRows(const std::vector<ChunkRows>& rows, std::vector<DeadLetter>* rejects);
  Status WriteInOrder(const std::vector<ChunkRows>& rows,
                      std::vector<DeadLetter>* rejects);
  Status WriteLanes(TableChanges& changes, std::vector<DeadLetter>* rejects);
  Status Truncate(const TableId& table);
  Status Replay();
  void Keep(const Batch& batch, size_t rejects);
  // The epoch is over, one way or the other.
  void StartAnew();

  // The transaction.
  bool branched() const { return options_.workers > 1; }
  Writer& token_writer() { return branched() ? tokens_ : *writers_.front(); }
  Result<Client*> Control() { return control_.Ready(owner_); }
  Status Begin();
  Status BeginWriter(Writer& writer);
  void Rollback();
  void Disconnect();
  Status Decide(const Checkpoint& checkpoint);
  Result<Committed> Settle(const Checkpoint& checkpoint);
  // Runs `task` for each writer with a transaction, all at once.
  Status ForEachWriter(const std::function<Status(Writer&)>& task);
  Status Explain(Status error);

  const SinkOptions options_;
  const Context context_;
  const CommitTable commits_;
  Writer control_;  // schema changes, which would commit a transaction; claims
  Writer tokens_;   // the tokens, where there are several workers
  std::vector<std::unique_ptr<Writer>> writers_;
  std::map<TableId, Plan> plans_;  // by the source's table
  // By database: tables that foreign keys refer to.
  std::map<std::string, std::vector<std::string>> referenced_;

  std::string owner_;
  std::set<ShardId> shards_;  // claimed
  bool began_ = false;
  bool unknown_ = false;  // the last Commit's outcome
  bool decided_ = false;  // the epoch's branches are to be committed, whatever comes
  std::string pending_;   // of the open epoch, as announced
  std::string branch_;    // the name in it
  uint64_t branches_ = 0;
  std::set<TableId> touched_;  // target tables with rows in the transaction
  int64_t staged_bytes_ = 0;
  std::vector<Kept> kept_;  // the epoch so far, while it is small
  int64_t kept_bytes_ = 0;
  bool replayable_ = true;
  bool alone_ = false;  // one writer writes the rest of the epoch
};

}  // namespace leat::mysql
