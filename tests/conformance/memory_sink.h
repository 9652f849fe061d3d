// Sinks in memory: a staged one, which commits table by table as Iceberg does, and a
// transactional one with a single table of tokens and their owners, as SQL databases
// have. Strict where a real server would be: a commit that names a missing file, or a
// token that falls, is kept as an error for the test to see.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "core/sink.h"

namespace leat {

// The server side, shared by every sink that writes to it. Thread-safe.
class MemoryTarget {
 public:
  // As Source::Reached.
  using Reached = std::function<bool(const Position& at, const Position& target)>;
  // Positions are numbers, unless `reached` can tell.
  explicit MemoryTarget(Reached reached = nullptr) : reached_(std::move(reached)) {}

  struct Table {
    int64_t version = 0;
    std::map<ShardId, Token> tokens;
    std::vector<int64_t> rows;  // ids in the order they became visible
  };

  std::map<SinkTable, Table> tables() const;
  // The `to` of the first token that landed, by shard.
  std::map<ShardId, Position> starts() const;
  // What no correct client does.
  std::vector<std::string> errors() const;
  // The next `n` commits of a table find its version moved on by somebody else.
  void Disturb(int n);
  // The next `n` commits find that what they refer to was rewritten.
  void Rewrite(int n);
  int64_t commits() const;

 private:
  friend class MemoryStagedSink;
  friend class MemoryTransactionalSink;
  void Land(const SinkTable& table, const std::vector<Token>& tokens,
            const std::vector<int64_t>& rows);

  bool Falls(const Position& from, const Position& to) const;

  const Reached reached_;
  mutable std::mutex mutex_;
  std::map<SinkTable, Table> tables_;
  std::map<std::string, std::vector<int64_t>> files_;
  std::map<ShardId, Position> starts_;
  std::map<ShardId, std::string> owners_;  // transactional: who may commit
  std::vector<std::string> errors_;
  int disturb_ = 0;
  int rewrite_ = 0;
  int64_t commits_ = 0;
  int64_t file_number_ = 0;
};

struct MemorySinkOptions {
  // Rows it refuses; null: none.
  std::function<bool(int64_t id)> refuses;
  // Called by each Write; its error is the sink's.
  std::function<Status()> on_write;
  // How often it wants to hear of time, if it is a transactional one. Each time makes a
  // row of table beats: 0, 1, ...
  Micros heartbeat{0};
  // Called by each Prepare of a staged sink.
  std::function<void()> on_prepare;
};

class MemorySinkBase : public Sink {
 public:
  MemorySinkBase(MemoryTarget& target, MemorySinkOptions options)
      : target_(target), options_(std::move(options)) {}
  Needs needs() const override {
    Needs needs;
    needs.heartbeat = options_.heartbeat;
    return needs;
  }
  Status Open(std::span<const SchemaRef> tables) override { return Status::Ok(); }
  Status Write(const Batch& batch, std::vector<DeadLetter>* rejects) override;
  int64_t staged_bytes() const override { return staged_bytes_; }
  Status Upkeep(SteadyTime deadline, std::span<const Checkpoint> unfinished) override {
    return Status::Ok();
  }

 protected:
  MemoryTarget& target_;
  const MemorySinkOptions options_;
  std::map<SinkTable, std::vector<int64_t>> staged_;  // by the source's table
  int64_t staged_bytes_ = 0;
  int64_t beats_ = 0;
};

class MemoryStagedSink final : public MemorySinkBase {
 public:
  using MemorySinkBase::MemorySinkBase;
  bool staged() const override { return true; }
  SinkTable TableFor(const TableId& source) const override { return source.table; }
  Result<ShardTokens> GetTokens(std::span<const ShardId> shards,
                                std::span<const SinkTable> tables,
                                const Claim& claim) override;
  Result<Prepared> Prepare() override;
  Result<Committed> Commit(const Checkpoint& checkpoint) override;
  Status Abort() override;

 private:
  Status CommitTable(const Checkpoint& checkpoint, const SinkTable& table,
                     const std::string& file);
  std::vector<std::string> unsaved_;  // files that no checkpoint names yet
};

class MemoryTransactionalSink final : public MemorySinkBase {
 public:
  using MemorySinkBase::MemorySinkBase;
  static constexpr char kTokenTable[] = "leat_commits";
  bool staged() const override { return false; }
  SinkTable TableFor(const TableId& source) const override { return kTokenTable; }
  Result<ShardTokens> GetTokens(std::span<const ShardId> shards,
                                std::span<const SinkTable> tables,
                                const Claim& claim) override;
  Result<Prepared> Prepare() override;
  Result<Committed> Commit(const Checkpoint& checkpoint) override;
  Status Abort() override;

 private:
  std::string claimed_;    // as whom it commits
  bool connected_ = true;  // else the transaction is gone
};

}  // namespace leat
