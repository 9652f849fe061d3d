// leat_commits: where a pipeline's shards stand, one row each, in the database of the
// rows. Its row changes in the transaction that brings the rows, so both are there or
// neither.
//
//   owner    the attempt that may commit; whoever starts writes its own name first
//   workers  connections of the owner
//   token    the newest committed epoch (core/epoch.h), as JSON, with `epoch` and
//            `attempt` of it to compare; NULL before the first
//   pending  the branches (XA) of the epoch under way, "NAME/COUNT", while several
//            connections take part; NULL when none is left to be settled
//   branch   `pending` of the newest committed epoch: tells a decided branch from a lost
//            one
//
// Two-phase commit: J. Gray, A. Reuter, "Transaction Processing", 1993, 10.3; presumed
// abort: a branch whose name is not in `branch` is rolled back.
//
// Functions of one connection at a time; borrowed for the call. Errors: as Client's.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/status.h"
#include "connectors/mysql/client/client.h"
#include "core/epoch.h"

namespace leat::mysql {

class CommitTable {
 public:
  static constexpr char kName[] = "leat_commits";

  // The database is the url's. `workers`: connections that this owner writes with.
  CommitTable(std::string pipeline, std::string database, int workers);

  // Makes the table where it is missing.
  Status Create(Client& client) const;
  // Makes `owner` the owner of the shard's row. Connections of the owner before that
  // stand in the way are ended, its branches settled. The shard's token.
  Result<std::optional<Token>> Claim(Client& client, const ShardId& shard,
                                     const std::string& owner) const;
  // The token as it is.
  Result<std::optional<Token>> Read(Client& client, const ShardId& shard) const;

  // Whether any of the shards has this owner. Waits for nobody.
  Result<bool> Owns(Client& client, const std::set<ShardId>& shards,
                    const std::string& owner) const;
  // In a transaction: those of the shards that are the owner's and that nobody is
  // claiming now; until its end nobody else claims them.
  Result<std::set<ShardId>> Lock(Client& client, const std::set<ShardId>& shards,
                                 const std::string& owner) const;
  enum class Standing : uint8_t { kMine, kPrevious, kOther };
  // In a transaction: puts the checkpoint's tokens in place of its previous ones, for
  // `owner`. False: something is not as expected; roll back.
  Result<bool> Swap(Client& client, const Checkpoint& checkpoint,
                    const std::string& owner) const;
  // What the tokens are now, after whatever is in flight has ended.
  Result<Standing> Compare(Client& client, const Checkpoint& checkpoint) const;

  // The value of `pending` for an owner's epoch of that number, and the name in it that
  // its branches have.
  static std::string Pending(const std::string& owner, uint64_t number, int count);
  static std::string BranchName(const std::string& pending);
  // Says, before any branch is prepared, which ones there will be. In how many shards.
  Result<uint64_t> Announce(Client& client, const std::set<ShardId>& shards,
                            const std::string& owner, const std::string& pending) const;
  // In the transaction of Swap: the branches of `pending` are to be committed.
  Status Decide(Client& client, const std::set<ShardId>& shards, const std::string& owner,
                const std::string& pending) const;
  // All branches of `pending` are settled.
  Status Forget(Client& client, const std::set<ShardId>& shards, const std::string& owner,
                const std::string& pending) const;
  // Ends the owner's other connections, and commits or rolls back the branches that its
  // rows of these shards announce.
  Status Settle(Client& client, const std::set<ShardId>& shards,
                const std::string& owner) const;

  // A name for GET_LOCK by which a connection of an owner is found.
  static std::string LockName(const std::string& owner, int connection);

 private:
  struct Entry {
    std::string owner;
    int workers = 1;
    std::optional<Token> token;
    std::string pending;
    std::string branch;
  };

  std::string Where(const ShardId& shard) const;
  std::string Where(const std::set<ShardId>& shards) const;
  Result<std::optional<Entry>> Get(Client& client, const ShardId& shard,
                                   std::string_view lock) const;
  Result<std::optional<Entry>> Take(Client& client, const ShardId& shard,
                                    const std::string& owner) const;
  Status SettleEntry(Client& client, const ShardId& shard, const Entry& entry) const;
  Status EndConnections(Client& client, const std::string& owner, int workers,
                        bool wait) const;

  const std::string pipeline_;
  const std::string table_;  // quoted
  const int workers_;
};

}  // namespace leat::mysql
