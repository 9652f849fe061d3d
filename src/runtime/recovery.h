// Recovery: where each shard goes on, from what the store saved and what the sink holds.
// One function for every way a process can have ended, and for a store that is new, old
// or lost. docs/exactly-once.md has the rules and their reasons.
#pragma once

#include <map>
#include <vector>

#include "runtime/epoch.h"

namespace leat {

// How a saved epoch stands to the tokens in the sink.
enum class Verdict : uint8_t {
  kNone,         // nothing is saved
  kCommitted,    // all of it is in the sink
  kRollForward,  // its manifest can be committed still
  kLost,         // it ended with its process: read it again
  kOld,          // the sink went on without this store: the epoch is dropped
};

// `tokens`: of every shard in the checkpoint, each for every table known.
Verdict Judge(const Checkpoint& saved, const std::map<ShardId, Tokens>& tokens,
              bool staged);

// Where a shard goes on by its tokens alone: the furthest `to` of an epoch that is
// complete in all its tables, or `from` of one that is not. Empty without any token.
Position PositionOf(const Tokens& tokens, const Source& source);

struct Recovered {
  std::map<ShardId, ShardState> shards;
  std::vector<ShardId> fresh;  // neither store nor sink knows them: EpochWriter::Start
  uint64_t epoch = 0;          // the highest seen
};

// The store names parts.owner already. kConfig: the store knows the shard, the sink has
// none of its tokens: somebody has to say what is meant.
Result<Recovered> Recover(const EpochParts& parts, const std::vector<ShardId>& shards,
                          const std::vector<SinkTable>& tables);

}  // namespace leat
