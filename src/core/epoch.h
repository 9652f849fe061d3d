// The facts the epoch protocol keeps: tokens in sinks, checkpoints in the store. The
// protocol itself is runtime/epoch.h; docs/exactly-once.md tells it whole.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "data/batch.h"

namespace leat {

// A table of a sink by the sink's own name for it ("db.orders"). A sink with one
// transaction for everything (SQL, Kafka) uses one fixed name.
using SinkTable = std::string;

// Written into a sink atomically with an epoch's rows: up to where a table has one shard.
struct Token {
  std::string pipeline;
  ShardId shard;
  uint64_t epoch = 0;
  std::string attempt;
  Position from;
  Position to;
  std::vector<SinkTable> tables;  // every table of that epoch

  bool SameEpoch(const Token& other) const {
    return epoch == other.epoch && attempt == other.attempt;
  }
  bool operator==(const Token&) const = default;
  std::string ToJson() const;
  static Result<Token> FromJson(std::string_view json);
};

// A shard's token in each table; a table that is not in it has none of its rows.
using Tokens = std::map<SinkTable, Token>;
using ShardTokens = std::map<ShardId, Tokens>;

// The shard's token in the table; null: none.
const Token* FindToken(const Tokens& tokens, const SinkTable& table);

// What one shard contributes to an epoch.
struct ShardRange {
  ShardId shard;
  Position from;
  Position to;
  Tokens previous;  // when the epoch was prepared; a table not in it had none
  // Tables that have rows from beyond `to` already, from an epoch that not every table
  // got: there the shard's token stays, for a token never falls.
  std::vector<SinkTable> ahead = {};

  bool operator==(const ShardRange&) const = default;
  std::string ToJson() const;
  static Result<ShardRange> FromJson(std::string_view json);
};

// The decision: once saved, this epoch will be visible, whoever has to finish it.
struct Checkpoint {
  std::string pipeline;
  uint64_t epoch = 0;
  std::string attempt;
  std::vector<ShardRange> shards;  // that moved: a shard that is idle costs nothing
  std::vector<SinkTable> tables;   // those the epoch touches
  std::string manifest;            // the sink's own: staged files, statistics, deletes
  // It says where shards begin and has no rows, so that any process can commit it.
  bool start = false;
  // Source::Lease() at the commit. Not kept: it is worth nothing to another process.
  std::string lease;

  Token TokenOf(const ShardRange& range) const {
    return {pipeline, range.shard, epoch, attempt, range.from, range.to, tables};
  }
  // The tokens that the table takes with the epoch's rows; at least one.
  std::vector<Token> TokensFor(const SinkTable& table) const;
  // The shard's tokens once the epoch is committed.
  Tokens After(const ShardRange& range) const;
  std::string ToJson() const;
  static Result<Checkpoint> FromJson(std::string_view json);
};

}  // namespace leat
