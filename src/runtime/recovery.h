// Recovery: where each shard goes on, from what the store saved and what the sink holds.
// One function for every way a process can have ended, and for a store that is new, old
// or lost. docs/exactly-once.md has the rules and their reasons.
#pragma once

#include <vector>

#include "runtime/epoch.h"

namespace leat {

// How a saved epoch that is not folded stands to the tokens in the sink.
enum class Verdict : uint8_t {
  kNone,         // there is none
  kCommitted,    // all of it is in the sink
  kRollForward,  // its manifest can be committed still
  kLost,         // it ended with its process: read it again
  kOld,          // the sink went on without this store: the epoch is dropped
};

// `tokens`: of every shard in the checkpoint, for every table known.
Verdict Judge(const Checkpoint& saved, const ShardTokens& tokens, bool staged);

// Where a shard goes on by its tokens alone: the furthest `to` of an epoch that is
// complete in all its tables, or `from` of one that is not. Empty without any token.
Position PositionOf(const Tokens& tokens, const Source& source);

struct Recovered {
  ShardStates shards;
  std::vector<ShardId> fresh;  // neither store nor sink knows them: EpochWriter::Start
  // Of `shards`, those whose position is the sink's and not the store's: what the store
  // keeps of them (state, dead letters) is older, or was never there.
  std::vector<ShardId> sink_ahead;
  uint64_t epoch = 0;  // the highest seen
};

// At the start of an attempt, and whenever shards are assigned while no epoch is open.
// The store names parts.owner already. kConfig: the store knows a shard, the sink has
// none of its tokens: somebody has to say what is meant.
Result<Recovered> Recover(const EpochParts& parts, const std::vector<ShardId>& shards,
                          const std::vector<SinkTable>& tables);

}  // namespace leat
